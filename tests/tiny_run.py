"""A dataset of a few blobs and a run small enough for a test: seconds, not minutes."""

import io
import json
import os
import socket
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gghead.config.model import DiscriminatorConfig, GeneratorConfig, ModelConfig
from gghead.config.training import RunConfig, TrainingConfig
from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_head import FFHQ_DISTANCE
from gghead.geometry.trajectories import on_sphere
from gghead.runs.run_folder import RunFolder
from gghead.training.observe.telemetry import Monitor

RESOLUTION = 16
PATIENCE = 200
"""Seconds that a test waits for a run; it needs a twentieth of it on a quiet machine."""
MODEL = ModelConfig(
    GeneratorConfig(
        z_size=8,
        style_size=8,
        map_resolution=16,
        channel_base=64,
        channel_max=8,
        grid_size=16,
        max_log_scale=-1.5,
        log_scale_offset=-2.5,
    ),
    DiscriminatorConfig(resolution=RESOLUTION, channel_base=64, channel_max=8, mapping_layers=2),
)
TRAINING = TrainingConfig(
    total_images=48,
    batch_size=4,
    r1_every=4,
    blur_sigma=1.0,
    blur_fade_images=24,
    swap_fade_images=24,
    snapshot_every=24,
    log_every=8,
    beta_weight=1.0,
    uv_variation_weight=1.0,
)


def tiny_config(data: Path, **training: object) -> RunConfig:
    """Configuration of a run that takes a few seconds; keywords replace fields of its TrainingConfig."""
    return RunConfig(preset="tiny", data=str(data), model=MODEL, training=replace(TRAINING, **training))


def write_tiny_dataset(path: Path, count: int = 10, seed: int = 0, resolution: int = RESOLUTION) -> Path:
    """Writes <path> and its masks: discs of random colours seen by cameras in front of them."""
    rng = np.random.default_rng(seed)
    angles = torch.from_numpy(rng.uniform(-0.4, 0.4, (2, count))).float()
    cameras = Cameras.looking_at(on_sphere(angles[0], angles[1], FFHQ_DISTANCE), torch.zeros(3), resolution)
    names = [f"00000/img{index:08d}.png" for index in range(count)]
    rows, columns = np.mgrid[:resolution, :resolution] - (resolution - 1) / 2
    disc = np.hypot(rows, columns) < resolution * 0.4
    masks = path.with_name(f"{path.stem}_masks_modnet.zip")
    with zipfile.ZipFile(path, "w") as pictures, zipfile.ZipFile(masks, "w") as mask_zip:
        for name in names:
            color = rng.integers(0, 255, 3)
            shaded = color * (0.6 + 0.4 * (columns / resolution + 0.5)[..., None])
            pictures.writestr(name, png(shaded.astype(np.uint8)))
            mask_zip.writestr(name, png(disc.astype(np.uint8) * 255))
        labels = [[name, label.tolist()] for name, label in zip(names, cameras.labels(), strict=True)]
        pictures.writestr("dataset.json", json.dumps({"labels": labels}))
    return path


def png(pixels: np.ndarray) -> bytes:
    """Encoded picture, by Pillow alone."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


class SilentMonitor(Monitor):
    """Keeps what a run tells."""

    def __init__(self) -> None:
        self.ticks: list[object] = []
        self.images: list[int] = []
        self.events: list[str] = []
        self.measured: list[tuple[int, dict[str, float]]] = []
        self.pictures: list[tuple[int, dict[str, Path]]] = []

    def tick(self, tick: object) -> None:
        """Keeps a tick."""
        self.ticks.append(tick)

    def advance(self, images: int) -> None:
        """Keeps a count."""
        self.images.append(images)

    def event(self, text: str) -> None:
        """Keeps a line."""
        self.events.append(text)

    def metrics(self, images: int, values: dict[str, float]) -> None:
        """Keeps a measurement."""
        self.measured.append((images, values))

    def sheets(self, images: int, sheets: dict[str, Path]) -> None:
        """Keeps the names of a snapshot's pictures."""
        self.pictures.append((images, sheets))


class SignalAt(SilentMonitor):
    """Sends this process a signal when so many images were seen."""

    def __init__(self, images: int, number: int) -> None:
        super().__init__()
        self.at, self.number = images, number

    def advance(self, images: int) -> None:
        super().advance(images)
        if images == self.at:
            os.kill(os.getpid(), self.number)


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_first_tick(run: RunFolder) -> None:
    """Until a run has written its first line."""
    limit = time.monotonic() + PATIENCE
    while not run.log.exists():
        assert time.monotonic() < limit, "no tick was written"
        time.sleep(0.02)
