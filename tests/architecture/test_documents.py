"""What the documents promise: code that runs, links that lead somewhere, commands that exist."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import gghead
from gghead.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
FIRST_PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
DOCUMENTS = {str(path.relative_to(ROOT)): path for path in [*FIRST_PAGES, *(ROOT / "docs").rglob("*.md")]}


def run(code: str) -> None:
    with torch.no_grad():
        exec(compile(code, "document", "exec"), {})


@pytest.mark.parametrize(
    ("document", "files"),
    [
        pytest.param("README.md", ["heads.png", "head.ply"], marks=pytest.mark.slow),
        pytest.param("docs/start.md", ["morph.mp4", "head.ply", "head.glb"], marks=pytest.mark.slow),
        ("docs/package_index.md", ["heads.png"]),
    ],
)
def test_python_of_the_first_pages_runs(
    document: str, files: list[str], repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (repository / document).read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        run(block)
    for name in files:
        assert (tmp_path / name).stat().st_size > 0


def test_the_readme_stays_short(repository: Path) -> None:
    """A stranger reads a hundred lines; the rest has pages of its own."""
    assert len((repository / "README.md").read_text(encoding="utf-8").splitlines()) <= 110


@pytest.mark.parametrize("document", sorted(DOCUMENTS))
def test_commands_exist(document: str) -> None:
    text = DOCUMENTS[document].read_text()
    blocks = "\n".join(re.findall(r"```\n(.*?)```", text, re.DOTALL) + re.findall(r"^ {4,}\S.*", text, re.MULTILINE))
    for line in re.findall(r"^ *(gghead .*)", blocks, re.MULTILINE):
        arguments = shlex.split(line, comments=True)[1:]
        names = arguments[:2] if arguments[0] == "data" else arguments[:1]
        usage = CliRunner().invoke(main, [*names, "--help"])
        assert usage.exit_code == 0, line
        for option in re.findall(r"--[a-z-]+", " ".join(arguments)):
            assert option in usage.output, line


@pytest.mark.parametrize("document", sorted(DOCUMENTS))
def test_links_lead_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", DOCUMENTS[document].read_text()):
        if not target.startswith("http"):
            assert (DOCUMENTS[document].parent / target).exists(), target


def test_the_page_of_a_package_index_stands_alone(repository: Path) -> None:
    """An index shows the text and nothing of the repository: no relative picture or link."""
    page = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["readme"]
    targets = re.findall(r"\]\(([^)]+)\)", (repository / page).read_text())
    assert targets
    assert all(target.startswith("https://") for target in targets)


def test_files_that_are_named_exist(repository: Path) -> None:
    """In the package and the documents; renamed files are found out."""
    folders = [repository / name for name in ("src", "docs", "tests", "benchmarks", "studies", "examples", "notebooks")]
    names = {path.name for folder in folders for path in folder.rglob("*")}
    kinds = ("*.py", "*.cu", "*.cuh", "*.md")
    texts = [path for folder in folders[:2] for kind in kinds for path in folder.rglob(kind)]
    missing = [
        f"{path.relative_to(repository)}: {name}"
        for path in [*FIRST_PAGES, *texts]
        for name in re.findall(r"\b\w+\.(?:py|cuh?)\b", path.read_text())
        if name not in names
    ]
    assert not missing


def test_a_wheel_holds_what_is_in_the_tree_and_nothing_of_an_earlier_one(repository: Path, tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="needs the package that builds wheels, of the extra `dev`")
    tree = tmp_path / "tree"
    shutil.copytree(repository / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    for name in ("pyproject.toml", "LICENSE", "NOTICE", ".gitignore", "docs/package_index.md"):
        (tree / name).parent.mkdir(exist_ok=True)
        shutil.copy(repository / name, tree / name)
    gone = tree / "src" / "gghead" / "gone.py"

    def files_of_a_wheel() -> set[str]:
        command = [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "--target",
            "wheel",
            "--directory",
            str(tmp_path / "dist"),
        ]
        subprocess.run(command, cwd=tree, capture_output=True, check=True)
        (wheel,) = (tmp_path / "dist").iterdir()
        with zipfile.ZipFile(wheel) as archive:
            return set(archive.namelist())

    gone.touch()
    first = files_of_a_wheel()
    gone.unlink()
    second = files_of_a_wheel()
    assert first - second == {"gghead/gone.py"}
    # Type checkers look for py.typed.
    expected = {path.relative_to(tree / "src").as_posix() for path in (tree / "src").rglob("*") if path.is_file()}
    assert {"gghead/py.typed"} < expected == {name for name in second if ".dist-info/" not in name}
    assert {name.rpartition("/")[2] for name in second if "/licenses/" in name} == {"LICENSE", "NOTICE"}


@pytest.mark.slow
def test_the_site_builds_strictly_and_fetches_nothing(repository: Path, tmp_path: Path) -> None:
    for package in ("mkdocs", "material", "mkdocstrings_handlers.python"):
        pytest.importorskip(package, reason="the site needs the extra `docs`")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    result = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    pages = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*.html")}
    assert "gghead export" in pages["reference/commands.html"]
    assert all(f">{name}<" in pages["reference/python.html"] for name in gghead.__all__)
    for name, page in pages.items():
        assert not re.search(r"<(script|img|link)[^>]*(src|href)=[\"']?https?:", page), name


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


def test_every_experiment_has_its_answer_in_one_line(repository: Path) -> None:
    """Who looks for a finding reads the contents and one line."""
    text = (repository / "docs" / "experiments.md").read_text(encoding="utf-8")
    questions = re.findall(r"^### (.+)\n(.*)\n", text, re.MULTILINE)
    assert len(questions) >= 36
    assert not [question for question, answer in questions if not re.fullmatch(r"\*\*.+\*\*", answer)]
    assert re.findall(r"^- \[(.+)\]\(#", text, re.MULTILINE) == [question for question, _ in questions]


def test_figures_of_the_readme_stand_in_the_pages_that_it_names(repository: Path) -> None:
    pages = ("docs/performance.md", "src/gghead/assets/model/README.md", "docs/how-to/invert.md")
    known = " ".join((repository / page).read_text(encoding="utf-8") for page in pages)
    table = (repository / "README.md").read_text(encoding="utf-8").split("## Results", 1)[1].split("\n\n")[1]
    rows = [line.split("|") for line in table.splitlines()[2:]]
    assert len(rows) >= 5
    figures = [figure for row in rows for cell in row[3:5] for figure in re.findall(r"[\d.]*\d", cell)]
    assert not [figure for figure in figures if not re.search(rf"(?<![\d.]){re.escape(figure)}(?!\.?\d)", known)]


def test_the_citation_is_of_this_version(repository: Path) -> None:
    yaml = pytest.importorskip("yaml", reason="reads CITATION.cff; mkdocs brings it")
    citation = yaml.safe_load((repository / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert project["urls"]["Paper"] == citation["preferred-citation"]["url"]
