"""From pictures of a person to a person: the stages of a fit, told of, kept, and gone on with."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image

from gghead.config.numbers import require_whole
from gghead.inversion.encoder.encoder import Encoder, require_encoder
from gghead.inversion.encoder.encoder_file import find_encoder
from gghead.inversion.fit_state import Position, explaining_unusable, read_position, read_state, restore, save_state
from gghead.inversion.fitting import Fitting
from gghead.inversion.memory import explaining_full_memory
from gghead.inversion.person import Person, generator_hash
from gghead.inversion.qualities import Quality, stages_of
from gghead.inversion.targets import Picture, Targets, ffhq_squares, require_count
from gghead.metrics.efficientnet import EfficientNetLite, load_efficientnet
from gghead.model.generator import Generator
from gghead.photos.faces.models import FaceModels
from gghead.photos.head_finder import PhotoSettings
from gghead.photos.photo import Photo, prepare

log = logging.getLogger(__name__)

LARGEST_SIDE = 512
"""Side of the pictures that a model of unknown pictures is fitted to, pixels."""
SMALLEST_SIDE = 16
WIDE = 1.5
"""Side of a photograph's wide crop, sides of the model's pictures: it shows hair and ears whole, and a face
0.84 times as large as FFHQ's would."""
NUM_BACKGROUNDS = 4
"""Colours behind each picture, so that no head hides in one of them."""
KEPT_SECONDS = 30.0
"""Time between two states that are written."""

Photograph = str | Path | Image.Image | UInt8[np.ndarray, "H W 3"] | Photo | Picture
"""A file, a picture of Pillow, RGB pixels, or one that is prepared."""


class Interrupted(KeyboardInterrupt):
    """Somebody asked a fit to stop; its state is written."""


@dataclass(frozen=True)
class Progress:
    """How far a fit is.

    Attributes:
        done: steps.
        total: steps of all stages.
        loss: of the last step.
        fitting: what is there so far.
    """

    done: int
    total: int
    loss: float
    fitting: Fitting


def invert(
    photos: Sequence[Photograph],
    generator: Generator,
    *,
    quality: Quality = "good",
    seed: int = 0,
    model: str = "a generator",
    on_progress: Callable[[Progress], None] = lambda progress: None,
    models: FaceModels | str | Path | None = None,
    encoder: Encoder | None = None,
) -> Person:
    """Finds the head of a generator that looks like the person in photographs.

    Styles of all layers are fitted first, from where an encoder says or else from the mean ("best" then looks for one
    style of all layers before), then residuals of the UV maps, to absolute differences, multi-scale structural
    similarity and features of EfficientNet-Lite0 where its package is installed; cameras move within small bounds. The
    same photographs, generator, encoder, quality and seed make the same person on one CPU; on a GPU, which adds in
    another order each time, nearly the same.

    Args:
        photos: of one person; what is not prepared is, as `gghead.photos.prepare` does it.
        generator: whose head it is, frozen (`gghead.load()`).
        quality: "fast", "good" or "best"; "encoder" for what the encoder says, without a fit, in a second.
        seed: of the order of the pictures and of the colours behind them.
        model: what the person says that the generator is.
        on_progress: is told after every step.
        models: MediaPipe's, as of `gghead.photos.prepare`.
        encoder: of the generator, see `load_encoder`; None for the bundled one if it is of this generator.

    Raises:
        FileNotFoundError: there is no such photograph, or the face models are not on this machine.
        Refused: a ValueError that says why a photograph can't be used.
        ValueError: no photographs, an argument out of its range, or an encoder of another generator, or none where
            the quality needs one.

    Example:
        >>> import gghead
        >>> from gghead.inversion import invert, save_person
        >>> person = invert(["portrait.jpg"], gghead.load())  # doctest: +SKIP
        >>> save_person("person.safetensors", person)  # doctest: +SKIP

    Source: Abdal et al. 2020, "Image2StyleGAN++"; Roich et al. 2021, "Pivotal Tuning", whose second step is taken on
    UV maps instead of weights.
    """
    stages_of(quality)
    pictures, names = prepared(photos, generator, models)
    fitting = begin(pictures, generator, quality, seed, find_encoder(generator) if encoder is None else encoder)
    run(fitting, quality, on_progress)
    return person_of(fitting, names, model)


def prepared(
    photos: Sequence[Photograph], generator: Generator, models: FaceModels | str | Path | None = None
) -> tuple[list[Photo | Picture], list[str]]:
    """Pictures as they are fitted to, and what they are called; errors as of `invert`."""
    if isinstance(photos, str | Path) or not isinstance(photos, Sequence) or not len(photos):
        raise ValueError(f"photos are {photos!r}; expected a sequence of one or more, like ['portrait.jpg']")
    require_count(len(photos))  # before the seconds that each of them takes
    for path in photos:
        if isinstance(path, str | Path) and Path(path).is_dir():
            raise ValueError(f"{path} is a folder; expected photographs of one person: name its files, {path}/*.jpg")
        if isinstance(path, str | Path) and not Path(path).is_file():
            raise FileNotFoundError(f"there is no photograph {path}; expected a file with a picture of the person")
    raw = any(not isinstance(photo, Photo | Picture) for photo in photos)
    finders = FaceModels(models) if raw and not isinstance(models, FaceModels) else models
    settings = photo_settings(generator)
    pictures, names = [], []
    for number, photo in enumerate(photos):
        named = isinstance(photo, str | Path)
        names.append(Path(photo).name if named else f"picture {number + 1}")
        try:
            pictures.append(photo if isinstance(photo, Photo | Picture) else prepare(photo, settings, finders))
        except ValueError as error:
            error.args = (f"{names[-1]}: {error}",)
            raise
    return pictures, names


