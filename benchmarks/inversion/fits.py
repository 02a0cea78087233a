"""Fits of held-out people, each scored before and after; several processes share GPUs that one fit leaves idle."""

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import UInt8
from torch import Tensor

from benchmarks.inversion.people import HeldOut, held_out
from benchmarks.inversion.scores import Score, beside, score
from gghead.inference.loading import load
from gghead.inference.observation import as_learned
from gghead.inversion.encoder.encoder import Encoder
from gghead.inversion.encoder.encoder_file import find_encoder
from gghead.inversion.fitting import HeadFit, Stage
from gghead.inversion.inversion import begin, fitted_side, person_of
from gghead.inversion.person import Person
from gghead.inversion.qualities import Quality, stages_of
from gghead.metrics.efficientnet import EfficientNetLite, load_efficientnet
from gghead.metrics.identity import FaceRecognizer, load_recognizer
from gghead.model.generator import Generator
from gghead.processes.freed_memory import keep_freed_memory
from gghead.runs.resolve import find_model
from gghead.synthetic.anatomy.heads import HeadMaker
from gghead.synthetic.people.portraits import Sitting, head_maker

SEED = 777_001
"""Of the people; nobody trained on them."""

Method = Literal["encoder", "w", "w+", "maps"]
"""What is fitted: nothing, so that it is what the encoder says; one style for all layers; styles of layers; and then
residual maps, which is what `invert` does."""


@dataclass(frozen=True)
class Protocol:
    """How people are inverted.

    Attributes:
        quality: how many steps.
        method: what is fitted.
        encoded: whether fits begin where the encoder says; else at the mean head.
        photographs: of each person.
        pose_error: of the cameras, see people.py.
    """

    quality: Quality
    method: Method
    encoded: bool
    photographs: int
    pose_error: float

    def stages(self) -> tuple[Stage, ...]:
        """What the method makes of the quality's stages."""
        *styles, details = stages_of(self.quality, self.encoded)
        one = tuple(replace(stage, layers=False) for stage in styles)
        methods = {"encoder": (), "w": one, "w+": tuple(styles), "maps": (*styles, details)}
        return methods[self.method]

    def continues(self, other: "Protocol") -> bool:
        """Whether the fit goes on where that of another protocol ends."""
        return replace(self, method=other.method) == other and (other.method, self.method) == ("w+", "maps")


@dataclass(frozen=True)
class Source:
    """Who is inverted, and with what.

    Attributes:
        model: as in `gghead sample`; None for the bundled one.
        device: of the fits.
        assets: pack of textured people; None for procedural ones.
    """

    model: str | None
    device: str
    assets: Path | None


@dataclass(frozen=True)
class Tools:
    """What every fit of a process needs."""

    generator: Generator
    encoder: Encoder | None
    maker: HeadMaker
    network: EfficientNetLite
    recognizer: FaceRecognizer | None
    side: int

    @staticmethod
    @cache
    def of(source: Source) -> "Tools":
        """Loaded once in each process."""
        keep_freed_memory()  # as `gghead invert` does
        generator = load(source.model, source.device)
        side = fitted_side(generator)
        maker = head_maker(Sitting(side, SEED, assets=source.assets))
        encoder = find_encoder(generator, find_model(source.model))
        network = load_efficientnet().to(generator.device)
        return Tools(generator, encoder, maker, network, load_recognizer(), side)


@dataclass(frozen=True)
class Result:
    """Of one person.

    Attributes:
        mean: of the mean head.
        found: of the fitted head.
        processor_seconds: of the fit, all threads; on a GPU those of the CPU.
        seconds: of the fit, by the clock.
        views: the person above, the head below, from all sides.
    """

    mean: Score
    found: Score
    processor_seconds: float
    seconds: float
    views: UInt8[Tensor, "H W 3"]


