"""The commands of `gghead data` as a user types them."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from gghead.cli.main import main
from tiny_run import write_tiny_dataset


def data(*arguments: object) -> Result:
    """Runs `gghead data` in this process."""
    result = CliRunner().invoke(main, ["data", *(str(argument) for argument in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def heads(tmp_path: Path) -> Path:
    return write_tiny_dataset(tmp_path / "blobs.zip")


def test_check_finds_nothing_wrong_and_then_something(heads: Path) -> None:
    result = data("check", heads, "--resolution", "16")
    assert result.exit_code == 0
    assert "10 labels, 10 usable pictures" in result.stdout
    assert "0 problems" in result.stdout
    result = data("check", heads, "--resolution", "32")
    assert result.exit_code == 1
    assert result.stdout.count("fewer than the resolution 32") == 10


def test_check_writes_a_sheet_and_nothing_else(heads: Path, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    sheet = tmp_path / "out" / "sheet.png"
    assert data("check", heads, "--resolution", 16, "--out", sheet).exit_code == 0
    assert set(tmp_path.rglob("*")) - before == {sheet, sheet.parent}
    with Image.open(sheet) as picture:
        assert picture.size == (4 * 256, 3 * 256)
    assert "exists already" in data("check", heads, "--out", sheet).output
    assert data("check", heads, "--resolution", 16, "--out", sheet, "--force").exit_code == 0
    assert "expected a name ending in .png" in data("check", heads, "--out", tmp_path / "sheet.gif").output
