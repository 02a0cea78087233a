"""Options that several commands share: one spelling, one meaning, one default."""

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import click

from gghead.checkpoint.naming import checkpoint_name
from gghead.config.field_help import FieldHelp, describe_fields
from gghead.config.presets import PRESETS
from gghead.runs.places import BUNDLED_MODEL, find_run, folder
from gghead.runs.resolve import snapshot_of

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])

MAX_SEEDS = 100_000
"""Seeds of one command; more fill the memory."""


class Reading(click.ParamType):
    """What a function reads from an option's text; its ValueError says what was expected."""

    def __init__(self, name: str, read: Callable[[str], object]) -> None:
        self.name, self._read = name, read

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """The value of a text; what is none, as a default may be, stays as it is."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def read_seeds(text: str) -> list[int]:
    """Whole numbers and ranges: `0-15,42` is 0 to 15 and 42."""
    seeds: list[int] = []
    count = 0
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None:
            raise ValueError(f"{part!r} is no seed; expected numbers and ranges from 0 up, like 0-15,42")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"the range {part.strip()!r} ends before it starts; write {last}-{first}")
        if last >= 2**32:
            raise ValueError(f"{last} is too large for a seed; expected less than 2^32")
        count += last - first + 1
        if count > MAX_SEEDS:
            raise ValueError(f"these are {count} seeds; expected at most {MAX_SEEDS} at a time")
        seeds.extend(range(first, last + 1))
    return seeds


class RunPath(click.ParamType):
    """A path, or the name of a run in the models folder: `GGHEAD-4`."""

    name = "path"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Finds the run; what is no run's name stays as it is."""
        return find_run(Path(str(value)))


def check_output(path: Path, force: bool) -> Path:
    """The output path, if it may be written.

    Raises:
        FileExistsError: something stands there, be it a link that leads nowhere, and --force was not given.
    """
    if not force and os.path.lexists(path):
        raise FileExistsError(f"{path} exists already; name another output or overwrite it with --force")
    return path


def check_file(path: Path, force: bool) -> Path:
    """The path of an output that is a file, if it may be written.

    Raises:
        FileExistsError: as of `check_output`.
        IsADirectoryError: a folder stands there, which --force does not replace.
    """
    if check_output(path, force).is_dir():
        raise IsADirectoryError(f"{path} is a folder, which --force does not replace; name another file")
    return path


def make_folder(path: Path, force: bool) -> None:
    """Makes the folder that a command fills; without --force it fills none that another command made meanwhile.

    Raises:
        FileExistsError: it exists and --force was not given.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(exist_ok=force)
    except FileExistsError as error:
        remedy = "name another folder" if force else "name another output or overwrite it with --force"
        raise FileExistsError(f"{path} exists already{', as a file' if force else ''}; {remedy}") from error


def rendering_path(out: Path | None, model: Path, name: str) -> Path:
    """Where pictures of a model go: to --out, or under a name of their kind to the model's folder of renderings."""
    if out is not None:
        return out
    snapshot = snapshot_of(model)
    stem = model.stem if snapshot is None else checkpoint_name(snapshot.images)
    return folder("renderings") / (model.name if model.is_dir() else stem) / name


def pick_device(name: str | None) -> str:
    """The device asked for, or the fastest there is; for the CPU, this process keeps the memory that tensors leave.

    Raises:
        ValueError: there is no such device on this machine, or it is of another kind.
    """
    if name is not None and not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise ValueError(f"the device is {name!r}; expected cpu, cuda or cuda:1")
    import torch

    from gghead.geometry.devices import require_device
    from gghead.processes.freed_memory import keep_freed_memory

    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    require_device(name)
    if name == "cpu":
        keep_freed_memory()
    return name


def progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """The items, with a bar and the remaining time on stderr while they are used up."""
    with progress_bars() as tell:
        tell(what, 0, total)
        for count, item in enumerate(items, start=1):
            yield item
            tell(what, count, total)


