"""One model against one set of real pictures: features, numbers, report."""

import hashlib
import platform
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from gghead.checkpoint.tensors import TensorFile, content_hash
from gghead.evaluation.features import FeatureSet, collect_features
from gghead.evaluation.measures import frechet_measures
from gghead.evaluation.real_statistics import RealStatistics
from gghead.evaluation.report import Conditions, EvaluationReport, Machine, Measure
from gghead.evaluation.suite import GeneratedFeatures, OnProgress, suite_measures
from gghead.inference.generated import ConditioningCamera, GeneratedHeads, SamplingProtocol
from gghead.media.images import RESIZE_FILTER
from gghead.model.generator import Generator
from gghead.processes.group import SINGLE_PROCESS, ProcessGroup

Suite = Literal["fid", "3d", "full"]
NAMED = 20
"""Unusable pictures that a report names; the others are counted."""


@dataclass(frozen=True)
class EvaluationSettings:
    """What is measured.

    Attributes:
        num_images: generated pictures.
        suite: "fid" the distance of the official protocol; "3d" everything that is a number; "full" the page as well.
        truncation: of the styles, 1 in the official protocol.
        seed: of latents and cameras.
    """

    num_images: int = 10_000
    suite: Suite = "fid"
    truncation: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Evaluation:
    """A report and the features behind it, for who wants to look at neighbours."""

    report: EvaluationReport
    fakes: GeneratedHeads
    features: FeatureSet


def conditions_of(generator: Generator, reference: RealStatistics, settings: EvaluationSettings) -> Conditions:
    """The conditions of an evaluation before it is made."""
    dataset = reference.dataset
    return Conditions(
        model_sha256=content_hash(TensorFile(generator.state_dict(), {})),
        data_identity=dataset.identity(),
        data_pictures=len(dataset),
        resolution=dataset.resolution,
        stored_resolution=reference.stored_resolution,
        resize_filter="none" if reference.stored_resolution == dataset.resolution else RESIZE_FILTER.name,
        masks=reference.masks,
        background=reference.background,
        mirrored=False,
        detector=reference.detector.name,
        detector_sha256=reference.detector.sha256,
        detector_input=reference.detector.input,
        num_images=settings.num_images,
        truncation=settings.truncation,
        seed=settings.seed,
        cameras="of the data's labels, drawn with replacement by the seed",
        noise="const",
        suite=settings.suite,
    )


def evaluate(
    generator: Generator,
    model: Path,
    reference: RealStatistics,
    settings: EvaluationSettings,
    folder: Path,
    *,
    group: ProcessGroup = SINGLE_PROCESS,
    on_progress: OnProgress = lambda what, done, total: None,
) -> Evaluation:
    """Measures a generator; all random numbers follow from the seed, and torch's own random state is left alone.

    Args:
        generator: on the device where it shall work.
        model: its path, for the report.
        reference: what it is compared with.
        settings: what is measured.
        folder: parts of an unfinished evaluation are kept below it, so that the same call goes on where it stopped.
        group: the processes that share the work; they share the drawing of pictures, each computes all numbers.
        on_progress: is told of progress.

    Raises:
        ValueError: a part on the disk is damaged, or every generated picture is unusable.
    """
    begin = time.monotonic()
    conditions = conditions_of(generator, reference, settings)
    labels = torch.from_numpy(reference.dataset.labels)
    parts = folder / ".partial" / hashlib.sha256(repr(asdict(conditions)).encode()).hexdigest()[:24]

    def draw(mapping_camera: ConditioningCamera) -> GeneratedFeatures:
        how = settings.seed, conditions.resolution, mapping_camera, settings.truncation, conditions.background
        fakes, what = GeneratedHeads(generator, labels, SamplingProtocol(*how)), f"pictures, camera: {mapping_camera}"
        total = -(-settings.num_images // group.world_size)
        features = collect_features(
            fakes,
            settings.num_images,
            reference.detector,
            parts / mapping_camera,
            group=group,
            device=generator.device,
            on_progress=lambda done: on_progress(what, min(done, total), total),
        )
        return GeneratedFeatures(fakes, features)

    official = draw("render")
    found = frechet_measures(reference.features, official.features, reference.detector)
    unusable = _unusable(official)
    if settings.suite != "fid":
        frontal = official
        if generator.config.camera_conditioned:
            frontal = draw("front")
            unusable = (*unusable, *(f"{name}, mapping camera frontal" for name in _unusable(frontal)))
        found += suite_measures(reference, official, frontal, settings.num_images, on_progress)
    report = EvaluationReport(
        model=str(model),
        data=str(reference.path),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - begin, 1),
        conditions=conditions,
        machine=_machine(generator, group),
        measures=tuple(found),
        unusable=unusable,
        remarks=_remarks(reference, settings, unusable, generator, found),
    )
    group.wait()
    if group.is_rank_zero:  # parts are needed no more, nor is their folder unless another evaluation has parts there
        shutil.rmtree(parts, ignore_errors=True)
        with suppress(OSError):
            parts.parent.rmdir()
    return Evaluation(report, official.fakes, official.features)


def _unusable(made: GeneratedFeatures) -> tuple[str, ...]:
    bad = (~made.features.finite).nonzero().flatten().tolist()
    if len(bad) == len(made.features.finite):
        raise ValueError("every generated picture holds numbers that are not finite: the model is broken")
    names = [made.fakes.name(index) for index in bad[:NAMED]]
    return (*names, f"and {len(bad) - NAMED} more") if len(bad) > NAMED else tuple(names)


def _remarks(
    reference: RealStatistics,
    settings: EvaluationSettings,
    unusable: tuple[str, ...],
    generator: Generator,
    found_measures: list[Measure],
) -> tuple[str, ...]:
    dataset, found = reference.dataset, []
    if len(dataset) < settings.num_images:
        found.append(
            f"the data have {len(dataset)} pictures, fewer than the {settings.num_images} generated: used whole"
        )
    if reference.stored_resolution != dataset.resolution:
        found.append(
            f"real pictures were resized from {reference.stored_resolution} to {dataset.resolution} pixels, "
            f"{RESIZE_FILTER.name}"
        )
    learned = generator.config.picture_resolution
    if learned is None:
        found.append("the model does not say how large the pictures were that it learned from")
    elif learned != dataset.resolution:
        found.append(
            f"the model learned from pictures of {learned} x {learned} and was drawn at {dataset.resolution} x "
            f"{dataset.resolution}, as the data are"
        )
    if unusable:
        found.append("generated pictures with numbers that are not finite were left out: " + ", ".join(unusable))
    if settings.suite != "fid" and not generator.config.camera_conditioned:
        found.append("the mapping network sees no camera: the 3D distances are the others")
    if settings.suite != "fid" and not any("feature distance" in measure.name for measure in found_measures):
        found.append("no feature distance between views: pip install 'gghead[evaluation]'")
    if settings.suite != "fid" and not any("identity" in measure.name for measure in found_measures):
        found.append("no identity distance: pip install 'gghead[identity]'")
    return tuple(found)


def _machine(generator: Generator, group: ProcessGroup) -> Machine:
    device = generator.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return Machine(
        gghead=version("gghead"),
        torch=torch.__version__,
        numpy=np.__version__,
        python=platform.python_version(),
        device=f"{device.type}: {name}",
        processes=group.world_size,
    )
