"""A run from its newest checkpoint to its end, over divergences if that is wanted."""

from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from gghead.config.codec import to_json
from gghead.config.training import RunConfig
from gghead.cuda.graphs import on_gpu
from gghead.data.cache.decoded import DecodedPictures
from gghead.data.cache.decoding import decode
from gghead.data.check.inspection import in_vain
from gghead.data.dataset import HeadDataset
from gghead.data.source import PictureSource
from gghead.runs.run_folder import RunFolder
from gghead.runs.run_log import forget_after
from gghead.training.checkpoints import Circumstances, Restored, restore_state, save_state
from gghead.training.interruption import catch_interruption
from gghead.training.observe.periodic_evaluation import PeriodicEvaluator, is_unmeasured
from gghead.training.observe.telemetry import Monitor
from gghead.training.parallel.distributed import SINGLE_PROCESS, ProcessGroup, share_of
from gghead.training.precision import multiplication
from gghead.training.seen_data import know_data
from gghead.training.seen_settings import know_settings, require_trainable
from gghead.training.session import Session
from gghead.training.state import TrainingState, new_state
from gghead.training.step_report import Divergence
from gghead.training.transfer import GENERATOR_FILE, note_transfer, transfer

OnNan = Literal["stop", "rollback"]
"""What to do when something is not finite any more."""
MAX_ROLLBACKS = 3
"""Tries from one checkpoint with other random numbers; what fails again and again is no accident."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended: images seen, and whether it was asked to stop before its end."""

    images: int
    interrupted: bool


def train(
    run: RunFolder,
    monitor: Monitor,
    device: torch.device | str = "cpu",
    team: ProcessGroup = SINGLE_PROCESS,
    on_nan: OnNan = "stop",
    accept_new_data: bool = False,
) -> Outcome:
    """Trains from the run's newest checkpoint, or from the start if there is none, to its end.

    A run that was stopped and resumed is, on the CPU, with the same number of threads, the same torch and the same kind
    of processor, bit for bit the run that was never stopped. Any number of processes that shares the batch evenly may
    go on with it; only rounding tells them apart.

    Args:
        run: where its configuration stands and its results go.
        monitor: is told of every step; of processes beside the first one too.
        device: where to train.
        team: the processes of the run, of which this is one.
        on_nan: whether a divergence ends the run, or takes it back to its newest checkpoint and on from there with
            other random numbers, up to MAX_ROLLBACKS times from one checkpoint.
        accept_new_data: whether the run goes on if its pictures are not those any more that it has seen.

    Raises:
        FileNotFoundError, ValueError: the data, the template or the checkpoint can't be read, the pictures are others
            than those seen, or another process trains the run.
        FloatingPointError: training has diverged; the last checkpoint is from before.
        ConnectionError: another process of the team is gone.
        OSError: results can't be written; the last checkpoint is untouched.
    """
    with run.claim() if team.is_first else nullcontext():
        return train_claimed(run, monitor, device, team, on_nan, accept_new_data)


def train_claimed(
    run: RunFolder,
    monitor: Monitor,
    device: torch.device | str,
    team: ProcessGroup,
    on_nan: OnNan,
    accept_new_data: bool,
) -> Outcome:
    """`train` for who holds the run's claim already, because something had to wait for it: opening trackers, say."""
    require_trainable(run)
    share_of(run.config.training, run.config.model.discriminator, team)
    if team.is_first:
        run.sweep()
    with on_gpu(device):
        return _train(run, monitor, device, team, on_nan, accept_new_data)


def _train(
    run: RunFolder,
    monitor: Monitor,
    device: torch.device | str,
    team: ProcessGroup,
    on_nan: OnNan,
    accept_new_data: bool,
) -> Outcome:
    config = run.config
    state, restored = _resume(run, monitor, device, team)
    finished = state.images >= config.training.total_images
    unmeasured = team.is_first and is_unmeasured(run, state.images)
    if finished and not unmeasured:
        return Outcome(state.images, interrupted=False)
    with open_dataset(config) as dataset:
        for reason in in_vain(dataset) if team.is_first else ():
            monitor.event(f"WARNING: this training may be in vain: {reason} (see: gghead data check {config.data})")
        data = know_data(run, dataset, restored.data, accept_new_data, monitor) if team.is_first else ""
        pictures = decode_cut_out(config, dataset, monitor.event)
        examiner = PeriodicEvaluator(run, dataset, pictures, monitor)
        if unmeasured:
            examiner.examine(state)
        if finished:
            return Outcome(state.images, interrupted=False)
        tries: Counter[int] = Counter()
        with catch_interruption() as interruption, multiplication(config.training.precision):
            session = Session(run, pictures, data, examiner, monitor, interruption, team)
            monitor.event(f"trains on {state.device}, threads of the processor: {torch.get_num_threads()}")
            while True:
                try:
                    stopped = session.go_on(state, restored.pending)
                    return Outcome(state.images, stopped)
                except Divergence as error:
                    state, restored = _after_divergence(error, state, tries, session, on_nan)


