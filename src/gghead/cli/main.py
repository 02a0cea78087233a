"""The command `gghead` and how its errors reach a person."""

import errno
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

import click

from gghead import __version__
from gghead.checkpoint.atomic import REMEDIES
from gghead.cli.data.group import data
from gghead.cli.doctor import doctor
from gghead.cli.evaluate import evaluate
from gghead.cli.export import export
from gghead.cli.import_ import import_
from gghead.cli.info import info
from gghead.cli.interpolate import interpolate
from gghead.cli.persons.invert import invert
from gghead.cli.persons.train_encoder import train_encoder
from gghead.cli.resume import resume
from gghead.cli.sample import sample
from gghead.cli.termination import orderly_end
from gghead.cli.train import train
from gghead.cli.view import view
from gghead.config.printable import printable
from gghead.cuda.availability import KernelError
from gghead.processes.interruption import INTERRUPTED

WAIT_VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""How OpenMP's threads wait for each other: by the standard, with GNU's and with LLVM's library."""


TO_BE_MENDED = (errno.ENAMETOOLONG, errno.ENOSPC, errno.EDQUOT, errno.EIO)
"""Errors of a file system that have one remedy, whether somebody read or wrote."""
MAX_LINE = 5000
"""Characters of a line of an error; a path has at most 4,096 on the systems that we know."""


class FriendlyGroup(click.Group):
    """Prints errors that a person can mend as one line, without a traceback; `--debug` shows it all the same."""

    def main(self, *args: object, **kwargs: object) -> object:
        """Runs the program; even the help goes through a terminal of some encoding."""
        print_anything()
        return super().main(*args, **kwargs)  # type: ignore[arg-type]

    def invoke(self, ctx: click.Context) -> object:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # `gghead info ... | head`: click ends quietly
        except KeyboardInterrupt:  # of click this would be a failure like any other
            click.echo("stopped", err=True)
            raise SystemExit(INTERRUPTED) from None
        except (
            ValueError,
            OSError,
            EOFError,
            FloatingPointError,
            RecursionError,
            KernelError,
            *full_memory(),
        ) as error:
            if ctx.params["debug"]:
                raise
            told = str(error)
            if isinstance(error, full_memory()):
                told = f"the memory is full ({told or 'MemoryError'}); smaller batches or pictures need less of it"
            elif isinstance(error, EOFError):  # click would say "Aborted!"
                told = f"a file ends too early ({told or 'EOFError'}); use another copy"
            elif isinstance(error, OSError) and error.errno is not None and error.filename is not None:
                remedy = f"; {REMEDIES[error.errno]}" if error.errno in TO_BE_MENDED else ""
                told = f"{error.filename}: {error.strerror}{remedy}"
            elif isinstance(error, RecursionError):
                told = f"a file is nested too deeply ({told})"
            raise click.ClickException(harmless(told)) from error


class HarmlessFormatter(logging.Formatter):
    """Writes what is logged so that it steers no terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The line or lines of a message."""
        return harmless(super().format(record))


def harmless(text: str) -> str:
    """Text in which names and texts of files are quoted, without what steers a terminal in them."""
    return "\n".join(printable(line, MAX_LINE) for line in text.split("\n"))


def print_anything() -> None:
    """Lets pipes and terminals of any encoding take any text: what they lack is written as its number, \\u2588 say.

    A file on Windows is cp1252 by default, a server's locale may be C, and names of files may be no text at all.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Writes warnings as one line each, once, without the line of the program that they come from."""
    shown: set[str] = set()

    def show(message: Warning | str, *_: object) -> None:
        text = harmless(str(message))
        if text not in shown:
            shown.add(text)
            click.echo(f"warning: {text}", err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def full_memory() -> tuple[type[Exception], ...]:
    """Errors that say so; torch, which takes seconds to import, is asked only where a command has done that."""
    torch = sys.modules.get("torch")
    return (MemoryError,) if torch is None else (MemoryError, torch.OutOfMemoryError)


def wait_passively(environment: MutableMapping[str, str]) -> None:
    """Has torch's threads sleep instead of spin while they wait for each other, unless the user chose otherwise.

    To be called before torch is imported. With one of two cores taken by another process a head takes 0.23 s instead of
    0.45; on a quiet machine 0.15 instead of 0.14 (benchmarks/busy_core.py).
    """
    if not any(name in environment for name in WAIT_VARIABLES):
        environment["OMP_WAIT_POLICY"] = "PASSIVE"


@click.group(cls=FriendlyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="gghead")
@click.option("--debug", is_flag=True, help="Show the traceback of an error and what the parts log.")
def main(debug: bool) -> None:
    """A 3D-aware GAN for heads, trained on single-view images, that draws 3D Gaussians.

    Results go where --out says, progress to stderr. Nothing is overwritten without --force.
    """
    click.get_current_context().with_resource(orderly_end())
    if not debug:
        click.get_current_context().with_resource(plain_warnings())
    wait_passively(os.environ)
    level, style = (logging.INFO, "%(name)s: %(message)s") if debug else (logging.WARNING, "%(message)s")
    handler = logging.StreamHandler()
    handler.setFormatter(HarmlessFormatter(style))
    logging.basicConfig(level=level, handlers=[handler])


COMMANDS = (
    train, resume, sample, interpolate, invert, train_encoder, view, evaluate, export, import_, info, data, doctor
)  # fmt: skip
for command in COMMANDS:
    main.add_command(command)
