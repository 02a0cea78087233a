"""Steps of a run to its end, an interruption or a divergence, and what is due between them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch

from gghead.config.codec import to_json
from gghead.cuda.graphs import fastest_runner
from gghead.data.cache.resident import open_batches
from gghead.data.loader import Batch
from gghead.data.source import PictureSource
from gghead.rasterizer.cuda.device_report import watch_lists
from gghead.runs.retention import checkpoints_worth_keeping
from gghead.runs.run_folder import RunFolder
from gghead.runs.run_log import append_values
from gghead.training.checkpoints import Circumstances, save_state
from gghead.training.interruption import Interruption
from gghead.training.observe.health import CollapseWatch, require_finite
from gghead.training.observe.periodic_evaluation import PeriodicEvaluator, is_due
from gghead.training.observe.snapshots import take_snapshot
from gghead.training.observe.telemetry import Monitor
from gghead.training.parallel.distributed import ProcessGroup, share_of
from gghead.training.state import TrainingState
from gghead.training.step_report import Accumulator, StepValues, Tick
from gghead.training.steps import StepContext, training_step


@dataclass(frozen=True)
class Session:
    """What accompanies the steps of one process.

    Attributes:
        run: where results go.
        pictures: the real ones.
        data: their identity, which checkpoints state; needed by the process that writes them.
        examiner: measures the averaged generator.
        monitor: is told of everything.
        interruption: whether this process was asked to stop.
        team: the processes of the run; the first of them writes and measures.
    """

    run: RunFolder
    pictures: PictureSource
    data: str
    examiner: PeriodicEvaluator
    monitor: Monitor
    interruption: Interruption
    team: ProcessGroup

    def go_on(self, state: TrainingState, pending: Sequence[StepValues] = ()) -> bool:
        """Trains until the run's end, or until any process is asked to stop; returns whether that was the reason.

        What is due at a number of images is written before the checkpoint of that number, so a run that is killed at
        any moment misses nothing when it goes on. Measuring takes minutes and comes afterwards; a run makes up for it.

        Args:
            state: where to go on from.
            pending: values of the steps before it since the last line of the log.

        Raises:
            Divergence: something is no longer finite; nothing of it was saved.
            ConnectionError: another process is gone.
            OSError: results can't be written; older ones are untouched.
        """
        config = self.run.config.training
        labels = torch.from_numpy(self.pictures.labels)
        setting = StepContext(config, labels, self.team, fastest_runner(state.device, watch_lists, self.team.any_of))
        means, watch = Accumulator(config.batch_size, self.team, pending), CollapseWatch()
        requested = self._ask()
        with self._batches(state) as batches:
            while not (stopped := requested()) and state.images < config.total_images:
                requested = self._ask()
                batch = next(batches)
                means.add(training_step(state, setting, batch.pictures, batch.labels, batch.transparency))
                self.monitor.advance(state.images)
                self._record(state, means, watch)
        if stopped and state.images < config.total_images:
            self._refuse_divergence(state, means)
            self._save(state, means)
            self.monitor.event(f"interrupted; saved at {state.images} images")
            return True
        return False

    def _ask(self) -> Callable[[], bool]:
        return self.team.any(lambda: self.interruption.requested)

    def _batches(self, state: TrainingState) -> AbstractContextManager[Iterator[Batch]]:
        config, critic = self.run.config.training, self.run.config.model.discriminator
        order = share_of(config, critic, self.team)
        return open_batches(
            self.pictures, order, state.images, state.device, config.random_background, self.monitor.event
        )

    def _record(self, state: TrainingState, means: Accumulator, watch: CollapseWatch) -> None:
        """What is due after a step."""
        config = self.run.config.training
        last = state.images >= config.total_images
        saved = last or state.images % config.snapshot_every == 0
        measured = is_due(config, state.images)
        if last or state.images % config.log_every < config.batch_size:
            self._tick(means.read(state.images), watch)
        if saved or measured:
            self._refuse_divergence(state, means)
        if saved and self.team.is_first:
            with self._told_with_newest():
                sheets = take_snapshot(self.run, state)
            self.monitor.sheets(state.images, sheets)
        if saved:
            self._save(state, means)
        if measured and self.team.is_first:
            self.examiner.examine(state)

    def _tick(self, tick: Tick, watch: CollapseWatch) -> None:
        if self.team.is_first:
            with self._told_with_newest():
                append_values(self.run.log, tick.images, tick.values())
        self.monitor.tick(tick)
        for line in watch.news(tick.losses):
            self.monitor.event(f"WARNING: {line}")

    def _refuse_divergence(self, state: TrainingState, means: Accumulator) -> None:
        means.check(state.images)
        require_finite(state)

    def _save(self, state: TrainingState, means: Accumulator) -> None:
        pending = tuple(means.check(state.images))  # in all processes, which have a part in each value
        if not self.team.is_first or self.run.checkpoint(state.images).is_dir():
            return
        circumstances = Circumstances.here(state.device, self.team.world_size)
        with self._told_with_newest():
            config = to_json(self.run.config)
            save_state(self.run.checkpoint(state.images), state, circumstances, config, self.data, pending)
        self.run.keep_only(checkpoints_worth_keeping(self.run))

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
