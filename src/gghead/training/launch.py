"""A run to its end in as many processes as wanted: what the commands, torchrun's processes and scripts do alike."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from gghead.config.training import RunConfig
from gghead.processes.group import ProcessGroup, join_group, require_gpus
from gghead.processes.launch import launch
from gghead.runs.run_folder import RunFolder
from gghead.training.loop import OnNan, Outcome, train_claimed
from gghead.training.microbatches import share_of
from gghead.training.observe.telemetry import Monitor, console_monitor
from gghead.training.observe.trackers import Monitors, keep_trackers, open_trackers


@dataclass(frozen=True)
class RunOptions:
    """How a run is to continue.

    Attributes:
        gpus: processes on this machine, each on a GPU of its own; "cpu" as device has them share the processor.
        device: cpu, cuda, or for a single process cuda:1.
        restarts: how often all processes are started again, from the newest checkpoint, after one has failed.
        trackers: where the log goes beside log.jsonl: wandb, tensorboard.
        on_nan: what to do when training diverges, see `train`.
        accept_new_data: whether to continue with other pictures than those seen.
    """

    gpus: int = 1
    device: str = "cuda"
    restarts: int = 0
    trackers: tuple[str, ...] = ()
    on_nan: OnNan = "stop"
    accept_new_data: bool = False


def train_in_processes(path: Path, options: RunOptions) -> Outcome:
    """Trains a run from its newest checkpoint to its end, in processes that are started for it.

    Progress goes to stderr. Scripts must call it under `if __name__ == "__main__":`, since each process imports them.

    Example:
        ```python
        outcome = train_in_processes(Path("runs/GGHEAD-1"), RunOptions(gpus=4, restarts=2))
        ```

    Returns:
        How the run ended; interrupted if Ctrl-C or SIGTERM, passed on to all, had it saved and stopped.

    Raises:
        FileNotFoundError, ValueError: there is no such run, its batch can't be shared evenly, or GPUs are missing.
        ChildProcessError: a process failed or was killed, more often than it may be restarted.
        FloatingPointError: training has diverged.
        KeyboardInterrupt: the processes were asked to stop before they trained, or twice.
    """
    require_processes(RunFolder.open(path).config, options)
    remedy = "continue with `gghead resume`"
    outcomes = launch(_join_and_train, (path, options), options.gpus, restarts=options.restarts, remedy=remedy)
    if isinstance(outcomes[0], FloatingPointError):
        raise outcomes[0]
    return outcomes[0]


def require_processes(config: RunConfig, options: RunOptions) -> None:
    """Raises ValueError if a run can't be trained in so many processes here."""
    if options.gpus > 1 and options.device.startswith("cuda"):
        require_gpus(options.gpus)
    share_of(config.training, config.model.discriminator, ProcessGroup(world_size=options.gpus))


def _join_and_train(path: Path, options: RunOptions) -> Outcome | FloatingPointError:
    """What each process does. All find the same divergence, and would again: no reason to restart."""
    with join_group(options.device) as group:
        try:
            return train_in_group(path, options, group)
        except FloatingPointError as error:
            return error


def train_in_group(path: Path, options: RunOptions, group: ProcessGroup) -> Outcome:
    """Trains in this process, as one of a group; rank 0 claims the run and tells of it.

    Raises:
        As `train`.
    """
    run = RunFolder.open(path)
    with _claimed(run, options.trackers) if group.is_rank_zero else nullcontext(Monitor()) as monitor:
        device = group.device(options.device)
        return train_claimed(run, monitor, device, group, options.on_nan, options.accept_new_data)


@contextmanager
def _claimed(run: RunFolder, trackers: tuple[str, ...]) -> Iterator[Monitor]:
    """Claims a run, then tells people and trackers of it: who is refused leaves no trace in them."""
    with run.claim():
        keep_trackers(run, trackers)
        with console_monitor(run.config.training.total_images) as console, open_trackers(trackers, run) as opened:
            yield Monitors([console, *opened])
