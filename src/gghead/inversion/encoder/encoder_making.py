"""An encoder file that is being made: from so many heads, told of, kept, and gone on with."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors
from gghead.checkpoint.unfinished import UnfinishedFolder
from gghead.config.printable import printable
from gghead.inference.observation import Observation
from gghead.inversion.encoder.degradation import degraded
from gghead.inversion.encoder.encoder import Encoder
from gghead.inversion.encoder.encoder_file import picture_features, save_encoder
from gghead.inversion.encoder.features import PictureFeatures
from gghead.inversion.encoder.random_heads import erring_labels, random_cameras, random_heads
from gghead.inversion.encoder.regression import Regression
from gghead.inversion.person import generator_hash
from gghead.inversion.style_space import StyleSpace
from gghead.metrics.efficientnet import SIDE
from gghead.model.generator import Generator
from gghead.processes.interruption import catch_interruption

STATE_NAME = "state.safetensors"
KEPT_SECONDS = 120.0
"""Time between two states that are written: a third of a gigabyte each."""
HEADS_KEY = "gghead.heads"
BATCH = 16
"""Heads that are drawn at once."""
VIEWS = 2
"""Pictures of each head."""
SEEN = Observation()
"""One sample a pixel: a fourth of the time of supersampling, and as good to learn styles from."""


class Interrupted(KeyboardInterrupt):
    """Somebody asked the training to stop; its state is written."""


@dataclass(frozen=True)
class EncoderOrder:
    """How an encoder is trained.

    Attributes:
        heads: generated heads to learn from.
        seed: of everything random.
        model: name of the generator's file.
    """

    heads: int
    seed: int
    model: str


def make_encoder(
    out: Path,
    order: EncoderOrder,
    generator: Generator,
    on_progress: Callable[[int], None] = lambda heads: None,
    overwrite: bool = False,
) -> None:
    """Trains the encoder of a generator; the same call goes on after an interruption.

    Args:
        out: file to write, ending in .safetensors.
        order: how it is trained.
        generator: frozen.
        on_progress: is told how many heads it has learned from.
        overwrite: whether an existing file, and what is half made in another way, is replaced.

    Raises:
        Interrupted: a signal asked to stop; what is done is kept.
        FileExistsError: the file exists, or a half-made one of another order, and shall not be overwritten.
        FileNotFoundError: EfficientNet-Lite0 is not installed.
        BlockingIOError: another process makes the same file.
        ValueError: another ending, or a generator without mapping network, or whose pictures are not finite.
        OSError: the disk is full or not writable; what is done is kept.
    """
    if out.suffix != ".safetensors":
        raise ValueError(f"the encoder file is to be {out}; expected a name ending in .safetensors")
    if os.path.lexists(out) and not overwrite:
        raise FileExistsError(f"{out} exists already; name another file, or overwrite it (--force, overwrite=True)")
    features = picture_features().to(generator.device)
    folder = UnfinishedFolder(out, _settings(order, generator), overwrite)
    state = folder.path / STATE_NAME
    try:
        with catch_interruption() as interruption:
            found = _learn(order, generator, features, state, on_progress, lambda: interruption.requested)
        kept = Encoder(features, found.solve(), order.model, generator_hash(generator))
        save_encoder(folder.path / out.name, kept)
        folder.publish([out])
        folder.remove()
    finally:
        folder.release()


def _learn(
    order: EncoderOrder,
    generator: Generator,
    features: PictureFeatures,
    state: Path,
    on_progress: Callable[[int], None],
    stopped: Callable[[], bool],
) -> Regression:
    """Adds up what is not added yet."""
    space = StyleSpace.of(generator)
    sums = Regression(features.count, generator.config.style_size, generator.device)
    heads = _restore(state, sums) if state.exists() else 0
    written = time.monotonic()
    while heads < order.heads:
        count = min(BATCH, order.heads - heads)
        found, places = learned_pictures(generator, space, features, count, random_for(order.seed, heads))
        sums.add(found, places)
        heads += count
        on_progress(heads)
        stop = stopped() and heads < order.heads
        if stop or time.monotonic() - written > KEPT_SECONDS:
            tensors = {"moments": sums.moments, "products": sums.products}
            save_tensors(state, TensorFile(tensors, {HEADS_KEY: str(heads)}))
            written = time.monotonic()
        if stop:
            raise Interrupted
    return sums


@torch.no_grad()
def learned_pictures(
    generator: Generator, space: StyleSpace, features: PictureFeatures, count: int, random: torch.Generator
) -> tuple[Float[Tensor, "P F"], Float[Tensor, "P W"]]:
    """Features of pictures of random heads, spoiled as photographs are, and the coordinates that they belong to.

    Args:
        generator: that makes the heads.
        space: of its styles.
        features: that an encoder looks at.
        count: heads; there are `VIEWS` pictures of each.
        random: on the CPU.

    Returns:
        Both of each picture, those of one head together.
    """
    side = min(generator.config.picture_resolution or SIDE, SIDE)
    cameras = random_cameras(VIEWS * count, side, random)
    labels = erring_labels(cameras, random).to(generator.device)
    on_device = torch.Generator(generator.device).manual_seed(int(torch.randint(2**62, (), generator=random)))
    places = random_heads(generator, space, count, on_device)
    gaussians = generator.decode(space.styles(places)[:, None].expand(-1, generator.synthesis.num_styles, -1))
    views = cameras.to(generator.device).map(lambda tensor: tensor.unflatten(0, (count, VIEWS)))
    drawn = SEEN.render(gaussians, views, background=0.0, pairwise=True)
    pixels = torch.cat([drawn.rgb, drawn.alpha], dim=-1).flatten(0, 1)
    return features(degraded(pixels, on_device), labels), places.repeat_interleave(VIEWS, dim=0)


def random_for(seed: int, heads: int) -> torch.Generator:
    """Random numbers of what comes after so many heads; a resumed training is the same training."""
    (key,) = np.random.SeedSequence([seed, heads]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(key) >> 1)


def _restore(state: Path, sums: Regression) -> int:
    """Reads sums that were written, and returns of how many heads.

    Raises:
        ValueError: the state is not whole.
    """
    try:
        content = load_tensors(state)
        sums.moments.copy_(content.tensors["moments"])
        sums.products.copy_(content.tensors["products"])
        return int(content.texts[HEADS_KEY])
    except (RuntimeError, KeyError, ValueError) as error:
        raise ValueError(
            f"the unfinished encoder {state} is not whole ({printable(str(error))}); remove the folder {state.parent}, "
            "and it begins anew"
        ) from error


def _settings(order: EncoderOrder, generator: Generator) -> str:
    """What a half-made file must have in common with an order to be finished by it."""
    settings = {
        "version": version("gghead"),
        "model": generator_hash(generator),
        "heads": order.heads,
        "seed": order.seed,
        "device": generator.device.type,
    }
    return json.dumps(settings)
