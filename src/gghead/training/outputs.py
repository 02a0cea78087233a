"""What a run writes while it is trained: lines of its log, snapshots, checkpoints, measurements."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gghead.config.codec import to_json
from gghead.processes.group import ProcessGroup
from gghead.runs.retention import checkpoints_worth_keeping
from gghead.runs.run_folder import RunFolder
from gghead.runs.run_log import append_values
from gghead.training.checkpoints import Circumstances, save_state
from gghead.training.observe.health import CollapseWatch
from gghead.training.observe.periodic_evaluation import PeriodicEvaluator
from gghead.training.observe.snapshots import save_sheets
from gghead.training.observe.telemetry import Monitor
from gghead.training.state import TrainingState
from gghead.training.step_report import StepValues, Tick


@dataclass(frozen=True)
class Outputs:
    """Where the results of a run go.

    Attributes:
        run: its folder.
        data: identity of its pictures, which checkpoints state; needed in the first process.
        evaluator: measures the EMA generator.
        monitor: is told of everything.
        group: the processes of the run.
    """

    run: RunFolder
    data: str
    evaluator: PeriodicEvaluator
    monitor: Monitor
    group: ProcessGroup
    _collapse: CollapseWatch = field(default_factory=CollapseWatch)

    def log(self, tick: Tick) -> None:
        """A line of the log, and a warning when training begins to collapse.

        Raises:
            OSError: it can't be written; so of `sheets` and `checkpoint`.
        """
        if self.group.is_rank_zero:
            with self._told_with_newest():
                append_values(self.run.log, tick.images, tick.values())
        self.monitor.tick(tick)
        for line in self._collapse.news(tick.losses):
            self.monitor.event(f"WARNING: {line}")

    def sheets(self, state: TrainingState) -> None:
        """Pictures of the EMA generator's heads."""
        if self.group.is_rank_zero:
            with self._told_with_newest():
                sheets = save_sheets(self.run, state)
            self.monitor.sheets(state.images, sheets)

    def checkpoint(self, state: TrainingState, pending: tuple[StepValues, ...], with_snapshot: bool = False) -> None:
        """All that is needed to go on; older checkpoints go, as the run's settings say.

        Args:
            state: is kept.
            pending: values of the steps since the last line of the log.
            with_snapshot: whether the EMA generator's model file becomes a snapshot, which outlives the checkpoint.
        """
        folder = self.run.checkpoint(state.images)
        if not self.group.is_rank_zero or folder.is_dir():
            return
        circumstances = Circumstances.here(state.device, self.group.world_size)
        snapshot = self.run.snapshot(state.images, ".safetensors") if with_snapshot else None
        with self._told_with_newest():
            save_state(folder, state, circumstances, to_json(self.run.config), self.data, pending, snapshot)
        self.run.keep_only(checkpoints_worth_keeping(self.run))

    def evaluate(self, state: TrainingState) -> None:
        """A measurement of the EMA generator; takes minutes, in which other processes wait."""
        if self.group.is_rank_zero:
            self.evaluator.examine(state)

    @contextmanager
    def _told_with_newest(self) -> Iterator[None]:
        """Adds to an error of the disk what is left to go on from."""
        try:
            yield
        except OSError as error:
            saved = self.run.checkpoints()
            left = f"the newest checkpoint is {saved[-1]}" if saved else "there is no checkpoint yet"
            raise OSError(
                f"{error}; {left}, nothing of it was touched; make room and go on with: gghead resume {self.run.path}"
            ) from error
