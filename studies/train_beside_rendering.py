"""Trains a model on while people are rendered beside it: in parts, each with a new discriminator and all people so far.

    python -m studies.train_beside_rendering runs/on --assets PACK --parts 8 --images 96000

Rendering takes cores and training a GPU, so both go on at once, and nobody learns the same few people by heart. RUN
gets run.json, people-<first>.npz, <part>.safetensors (the EMA generator at the end of each part, from 00, 16 bits) and
log.jsonl. Stopped, it begins the part again that is missing; what was rendered stays. The rate of the generator falls
from part to part.
"""

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from time import sleep

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from gghead.checkpoint.atomic import write_file
from gghead.config.presets import PRESETS, from_preset, with_batch_size, with_discriminator, with_settings
from gghead.config.training import RunConfig
from gghead.cuda.graphs import fastest_runner, on_gpu
from gghead.data.labels import mirror_labels
from gghead.data.loader import Batch
from gghead.data.pixels import foreground
from gghead.data.sampler import Order
from gghead.model.storage import save_generator
from gghead.rasterizer.cuda.device_report import watch_lists
from gghead.runs.places import BUNDLED_MODEL
from gghead.synthetic import Sitting
from gghead.synthetic.dataset.generation import one_thread_each
from gghead.synthetic.people.portraits import draw_head, head_maker
from gghead.synthetic.render.cameras import Optics
from gghead.training.loop import training_step
from gghead.training.observe.health import require_finite
from gghead.training.precision import multiplication
from gghead.training.step_report import Accumulator
from gghead.training.steps.inputs import StepContext
from gghead.training.transfer import continue_config, open_source, transfer

CHUNK = 16
"""People of a file."""
SECONDS_BETWEEN_LOOKS = 2
SETTINGS = {"views": 4, "adversarial": "logistic", "saturation_weight": 0.2, "position_weight": 0, "scale_weight": 0}
"""What differs from the preset with a discriminator on features, see docs/experiments.md."""


def draw_chunk(sitting: Sitting, folder: Path, first: int) -> int:
    """Renders people first, first + 1, ... of a sitting into their file, unless it is there; returns first."""
    path = folder / f"people-{first:07}.npz"
    if path.exists():
        return first
    global _maker
    _maker = head_maker(sitting) if _maker is None else _maker
    portraits = [draw_head(_maker, sitting, number)[1][0] for number in range(first, first + CHUNK)]
    pixels = np.stack([foreground(one.pixels[..., :3], one.mask, sitting.resolution) for one in portraits])
    labels = np.stack([one.label for one in portraits])
    write_file(path, lambda temporary: _save(temporary, pixels, labels))
    return first


def _save(path: Path, pixels: UInt8[np.ndarray, "K R R 4"], labels: Float[np.ndarray, "K 25"]) -> None:
    with path.open("wb") as file:
        np.savez(file, pixels=pixels, labels=labels)


_maker = None
"""What this process draws with."""


