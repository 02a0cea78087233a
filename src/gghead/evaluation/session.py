"""A call of the command: several models against one set of pictures, each reported as soon as it is known."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from gghead.data.cache.picture_cache import cache_root
from gghead.data.dataset import HeadDataset
from gghead.evaluation.evaluate import EvaluationSettings, OnProgress, conditions_of, evaluate
from gghead.evaluation.models import Candidate
from gghead.evaluation.page import write_page
from gghead.evaluation.real_statistics import (
    RealStatistics,
    common_resolution,
    measure_real_statistics,
    stored_resolution,
)
from gghead.evaluation.report import EvaluationReport, is_evaluated, keep_report
from gghead.inference.loading import load
from gghead.metrics.detectors import load_detector
from gghead.processes.group import ProcessGroup


def evaluate_all(
    candidates: list[Candidate],
    data: Path,
    settings: EvaluationSettings,
    detector_name: str,
    remaining: bool,
    device: str,
    group: ProcessGroup,
    on_progress: OnProgress,
) -> Iterator[str]:
    """Evaluates models and keeps their reports; real pictures are measured once for each resolution and background.

    Args:
        candidates: the models.
        data: archive of the real pictures.
        settings: what is measured.
        detector_name: as of `load_detector`.
        remaining: whether models that have a report under the same conditions are left out.
        device: where to work.
        group: the processes that share the work; 0 writes.
        on_progress: is told of progress.

    Yields:
        What a reader wants to see: tables, and where they were kept.
    """
    stored = stored_resolution(data)  # before a detector is fetched for what is no archive
    detector = load_detector(detector_name, cache_root() / "detectors", device)
    references: dict[tuple[int, float], RealStatistics] = {}
    with ExitStack() as stack:
        for candidate in candidates:
            resolution = common_resolution(candidate.resolution, stored)
            key = resolution, candidate.background
            if key not in references:
                dataset = stack.enter_context(HeadDataset.open(data, resolution))
                what = data, dataset, candidate.background, detector, cache_root()
                references[key] = measure_real_statistics(*what, group=group, device=device, on_progress=on_progress)
            reference = references[key]
            generator = load(candidate.path, device)
            conditions = conditions_of(generator, reference, settings)
            if remaining and is_evaluated(candidate.reports, conditions):
                yield f"{candidate.path}: is evaluated already, see {candidate.reports}"
                continue
            path, folder = candidate.path, candidate.reports.parent
            result = evaluate(generator, path, reference, settings, folder, group=group, on_progress=on_progress)
            if group.is_rank_zero:
                keep_report(candidate.reports, result.report)
            yield table(result.report)
            yield f"kept in {candidate.reports}"
            if settings.suite == "full" and group.is_rank_zero:
                page = candidate.reports.with_suffix(".html")
                write_page(page, result, reference)
                yield f"page with pictures: {page}"


def table(report: EvaluationReport) -> str:
    """A report for people: what was compared, then a line a number."""
    stated = report.conditions
    width = max(len(measure.name) for measure in report.measures)
    lines = [
        f"{report.model}  against {stated.data_pictures} pictures of {report.data}",
        f"  {stated.resolution} x {stated.resolution}, {stated.num_images} generated, "
        f"truncation {stated.truncation:g}, seed {stated.seed}, background {stated.background:g}, "
        f"resize {stated.resize_filter}",
        f"  masks {stated.masks}; detector {stated.detector}, pictures {stated.detector_input}",
    ]
    for measure in report.measures:
        note = ", ".join(part for part in (measure.direction, measure.note) if part)
        lines.append(f"  {measure.name:{width}}  {measure.text:>10}  {note}")
    lines += [f"  note: {remark}" for remark in report.remarks]
    return "\n".join(lines)
