"""What the documents promise: code that runs, links that lead somewhere, commands that exist."""

import json
import re
import shlex
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from gghead.cli.main import main
from gghead.model.generator import build_generator
from gghead.model.storage import save_generator
from tiny_run import MODEL

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]


@pytest.fixture
def beside_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like the repository after `make demo`."""
    save_generator(
        tmp_path / "demo" / "run" / "snapshots" / "000000016.safetensors", build_generator(MODEL.generator, 0)
    )
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(code: str) -> None:
    with torch.no_grad():
        exec(compile(code, "document", "exec"), {})


def test_python_in_the_readme_runs(repository: Path, beside_a_model: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (repository / "README.md").read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        run(block)
    assert (beside_a_model / "morph.mp4").stat().st_size > 0
    assert (beside_a_model / "head.ply").stat().st_size > 0


def test_the_notebook_runs(repository: Path, beside_a_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(beside_a_model / "notebooks")
    cells = json.loads((repository / "notebooks" / "heads.ipynb").read_text())["cells"]
    run("\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"))


def test_commands_in_the_readme_exist(repository: Path) -> None:
    text = (repository / "README.md").read_text()
    lines = [line.split("#")[0] for line in text.splitlines() if line.startswith("gghead ")]
    assert len(lines) >= 9
    for line in lines:
        arguments = shlex.split(line)[1:]
        names = arguments[:2] if arguments[0] == "data" else arguments[:1]
        usage = CliRunner().invoke(main, [*names, "--help"])
        assert usage.exit_code == 0, line
        for option in re.findall(r"--[a-z-]+", line):
            assert option in usage.output, line


@pytest.mark.parametrize("document", sorted(path.name for path in DOCUMENTS))
def test_links_lead_somewhere(document: str) -> None:
    path = next(path for path in DOCUMENTS if path.name == document)
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


def test_every_dependency_is_justified_and_constrained(repository: Path) -> None:
    project = (repository / "pyproject.toml").read_text()
    block = project.split("dependencies = [", 1)[1].split("]", 1)[0]
    names = re.findall(r'"([a-z0-9-]+)>=', block)
    assert len(names) >= 10
    justified = (repository / "docs" / "dependencies.md").read_text()
    constrained = (repository / "constraints.txt").read_text().lower()
    for name in names:
        assert f"| {name} |" in justified, name
        assert f"\n{name}==" in constrained, name
