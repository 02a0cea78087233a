"""A change of a public signature, a setting or a help text shows in the diff; `make snapshots` writes them anew."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import gghead
from gghead.cli.main import main
from gghead.config.model import DiscriminatorConfig, GeneratorConfig
from gghead.config.training import RunConfig, TrainingConfig

SNAPSHOTS = Path(__file__).parent / "snapshots"
CONFIGS = (RunConfig, TrainingConfig, GeneratorConfig, DiscriminatorConfig)


def python_api() -> str:
    """Public functions, classes and configurations as the source declares them, without docstrings and bodies."""
    return "\n".join(declaration(getattr(gghead, name)) for name in gghead.__all__) + "".join(
        f"\n{declaration(config)}" for config in CONFIGS
    )


def declaration(found: Callable[..., object]) -> str:
    """A function's signature; a class with its fields and the signatures of its methods, those of its bases too."""
    if not isinstance(found, type):
        return signature(node_of(found)) + "\n"
    members = []
    for kind in found.__mro__:
        if kind.__module__.startswith("gghead."):
            members += [line for node in node_of(kind).body if (line := member(node))]
    return "\n    ".join([f"class {found.__name__}:", *members]) + "\n"


def node_of(found: Callable[..., object]) -> ast.ClassDef | ast.FunctionDef:
    """What the source says."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(found)))).body
    assert isinstance(node, ast.ClassDef | ast.FunctionDef)
    return node


def member(node: ast.stmt) -> str:
    """The line of a public field or method; empty for anything else."""
    if isinstance(node, ast.AnnAssign) and "ClassVar" not in ast.unparse(node.annotation):
        return ast.unparse(node)
    if isinstance(node, ast.FunctionDef) and (node.name == "__init__" or not node.name.startswith("_")):
        kinds = {"classmethod", "staticmethod", "property", "cached_property"}
        return "".join(f"@{name} " for name in map(ast.unparse, node.decorator_list) if name in kinds) + signature(node)
    return ""


def signature(node: ast.ClassDef | ast.FunctionDef) -> str:
    """The first line of a function."""
    assert isinstance(node, ast.FunctionDef)
    returns = "" if node.returns is None else f" -> {ast.unparse(node.returns)}"
    return f"def {node.name}({ast.unparse(node.args)}){returns}"


def commands() -> str:
    """The help of every command, eighty characters wide."""
    return "\n".join(help_texts((), main))


def help_texts(path: tuple[str, ...], command: click.Command) -> Iterator[str]:
    """Help of a command and of those below it."""
    result = CliRunner().invoke(main, [*path, "--help"], prog_name="gghead", terminal_width=80)
    yield f"$ gghead {' '.join((*path, '--help'))}\n{result.output}"
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from help_texts((*path, name), below)


@pytest.mark.parametrize(("name", "made"), [("python.txt", python_api), ("commands.txt", commands)])
def test_it_is_what_was_decided(name: str, made: Callable[[], str], request: pytest.FixtureRequest) -> None:
    path = SNAPSHOTS / name
    if request.config.getoption("--update-snapshots"):
        path.write_text(made(), encoding="utf-8")
    assert made() == path.read_text(encoding="utf-8"), "if it is meant, `make snapshots` and commit the difference"
