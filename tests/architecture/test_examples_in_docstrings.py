"""Examples in docstrings do what they show: those of public names as a reader would type them, with nothing at hand."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

import gghead

ROOT = Path(__file__).resolve().parents[2] / "src"
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "gghead").rglob("*.py")
    if re.search(r"^ *>>> ", path.read_text(), re.MULTILINE)
)
NEEDS = {"gghead.viewer": "viser"}
"""Packages that come with extras, by the folders that need them."""


def docstrings(name: str) -> list[str]:
    """Of a public name; of a class, those of its methods, too."""
    found = getattr(gghead, name)
    members = vars(found).values() if isinstance(found, type) else ()
    return [getattr(part, "__doc__", None) or "" for part in (found, *members)]


@pytest.mark.parametrize("name", [name for name in gghead.__all__ if name != "Rendering"])  # which render gives
def test_every_public_name_is_shown_in_an_example_that_runs(name: str) -> None:
    assert any(">>> " in text and "+SKIP" not in text for text in docstrings(name))


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("module", MODULES)
def test_examples_run_and_show_what_they_say(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, package in NEEDS.items():
        if module.startswith(folder):
            pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    found = importlib.import_module(module)
    public = {getattr(gghead, name).__name__ for name in gghead.__all__}
    for example in doctest.DocTestFinder(exclude_empty=True).find(found):
        name = example.name.removeprefix(f"{module}.").split(".")[0]
        if name in public or module == "gghead":
            example.globs = {}
        told: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
        runner.run(example, out=told.append)
        assert runner.failures == 0, "".join(told)