def open_dataset(config: RunConfig) -> HeadDataset:
    """The run's pictures at its resolution, on its background.

    Raises:
        FileNotFoundError, ValueError: they can't be used.
    """
    resolution = config.model.discriminator.resolution
    return HeadDataset.open(Path(config.data), resolution, background=config.training.background)


def decode_cut_out(config: RunConfig, dataset: HeadDataset, on_event: Callable[[str], None]) -> PictureSource:
    """All pictures of a run, decoded.

    Raises:
        ValueError: some can't be used, or the run exchanges backgrounds and nobody knows of any what they are.
    """
    pictures = decode(dataset, on_event)
    exchanged = config.training.random_background and isinstance(pictures, DecodedPictures)
    if exchanged and not pictures.cut_out():
        raise ValueError(
            f"{config.data} has neither masks nor transparency, so its backgrounds can't be exchanged; add masks, or "
            "train with `--recipe paper`, which keeps one background"
        )
    return pictures


def check_data(config: RunConfig, on_event: Callable[[str], None] = lambda text: None) -> None:
    """Decodes every picture, so that damaged ones are told before a run has a folder.

    Raises:
        FileNotFoundError, ValueError: the data can't be used.
    """
    with open_dataset(config) as dataset:
        decode_cut_out(config, dataset, on_event)


def _resume(
    run: RunFolder, monitor: Monitor, device: torch.device | str, team: ProcessGroup
) -> tuple[TrainingState, Restored]:
    """The state to go on from; what the log says of later steps is dropped."""
    state, restored = new_state(_with_own_template(run), device), Restored(None)
    circumstances = Circumstances.here(state.device, team.world_size)
    newest = run.checkpoints()[-1:]
    if run.strangers():
        monitor.event(f"no checkpoints by their names: {', '.join(path.name for path in run.strangers())}")
    if newest:
        restored = restore_state(newest[0], state)
        complete = state.images >= run.config.training.total_images
        monitor.event(f"{'is complete with' if complete else 'goes on from'} {state.images} images")
        know_settings(run, restored.config, monitor)
        _tell_changes(restored, circumstances, state.images, monitor)
    elif run.config.init_from:
        taken = transfer(run.config, state)
        if team.is_first:
            note_transfer(run, taken, monitor)
            # From here on the other run is not needed any more.
            save_state(run.checkpoint(0), state, circumstances, to_json(run.config))
    team.require_same(state.images, "images seen")
    if team.is_first:
        for log in (run.log, run.metrics):
            passed_over = forget_after(log, state.images)
            if passed_over:
                monitor.event(passed_over)
    return state, restored


def _tell_changes(restored: Restored, now: Circumstances, images: int, monitor: Monitor) -> None:
    changes = now.changes(restored.before)
    if changes:
        monitor.event(f"sums may be rounded in another way than in a run that was never stopped: {'; '.join(changes)}")
    if images and not restored.data:
        monitor.event(
            "the checkpoint, of an earlier version, does not say which pictures it has seen; these are taken for them"
        )


def _with_own_template(run: RunFolder) -> RunConfig:
    """The run's configuration, its template taken from its newest checkpoint: the file it came from may be gone."""
    newest = run.checkpoints()[-1:]
    if not newest or run.config.template is None:
        return run.config
    return replace(run.config, template=str(newest[0] / GENERATOR_FILE))


def _after_divergence(
    error: Divergence, diverged: TrainingState, tries: Counter[int], session: Session, on_nan: OnNan
) -> tuple[TrainingState, Restored]:
    """The state to try again from.

    Raises:
        FloatingPointError: it is not wanted, or was tried often enough.
    """
    run, monitor = session.run, session.monitor
    newest = run.checkpoints()[-1:]
    good = f"the last good checkpoint is {newest[0]}" if newest else "there is no checkpoint yet"
    remedy = "start again with a larger r1_gamma or smaller learning rates"
    if on_nan == "stop":
        raise FloatingPointError(
            f"{error}; {good}; go on from there with other random numbers: gghead resume {run.path} --on-nan rollback; "
            f"if that does not help, {remedy}"
        ) from error
    state, restored = _resume(run, monitor, diverged.device, session.team)
    tries[state.images] += 1
    if tries[state.images] > MAX_ROLLBACKS:
        raise FloatingPointError(
            f"{error}; {MAX_ROLLBACKS} times before, other random numbers from {state.images} images on did not help; "
            f"{good}; {remedy}"
        ) from error
    state.rollbacks = diverged.rollbacks + 1
    monitor.event(
        f"WARNING: {error}; rolled back to {state.images} images, try {tries[state.images]} of {MAX_ROLLBACKS} "
        "with other random numbers"
    )
    return state, restored
