"""The walks of docs/architecture.md lead through code that exists and is connected."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_STATIONS = 8
SECTIONS = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("\n## ")
WALKS = {text.splitlines()[0]: text for text in SECTIONS if text.startswith("From a ")}


def stops(walk: str) -> list[tuple[str, str]]:
    """File and name, `Class` or `Class.method` or a function, of all code that a walk names, in order."""
    return re.findall(r"`([\w/]+\.py):([\w.]+)`", WALKS[walk])


def tree_of(file: str) -> ast.Module:
    return ast.parse((ROOT / "src" / "gghead" / file).read_text(encoding="utf-8"))


def definitions(file: str) -> set[str]:
    top = [node for node in tree_of(file).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    methods = {
        f"{node.name}.{method.name}"
        for node in top
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if isinstance(method, ast.FunctionDef)
    }
    return {node.name for node in top} | methods


def names_used(file: str) -> set[str]:
    nodes = list(ast.walk(tree_of(file)))
    return {node.id for node in nodes if isinstance(node, ast.Name)} | {
        node.attr for node in nodes if isinstance(node, ast.Attribute)
    }


def test_there_are_three_walks() -> None:
    assert set(WALKS) == {"From a seed to a picture", "From a zip to a batch", "From a step to a checkpoint"}


@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_is_short(walk: str) -> None:
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", WALKS[walk], re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert 3 <= len(numbers) <= MAX_STATIONS


@pytest.mark.parametrize("walk", WALKS)
def test_stations_exist(walk: str) -> None:
    missing = [f"{file}:{name}" for file, name in stops(walk) if name not in definitions(file)]
    assert not missing, "the code has moved; lead the walk there"


@pytest.mark.parametrize("walk", WALKS)
def test_each_station_is_called_by_or_calls_one_before_it(walk: str) -> None:
    """By names: the file of one of them mentions the other."""
    seen: list[tuple[str, str]] = []
    cut_off = []
    for file, name in stops(walk):
        short = name.rpartition(".")[2]
        linked = any(
            short in names_used(earlier) or earlier_name.rpartition(".")[2] in names_used(file)
            for earlier, earlier_name in seen
        )
        if seen and not linked:
            cut_off.append(f"{file}:{name}")
        seen.append((file, name))
    assert not cut_off, "nothing leads there from the stations before"
