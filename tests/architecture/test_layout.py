"""Rules of the house that a program can check."""

import ast
import subprocess
import sys
from collections import Counter
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from gghead.config.model import DiscriminatorConfig, GeneratorConfig
from gghead.config.training import RunConfig, TrainingConfig

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src" / "gghead").rglob("*.py"))
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70
MAX_FOLDER_FILES = 16
MAX_ROOM_LINES = 4000
LONG_FUNCTIONS: dict[str, str] = {}
"""Functions above the ceiling, `file:function`, and why each may be."""


@cache
def trees() -> list[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text())) for path in SOURCES]


def test_imports_follow_the_layers() -> None:
    # In a process of its own: it configures logging for all of Python.
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_files_and_functions_stay_short() -> None:
    long_files = [path.name for path in SOURCES if len(path.read_text().splitlines()) > MAX_FILE_LINES]
    assert not long_files
    long_functions = {
        f"{path.name}:{node.name}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    }
    assert long_functions == set(LONG_FUNCTIONS), "mend it, or give a reason in LONG_FUNCTIONS"


def test_folders_and_rooms_stay_small() -> None:
    folders = Counter(path.parent for path in SOURCES)
    assert not {str(folder.relative_to(ROOT)): count for folder, count in folders.items() if count > MAX_FOLDER_FILES}
    rooms: Counter[str] = Counter()
    for path in SOURCES:
        rooms[path.relative_to(ROOT / "src" / "gghead").parts[0]] += len(path.read_text().splitlines())
    # Rendered people are a program of their own; nothing but their commands imports it.
    assert {room for room, lines in rooms.items() if lines > MAX_ROOM_LINES} == {"synthetic"}


@pytest.mark.parametrize("config", [GeneratorConfig, DiscriminatorConfig, TrainingConfig, RunConfig])
def test_every_config_field_is_read_outside_of_the_config(config: type) -> None:
    read = {
        node.attr
        for path, tree in trees()
        if path.parent.name != "config"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
    }
    assert not {field.name for field in fields(config)} - read


def test_nothing_is_pickled() -> None:
    for path, tree in trees():
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {"pickle", "marshal", "shelve", "dill", "cloudpickle"} & set(names), path
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("torch.load", "torch.save"):
                keywords = {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert (ast.unparse(node.func), keywords.get("weights_only")) == ("torch.load", "True"), path


def test_every_public_name_has_a_docstring() -> None:
    """Methods of derived classes inherit theirs from the interface."""
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path, tree in trees()
        for scope in [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef) and not node.bases)]
        for node in scope.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not (node.name.startswith("_") or getattr(scope, "name", "").startswith("_"))
        and not ast.get_docstring(node)
    ]
    assert not bare


def run_python(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return result.stdout.strip()


@pytest.mark.parametrize("module", ["gghead", "gghead.cli.main", "gghead.config.presets"])
def test_importing_costs_nothing(module: str) -> None:
    heavy = "{'torch', 'numpy', 'numba', 'scipy', 'PIL', 'av', 'rich'}"
    assert run_python(f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))") == "[]"


def test_public_names() -> None:
    expected = "Cameras Gaussians Generator Rendering draw export interpolate load load_ply load_splat load_spz loop "
    expected += "render save_video show"
    assert run_python("import gghead; print(*gghead.__all__)") == expected
    assert run_python("import gghead; print(all(getattr(gghead, name) for name in gghead.__all__))") == "True"


def is_text(call: ast.Call) -> bool:
    """Whether a call opens a file as text."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    modes = [value for value in given if isinstance(value, str) and value and set(value) <= set("rwaxbt+")]
    opened = name == "open" and (bool(modes) or isinstance(call.func, ast.Name)) and "b" not in "".join(modes)
    written = name in ("read_text", "write_text") and isinstance(call.func, ast.Attribute)
    return written or (opened and ast.unparse(call.func) != "av.open")


def test_text_files_name_their_encoding() -> None:
    """Without one it is that of the machine: cp1252 on Windows, ASCII in containers."""
    unnamed = [
        f"{path.name}:{call.lineno}"
        for path, tree in trees()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and is_text(call) and not any(word.arg == "encoding" for word in call.keywords)
    ]
    assert unnamed == []