def photo_settings(generator: Generator) -> PhotoSettings:
    """How photographs are prepared for a generator."""
    return PhotoSettings(resolution=max(round(WIDE * fitted_side(generator)), SMALLEST_SIDE), framing="wide")


def fitted_side(generator: Generator) -> int:
    """Side of the pictures that a generator's heads are fitted to: that which it learned from."""
    return min(generator.config.picture_resolution or LARGEST_SIDE, LARGEST_SIDE)


def begin(
    pictures: Sequence[Photo | Picture],
    generator: Generator,
    quality: Quality,
    seed: int,
    encoder: Encoder | None = None,
) -> Fitting:
    """A fit before its first step.

    Args:
        pictures: of one person.
        generator: whose head it is.
        quality: of the fit; one without steps needs an encoder.
        seed: as of `invert`.
        encoder: that says where it begins; None for the mean head.

    Raises:
        ValueError: pictures that can't be used, a seed that is none, an encoder of another generator, or none where
            one is needed.
    """
    steps = sum(stage.steps for stage in stages_of(quality))
    if encoder is None and not steps:
        raise ValueError(
            f"there is no encoder for this model, or none that works here, and the quality {quality!r} is its answer; "
            "train one with `gghead train-encoder MODEL`, or take another quality"
        )
    if encoder is not None:
        require_encoder(encoder, generator)
    seed = require_whole("a seed", seed, 0, 2**32 - 1, example="0 or 42")
    finest = [round(max(ffhq_squares(picture), 1) * fitted_side(generator)) for picture in pictures]
    side = min([*finest, *(len(picture.image) for picture in pictures)], default=0)
    with explaining_full_memory(generator, len(pictures), side):
        targets = Targets.of(pictures, side, NUM_BACKGROUNDS, seed, generator.device)
        network = _network(generator.device) if steps else None
        fitting = Fitting(generator, targets, network, seed=seed, encoded=encoder is not None)
    if encoder is not None:
        with torch.no_grad():
            fitting.fit.shared_style.copy_(encoder.encode(targets)[0])
    return fitting


def run(
    fitting: Fitting,
    quality: Quality,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    state: Path | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Makes the steps of a fit that are not made yet.

    Args:
        fitting: changed.
        quality: how many steps.
        on_progress: is told after every step.
        state: file that holds how far an interrupted call came, and is written from time to time.
        stopped: asked after every step whether to stop.

    Raises:
        Interrupted: `stopped` said so; the state is written.
        ValueError: the state is damaged or of another fit; says what to remove.
        torch.OutOfMemoryError: there is no room for a step; says what lowers it.
    """
    stages = stages_of(quality, fitting.encoded)
    with explaining_unusable(state):
        left = None if state is None else read_state(state)
        start = Position() if left is None else read_position(left)
    total = sum(stage.steps for stage in stages)
    written = time.monotonic()
    for number, stage in enumerate(stages):
        if number < start.stage:
            continue
        optimizer = fitting.optimizer(stage)
        first = 0
        if left is not None and number == start.stage:
            with explaining_unusable(state):
                restore(left, fitting.fit, optimizer)
            first = start.step
        before = sum(earlier.steps for earlier in stages[:number])
        for step in range(first, stage.steps):
            with explaining_full_memory(fitting.generator, len(fitting.targets), fitting.targets.cameras.width):
                loss = fitting.step(stage, step, optimizer)
            on_progress(Progress(before + step + 1, total, loss, fitting))
            stop = stopped()
            if state is not None and (stop or time.monotonic() - written > KEPT_SECONDS):
                save_state(state, fitting.fit, optimizer, Position(number, step + 1))
                written = time.monotonic()
            if stop:
                raise Interrupted


@torch.no_grad()
def person_of(fitting: Fitting, names: Sequence[str], model: str) -> Person:
    """What a fit has found; maps rounded as a file keeps them."""
    fit, generator = fitting.fit, fitting.generator
    side = generator.config.map_resolution
    if len(fit.expressions):
        expressions = torch.stack([expression() for expression in fit.expressions])
    else:
        expressions = torch.zeros(1, generator.config.map_channels, min(side, 8), min(side, 8))
    return Person(
        styles=fit.styles(),
        residual=fit.residual().half().float(),
        expressions=expressions.half().float(),
        gains=fit.color_gains(),
        labels=fit.cameras(fitting.targets).labels(),
        pictures=tuple(names),
        model=model,
        model_hash=generator_hash(generator),
    ).to("cpu")


def _network(device: torch.device) -> EfficientNetLite | None:
    """Tells pictures apart; None, with a warning, where its package is not installed."""
    try:
        return load_efficientnet().to(device)
    except FileNotFoundError:
        log.warning("fitted without features of a network, so details are softer; pip install 'gghead[evaluation]'")
        return None