@contextmanager
def progress_bars(shown: bool = True) -> Iterator[Callable[[str, int, int | None], None]]:
    """Bars with the remaining time on stderr, and the function that moves them: what is done, how many, of how many."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("ETA"))
    bars = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), disable=not shown)
    tasks = {}

    def tell(what: str, done: int, total: int | None) -> None:
        if not tasks:
            bars.start()
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=total, completed=done)
        bars.update(tasks[what], completed=done, total=total)

    try:
        yield tell
    finally:
        if tasks:  # one that never started would end with an empty line, before the message that says why
            bars.stop()


def stacked(*options: Callable[[F], F]) -> Callable[[F], F]:
    """One decorator for options that several commands have together; `--help` lists them in this order."""

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


model_argument = click.argument("model", type=RunPath(), default=BUNDLED_MODEL)
out_option = click.option("--out", required=True, type=click.Path(path_type=Path), help="Where the result goes.")
force_option = click.option("--force", is_flag=True, help="Overwrite an existing --out.")
force_argument_option = click.option("--force", is_flag=True, help="Overwrite an existing OUT.")


def read_settings(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """FIELD=VALUE, as a dictionary; fails with what was expected. `help` lists the fields and ends the command."""
    if not given:
        return {}
    known = {field.name: field for field in describe_fields(PRESETS[context.params["preset"]].training)}
    if "help" in given:
        tell_fields(list(known.values()))
        context.exit()
    settings: dict[str, str] = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator:
            near = get_close_matches(name, known, n=1)
            like = known[near[0]] if near else "r1_gamma=0.5; --set help lists the fields"
            raise click.BadParameter(f"{text!r}; expected FIELD=VALUE, like {like}", context, parameter)
        if name in settings:
            raise click.BadParameter(f"{name} is given twice; leave one away", context, parameter)
        settings[name] = value
    return settings


def tell_fields(known: list[FieldHelp]) -> None:
    """Prints fields, what they have where nothing is set, and what they are for."""
    formatter = click.HelpFormatter()
    formatter.write_dl([(f"{field.name}={field.value}", f"{field.text} [{field.kind}]") for field in known], col_max=36)
    click.echo(formatter.getvalue(), nl=False)


set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    callback=read_settings,
    metavar="FIELD=VALUE",
    help="Any other field of the run's training: --set r1_gamma=0.5; may be repeated. --set help lists the fields.",
)
gpus_option = click.option(
    "--gpus", type=click.IntRange(1), default=1, show_default=True, help="Processes on this machine, one GPU each."
)
device_option = click.option("--device", help="cpu, cuda or cuda:1; default: cuda where there is one.")
log_option = click.option(
    "--log",
    "trackers",
    multiple=True,
    type=click.Choice(["wandb", "tensorboard", "none"]),
    help="Where the log goes beside log.jsonl; may be given twice. A run remembers it until another --log is given.",
)
run_options = stacked(
    log_option,
    gpus_option,
    click.option(
        "--restarts",
        type=click.IntRange(0),
        default=0,
        show_default=True,
        help="How often all processes start again from the newest checkpoint when one fails or is killed.",
    ),
    click.option(
        "--on-nan",
        type=click.Choice(["stop", "rollback"]),
        default="stop",
        show_default=True,
        help="When training diverges: stop, or continue from the newest checkpoint with other random numbers.",
    ),
)


def finite(expected: str) -> Callable[[click.Context, click.Parameter, float | None], float | None]:
    """Callback of an option that takes a number, if any; NaN and infinity fail with what was expected."""

    def read(context: click.Context, parameter: click.Parameter, given: float | None) -> float | None:
        if given is not None and not math.isfinite(given):
            raise click.BadParameter(f"{given}; expected {expected}", context, parameter)
        return given

    return read


finite_truncation = finite("a number from 0 (the average head) to 1")
truncation_option = click.option(
    "--truncation",
    default=0.7,
    show_default=True,
    callback=finite_truncation,
    help="1 for all variety, towards 0 for the average head.",
)
