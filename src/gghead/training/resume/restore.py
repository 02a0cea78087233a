"""The state that a run starts or goes on from: its newest checkpoint, another run's weights, or fresh ones."""

from collections import Counter
from typing import Literal

import torch

from gghead.config.codec import to_json
from gghead.processes.group import ProcessGroup
from gghead.runs.run_folder import RunFolder
from gghead.runs.run_log import forget_after
from gghead.training.checkpoints import Circumstances, Restored, restore_state, save_state
from gghead.training.observe.telemetry import Monitor
from gghead.training.resume.settings import require_same_networks
from gghead.training.state import TrainingState, new_state
from gghead.training.step_report import Divergence
from gghead.training.transfer import note_transfer, transfer

OnNan = Literal["stop", "rollback"]
"""What to do when something is not finite any more."""
MAX_ROLLBACKS = 3
"""Tries from one checkpoint with other random numbers; what fails again and again is no accident."""


def build_or_restore(
    run: RunFolder, monitor: Monitor, device: torch.device | str, group: ProcessGroup
) -> tuple[TrainingState, Restored]:
    """The state to go on from, and what its checkpoint says beside it; what the log says of later steps is dropped.

    Raises:
        FileNotFoundError, ValueError: the template, the checkpoint or the run to start from can't be read, or the
            processes see different ones.
    """
    newest, restored = run.checkpoints()[-1:], Restored(None)
    if run.strangers():
        monitor.event(f"no checkpoints by their names: {', '.join(path.name for path in run.strangers())}")
    if newest:
        state, restored = restore_state(newest[0], run.config, device)
        complete = state.images >= run.config.training.total_images
        monitor.event(f"{run.path} {'is complete with' if complete else 'goes on from'} {state.images} images")
        require_same_networks(run, restored.config, monitor)
        _tell_changes(restored, Circumstances.here(state.device, group.world_size), state.images, monitor)
    elif run.config.init_from:
        state, taken = transfer(run.config, device)
        if group.is_rank_zero:
            note_transfer(run, taken, monitor)
            # From here on the other run is not needed any more.
            circumstances = Circumstances.here(state.device, group.world_size)
            save_state(run.checkpoint(0), state, circumstances, to_json(run.config))
    else:
        state = new_state(run.config, device)
    group.require_same(state.images, "images seen")
    if group.is_rank_zero:
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


def roll_back(
    error: Divergence,
    diverged: TrainingState,
    attempts: Counter[int],
    run: RunFolder,
    monitor: Monitor,
    group: ProcessGroup,
    on_nan: OnNan,
) -> tuple[TrainingState, Restored]:
    """The state to try again from after a divergence, with other random numbers.

    Args:
        error: the divergence.
        diverged: state that it left.
        attempts: tries so far by the images that they began with; counted on.
        run: that diverged.
        monitor: is told.
        group: the processes of the run, which all find the same.
        on_nan: whether it is to be tried again.

    Raises:
        FloatingPointError: it is not, or was tried often enough.
    """
    newest = run.checkpoints()[-1:]
    good = f"the last good checkpoint is {newest[0]}" if newest else "there is no checkpoint yet"
    remedy = "start again with a larger r1_gamma or smaller learning rates"
    if on_nan == "stop":
        raise FloatingPointError(
            f"{error}; {good}; go on from there with other random numbers: gghead resume {run.path} --on-nan rollback; "
            f"if that does not help, {remedy}"
        ) from error
    state, restored = build_or_restore(run, monitor, diverged.device, group)
    attempts[state.images] += 1
    if attempts[state.images] > MAX_ROLLBACKS:
        raise FloatingPointError(
            f"{error}; {MAX_ROLLBACKS} times before, other random numbers from {state.images} images on did not help; "
            f"{good}; {remedy}"
        ) from error
    state.rollbacks = diverged.rollbacks + 1
    monitor.event(
        f"WARNING: {error}; rolled back to {state.images} images, try {attempts[state.images]} of {MAX_ROLLBACKS} "
        "with other random numbers"
    )
    return state, restored
