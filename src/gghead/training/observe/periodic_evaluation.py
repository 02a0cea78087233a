"""What a run measures of itself from time to time: the numbers of `gghead evaluate`, on what the loop already holds."""

from dataclasses import dataclass, field
from pathlib import Path

from gghead.config.training import TrainingConfig
from gghead.data.cache.picture_cache import cache_root
from gghead.data.dataset import HeadDataset
from gghead.evaluation.evaluate import EvaluationSettings, evaluate
from gghead.evaluation.real_statistics import RealStatistics, measure_real_statistics
from gghead.evaluation.report import keep_report
from gghead.metrics.detectors import load_detector
from gghead.runs.run_folder import RunFolder
from gghead.runs.run_log import append_values, read_log
from gghead.training.observe.telemetry import Monitor
from gghead.training.schedules import is_due
from gghead.training.state import TrainingState


def is_unmeasured(run: RunFolder, images: int) -> bool:
    """Whether a measurement at this number of images was due and was not made, because the run was killed at it."""
    config = run.config.training
    measured = images > 0 and is_due(images, config.metrics_every, config.batch_size)
    return measured and all(line.images != images for line in read_log(run.metrics))


@dataclass
class PeriodicEvaluator:
    """Measures the EMA generator of a run; draws nothing from the run's random numbers.

    Real pictures are measured when the first examination is due. A run whose detector can't be had or does not fit into
    the memory, or whose cache can't be written, goes on without numbers, and says so once.

    Attributes:
        run: where numbers go.
        dataset: the real pictures, as the loop holds them.
        monitor: is told.
    """

    run: RunFolder
    dataset: HeadDataset
    monitor: Monitor
    _reference: RealStatistics | None = field(default=None, init=False)
    _is_possible: bool = field(default=True, init=False)

    def examine(self, state: TrainingState) -> None:
        """Measures, keeps a report in evaluations/ and adds a line to metrics.jsonl; only tells if it can't."""
        if not self._is_possible:
            return
        config = self.run.config.training
        try:
            reference = self._open(state, config)
            snapshot = self.run.snapshot(state.images, ".safetensors")
            settings = EvaluationSettings(num_images=config.metrics_images)
            report = evaluate(state.generator_ema, snapshot, reference, settings, self.run.evaluations).report
        except (OSError, ValueError, RuntimeError) as error:  # TorchScript says RuntimeError of a full memory
            self._is_possible = self._reference is not None
            self.monitor.event(f"no metrics at {state.images} images: {error}")
            return
        keep_report(self.run.evaluations / f"{state.images:09d}.json", report)
        values = {measure.name: measure.value for measure in report.measures}
        append_values(self.run.metrics, state.images, values)
        self.monitor.metrics(state.images, values)

    def _open(self, state: TrainingState, config: TrainingConfig) -> RealStatistics:
        if self._reference is None:
            detector = load_detector(config.metrics_detector, cache_root() / "detectors", state.device)
            self.monitor.event(f"measures {len(self.dataset)} real pictures with {detector.name}")
            path, background = Path(self.run.config.data), config.background
            self._reference = measure_real_statistics(
                path, self.dataset, background, detector, cache_root(), device=state.device
            )
        return self._reference
