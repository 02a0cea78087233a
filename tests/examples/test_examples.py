"""Every example runs to its end and its notebook is that example, with pictures inside."""

import base64
import importlib.util
import io
import json
from pathlib import Path
from types import ModuleType

import av
import pytest
from PIL import Image

from gghead.gaussians.formats.ply import load_ply

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("[0-9]*.py"))
LARGEST_NOTEBOOK = 1_000_000
"""Bytes."""


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    """notebooks/make.py"""
    spec = importlib.util.spec_from_file_location("make_notebooks", ROOT / "notebooks" / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the examples share."""
    return tmp_path_factory.mktemp("examples")


def notebook(name: str) -> list[dict]:
    return json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text())["cells"]


def pictures(outputs: list[dict]) -> list[Image.Image]:
    encoded = [output["data"]["image/jpeg"] for output in outputs if "image/jpeg" in output.get("data", {})]
    return [Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB") for content in encoded]


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_cells_run_and_show_something(
    name: str, maker: ModuleType, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workplace)
    names: dict[str, object] = {}
    cells = [cell.code for cell in maker.read_cells(ROOT / "examples" / f"{name}.py") if cell.code]
    shown = pictures([output for code in cells for output in maker.run_cell(code, names)])
    assert shown
    assert all(low < 100 < high for picture in shown for low, high in [picture.convert("L").getextrema()])


def test_what_examples_leave_are_files_of_their_kinds(workplace: Path) -> None:
    out = workplace / "out"
    if not (out / "fitted.ply").exists():
        pytest.skip("looks at the files of the test above, which was not run")
    assert load_ply(out / "head.ply").num_gaussians > 1000
    assert load_ply(out / "fitted.ply").num_gaussians > 1000
    for name in ("orbit.mp4", "morph.mp4"):
        with av.open(str(out / name)) as video:
            assert sum(1 for _ in video.decode(video=0)) == 24


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_notebook_is_its_example_with_pictures_inside(name: str, maker: ModuleType) -> None:
    path = ROOT / "notebooks" / f"{name}.ipynb"
    cells = maker.read_cells(ROOT / "examples" / f"{name}.py")
    expected = maker.notebook(cells, [[] for _ in cells])["cells"]
    again = "the example has changed: python notebooks/make.py"
    assert ["".join(cell["source"]) for cell in notebook(name)] == ["".join(cell["source"]) for cell in expected], again
    assert pictures([output for cell in notebook(name) for output in cell.get("outputs", [])])
    assert path.stat().st_size < LARGEST_NOTEBOOK
    assert str(ROOT) not in path.read_text()