def results(source: Source, protocols: Sequence[Protocol], count: int, processes: int) -> Iterator[list[Result]]:
    """Of the first people of `SEED`, in order, by each protocol; the same for any number of processes."""
    if processes == 1:
        yield from (fits(source, protocols, number) for number in range(count))
        return
    spawn = multiprocessing.get_context("spawn")
    started, threads = spawn.Value("i", 0), max(1, (os.cpu_count() or 1) // processes)
    with ProcessPoolExecutor(processes, spawn, start_process, (started, threads)) as pool:
        yield from pool.map(fits, [source] * count, [protocols] * count, range(count))


def start_process(started: Synchronized, threads: int) -> None:
    """Gives a process so many threads, and "cuda" the next of the GPUs."""
    torch.set_num_threads(threads)
    if torch.cuda.is_available():
        with started.get_lock():
            torch.cuda.set_device(started.value % torch.cuda.device_count())
            started.value += 1


def fits(source: Source, protocols: Sequence[Protocol], number: int) -> list[Result]:
    """Draws a person once, and inverts the photographs by each protocol."""
    tools = Tools.of(source)
    person = held_out(tools.maker, SEED, number, tools.side)
    found: dict[Protocol, Result] = {}
    for protocol in protocols:
        if protocol not in found:
            found |= fit(tools, person, protocol, [other for other in protocols if other.continues(protocol)])
    return [found[protocol] for protocol in protocols]


def fit(tools: Tools, person: HeldOut, protocol: Protocol, later: Sequence[Protocol] = ()) -> dict[Protocol, Result]:
    """Inverts the photographs of a person, and compares the head with the person.

    Args:
        tools: of the process.
        person: whose photographs, and whose other sides.
        protocol: how it is inverted.
        later: protocols that go on where this one ends, the shortest first; they are measured on the way.
    """
    generator = tools.generator
    if protocol.encoded and tools.encoder is None:
        raise ValueError("this model has no encoder; take --start mean, or train one with `gghead train-encoder`")
    photographs = person.photographs(protocol.photographs, protocol.pose_error)
    results: dict[Protocol, Result] = {}
    processor_seconds = seconds = 0.0
    began = time.process_time(), time.monotonic()
    quality = "encoder" if protocol.method == "encoder" else protocol.quality
    fitting = begin(photographs, generator, quality, 0, tools.encoder if protocol.encoded else None)
    done: tuple[Stage, ...] = ()
    for reached in (protocol, *later):
        for stage in reached.stages()[len(done) :]:
            optimizer = fitting.optimizer(stage)
            for step in range(stage.steps):
                fitting.step(stage, step, optimizer)
        done = reached.stages()
        found = person_of(fitting, ["photograph"] * protocol.photographs, "model").to(generator.device)
        processor_seconds += time.process_time() - began[0]
        seconds += time.monotonic() - began[1]
        scores, views = compare(tools, person, found)
        results[reached] = Result(*scores, processor_seconds, seconds, views)
        began = time.process_time(), time.monotonic()
    return results


def compare(tools: Tools, person: HeldOut, found: Person) -> tuple[tuple[Score, Score], UInt8[Tensor, "H W 3"]]:
    """Scores of the mean head and of the one found; the person above it from all sides."""
    generator, side = tools.generator, tools.side
    heads = found.decode(generator)
    mean = generator.decode(HeadFit(generator, 1).styles()[None].detach())
    of_mean, of_found = (
        score(generator, head, person, camera, tools.network, tools.recognizer)
        for head, camera in ((mean, None), (heads, found.cameras(side)))
    )
    cameras = beside(person, found.cameras(side)).to(generator.device)
    drawn = as_learned(generator.config).render(heads, cameras, background=0.5).rgb[0].detach().cpu()
    alphas = torch.from_numpy(person.alphas)[..., None]
    truth = torch.from_numpy(person.colors) * alphas + 0.5 * (1 - alphas)
    views = torch.cat([torch.cat(list(row), dim=1) for row in (truth, drawn)])
    return (of_mean, of_found), (views.clamp(0, 1) * 255).round().byte()