class People:
    """Rendered people on the device; more of them whenever somebody looks.

    Attributes:
        pixels, labels: of those that are there.
    """

    def __init__(self, sitting: Sitting, folder: Path, count: int, workers: int, device: torch.device) -> None:
        """Starts to render; `close` ends it."""
        side = sitting.resolution
        self._store = torch.empty((count, side, side, 4), dtype=torch.uint8, device=device)
        self._labels = np.empty((count, 25), np.float32)
        self._folder, self._known = folder, 0
        with one_thread_each():
            self._pool = ProcessPoolExecutor(workers, get_context("spawn"))
            self._chunks: list[Future[int]] = [
                self._pool.submit(draw_chunk, sitting, folder, first) for first in range(0, count - CHUNK + 1, CHUNK)
            ]

    def look(self) -> int:
        """Takes those that are rendered by now, in their order, up to the first that is not; returns their number."""
        while self._known < CHUNK * len(self._chunks) and self._chunks[self._known // CHUNK].done():
            first = self._chunks[self._known // CHUNK].result()
            with np.load(self._folder / f"people-{first:07}.npz") as chunk:
                self._store[first : first + CHUNK] = torch.from_numpy(chunk["pixels"]).to(self._store.device)
                self._labels[first : first + CHUNK] = chunk["labels"]
            self._known += CHUNK
        return self._known

    @property
    def pixels(self) -> UInt8[Tensor, "M R R 4"]:
        """Premultiplied foreground and alpha."""
        return self._store[: self._known]

    @property
    def labels(self) -> Float[np.ndarray, "M 25"]:
        """Their cameras."""
        return self._labels[: self._known]

    def close(self) -> None:
        """Stops after the chunks that are begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def batches(people: People, order: Order) -> Iterator[Batch]:
    """Batches of a part, from the people that are there at its start."""
    pixels, labels = people.pixels, people.labels
    for selection in order.selections(len(labels), 0):
        chosen = torch.from_numpy(selection.indices).to(pixels.device)
        flipped = torch.from_numpy(selection.flipped).to(pixels.device)[:, None, None, None]
        found = pixels.index_select(0, chosen)
        seen = labels[selection.indices]
        seen = np.where(selection.flipped[:, None], mirror_labels(seen), seen)
        yield Batch(torch.where(flipped, found.flip(2), found), torch.from_numpy(seen).to(pixels.device))


def configured(start: Path, preset: str, batch_size: int, seed: int, settings: dict[str, object]) -> RunConfig:
    """The configuration of a part."""
    config = with_discriminator(from_preset(preset, "people that are rendered meanwhile"), "features")
    training = replace(with_batch_size(config.training, batch_size), seed=seed)
    config = continue_config(replace(config, training=training), open_source(start))
    texts = {name: str(value) for name, value in settings.items()}
    return replace(config, training=with_settings(config.training, texts))


def train_part(config: RunConfig, people: People, images: int, device: torch.device, out: Path, log: Path) -> None:
    """Trains one part and writes its EMA generator."""
    state, _ = transfer(config, device)
    training = config.training
    runner = fastest_runner(device, watch_lists)
    context = StepContext(training, torch.from_numpy(people.labels.copy()), run=runner)
    means = Accumulator(training.batch_size)
    order = Order(training.seed, training.batch_size, training.mirrored, 0, 1, config.model.discriminator.group_size)
    for batch in batches(people, order):
        means.add(training_step(state, context, batch))
        last = state.images >= images
        if last or state.images % (training.batch_size * max(8192 // training.batch_size, 1)) == 0:
            row = {"part": out.stem, "images": state.images, "people": len(people.labels)}
            tick = means.read(state.images)
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row | tick.values()) + "\n")
            left = timedelta(seconds=round(max(images - state.images, 0) / tick.images_per_second))
            print(f"part {out.stem}: {state.images} of {images} images, {len(people.labels)} people, ETA {left}")
        if last:
            break
    require_finite(state, means)
    state.generator_ema.cpu()
    save_generator(out, state.generator_ema, torch.float16)


def parsed() -> argparse.Namespace:
    """The command line; what can be known to be wrong is refused before anybody is rendered."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder, made if it is missing")
    parser.add_argument("--start", type=Path, default=BUNDLED_MODEL, help="model file")
    parser.add_argument("--assets", type=Path, required=True, help="MakeHuman asset pack")
    parser.add_argument("--preset", choices=[name for name in PRESETS if name.startswith("heads")], default="heads512")
    parser.add_argument("--parts", type=int, default=8)
    parser.add_argument("--images", type=int, default=96_000, help="of a part")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rates", type=float, nargs=2, default=(5e-4, 1.5e-4), help="of the generator, first and last")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of all parts; repeatable")
    parser.add_argument("--people", type=int, default=32_000, help="at most; 1 MiB of the device each at 512 x 512")
    parser.add_argument("--first", type=int, default=1_000, help="people that the first part waits for")
    parser.add_argument("--workers", type=int, default=14, help="processes that render")
    parser.add_argument("--seed", type=int, default=66, help="of the people")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    whole = options.people - options.people % CHUNK
    if not CHUNK <= options.first <= whole:
        parser.error(f"--first is {options.first}; people come in chunks, so expected {CHUNK} to {whole}")
    if min(options.rates) <= 0 or min(options.parts, options.images, options.workers) < 1:
        parser.error("--rates must be above 0, --parts, --images and --workers 1 or more")
    if lacking := [text for text in options.set if "=" not in text]:
        parser.error(f"--set {lacking[0]} has no value; expected NAME=VALUE")
    options.set = dict(text.split("=", 1) for text in options.set)
    try:
        configured(options.start, options.preset, options.batch_size, 0, SETTINGS | options.set)
        head_maker(sitting_of(options))
    except (ValueError, FileNotFoundError) as error:
        parser.error(str(error))
    return options


def sitting_of(options: argparse.Namespace) -> Sitting:
    """How people are rendered."""
    side, optics = PRESETS[options.preset].model.discriminator.resolution, Optics(None, (3, 4.3))
    return Sitting(side, options.seed, 1, "around", options.assets, False, optics, transparent=True)


def require_same(options: argparse.Namespace) -> None:
    """Notes what decides about a run in its folder, or compares it with what is noted there.

    Raises:
        SystemExit: the run was begun otherwise; names what differs.
    """
    note = options.run / "run.json"
    free = "run", "people", "first", "workers", "device"
    wanted = json.loads(
        json.dumps({name: value for name, value in vars(options).items() if name not in free}, default=str)
    )
    if not note.exists():
        write_file(note, lambda temporary: temporary.write_text(json.dumps(wanted, indent=1), encoding="utf-8"))
    known = json.loads(note.read_text(encoding="utf-8"))
    if differing := [name for name in wanted if known.get(name) != wanted[name]]:
        told = ", ".join(f"--{name.replace('_', '-')} {known.get(name)}" for name in differing)
        raise SystemExit(f"{options.run} was begun with {told}; go on with that, or name another folder")


def main() -> None:
    """Renders and trains."""
    options = parsed()
    options.run.mkdir(parents=True, exist_ok=True)
    require_same(options)
    device, (first, last), start = torch.device(options.device), options.rates, options.start
    people = People(sitting_of(options), options.run, options.people, options.workers, device)
    try:
        for part in range(options.parts):
            out = options.run / f"{part:02}.safetensors"
            if not out.exists():
                while people.look() < options.first:
                    sleep(SECONDS_BETWEEN_LOOKS)
                rate = first * (last / first) ** (part / max(options.parts - 1, 1))
                settings = SETTINGS | {"generator_lr": rate} | options.set
                config = configured(start, options.preset, options.batch_size, part, settings)
                with on_gpu(device), multiplication(config.training.precision):
                    train_part(config, people, options.images, device, out, options.run / "log.jsonl")
            start = out
    finally:
        people.close()


if __name__ == "__main__":
    main()
