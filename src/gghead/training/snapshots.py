"""What a run shows of itself from time to time: the averaged generator and a sheet of its heads."""

import numpy as np
import torch
from PIL import Image

from gghead.checkpoint.atomic import write_file
from gghead.geometry.cameras import FFHQ_DISTANCE, Cameras
from gghead.geometry.trajectories import on_sphere
from gghead.inference.pictures import portraits
from gghead.media.images import tile, to_uint8
from gghead.model.storage import save_generator
from gghead.training.run_folder import RunFolder
from gghead.training.state import TrainingState

SEEDS = range(12)
"""Heads of a sheet."""
YAWS = (-0.5, 0.0, 0.5)
"""Cameras of a sheet, radians."""
MAX_SIDE = 256
"""Pictures of a sheet are not larger, pixels."""


def take_snapshot(run: RunFolder, state: TrainingState) -> None:
    """Writes the sample grid and the model file of the averaged generator; replaces those of the same image count."""
    save_generator(run.snapshot(state.images, ".safetensors"), state.average)
    sheet = Image.fromarray(sample_sheet(state, run.config.model.discriminator.resolution))
    write_file(run.snapshot(state.images, ".png"), lambda temporary: sheet.save(temporary, "PNG"))


def sample_sheet(state: TrainingState, resolution: int) -> np.ndarray:
    """Heads of fixed seeds in rows of four, each from three sides, uint8 [H, W, 3]."""
    yaw = torch.tensor(YAWS, device=state.device)
    eyes = on_sphere(yaw, torch.zeros_like(yaw), FFHQ_DISTANCE)
    cameras = Cameras.looking_at(eyes, eyes.new_zeros(3), min(resolution, MAX_SIDE))
    styles = state.average.styles(seeds=SEEDS, truncation=1.0)
    pictures = torch.cat(list(portraits(state.average, styles, cameras)))
    return tile(to_uint8(pictures), columns=4 * len(YAWS))
