"""The commands of `gghead data` as a user types them."""

import shlex
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from gghead.cli.main import main
from gghead.data.labels import read_label_file, write_labels
from head_cameras import written_as
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
    assert "0 is not in the range" in data("check", heads, "--resolution", "0").output


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


def test_check_draws_the_template_it_is_given(heads: Path, tmp_path: Path) -> None:
    template, sheet = tmp_path / "head.obj", tmp_path / "sheet.png"
    template.write_text(
        "v -.3 -.3 .1\nv .3 -.3 .1\nv .3 .3 .1\nv -.3 .3 .1\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nf 1/1 2/2 3/3 4/4\n",
        encoding="utf-8",
    )
    assert data("check", heads, "--resolution", 16, "--out", sheet).exit_code == 0
    builtin = sheet.read_bytes()
    assert data("check", heads, "--resolution", 16, "--out", sheet, "--template", template, "--force").exit_code == 0
    assert sheet.read_bytes() != builtin
    assert "add --out" in data("check", heads, "--template", template).output
    square = template.read_text(encoding="utf-8")
    template.write_text(
        square + square.replace(".1\n", ".3\n").replace("f 1/1 2/2 3/3 4/4", "f 5/1 6/2 7/3 8/4"), encoding="utf-8"
    )
    refused = data("check", heads, "--resolution", 16, "--out", sheet, "--template", template, "--force")
    assert refused.exit_code == 1
    assert "lie on each other" in refused.output
    template.write_text(square.replace(".3", "30"), encoding="utf-8")
    refused = data("check", heads, "--out", sheet, "--template", template, "--force")
    assert refused.exit_code == 1
    assert "head.obj: the template's longest side is 60 units" in refused.output


def test_convert_tells_what_it_found_and_did_not_use(tmp_path: Path) -> None:
    for name, count in (("0", 1), ("1", 2)):
        model = tmp_path / "scene" / "sparse" / name
        model.mkdir(parents=True)
        (model / "cameras.txt").write_text("1 SIMPLE_PINHOLE 64 64 270 32 32\n", encoding="utf-8")
        images = "".join(f"{i} 0 1 0 0 0 0 2.7 1 {i}.png\n" for i in range(count))
        (model / "images.txt").write_text(images, encoding="utf-8")
    converted = data("convert", tmp_path / "scene", "--out", tmp_path / "new.json")
    assert converted.exit_code == 0
    assert "note: of 2 COLMAP models sparse/1 is taken (2 images), not sparse/0 (1 images)" in converted.output


def test_the_command_that_check_names_mends_the_labels(heads: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong set.zip"
    with zipfile.ZipFile(heads) as old, zipfile.ZipFile(wrong, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "dataset.json":
                file = read_label_file(content, heads)
                content = write_labels(file.names, written_as(file.values, ("opengl",)))
            new.writestr(name, content)
    checked = data("check", wrong, "--resolution", 16)
    assert checked.exit_code == 1
    assert "in another convention" in checked.stdout
    command = checked.stdout.split("Mend it: gghead data ")[1].splitlines()[0]
    arguments = [str(tmp_path / "NEW.zip") if word == "NEW.zip" else word for word in shlex.split(command)]
    before = set(tmp_path.rglob("*"))
    converted = data(*arguments)
    assert converted.exit_code == 0, converted.output
    assert converted.stdout.split("\n")[:-1] == [str(tmp_path / "NEW.zip")]
    assert set(tmp_path.rglob("*")) - before == {tmp_path / "NEW.zip"}
    assert data("check", tmp_path / "NEW.zip", "--resolution", 16).exit_code == 0


def test_convert_packs_masks_too_refuses_and_names_what_it_leaves_out(heads: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean.zip"
    with zipfile.ZipFile(heads, "a") as archive:
        archive.writestr("unlabelled.png", b"x")
    assert data("check", heads, "--resolution", 16).exit_code == 1
    result = data("convert", heads, "--skip-damaged", "--out", out)
    assert result.stdout.splitlines() == [str(out), str(tmp_path / "clean_masks_modnet.zip")]
    assert data("check", out, "--resolution", 16).exit_code == 0
    assert "exists already" in data("convert", heads, "--out", out).output
    out.unlink()
    assert "clean_masks_modnet.zip exists already" in data("convert", heads, "--out", out).output
    assert data("convert", heads, "--out", out, "--force").exit_code == 0
    assert "no convention 'opengll'" in data("convert", heads, "--from", "opengll", "--out", out, "--force").output


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_any_encoding_of_the_output_takes_the_page(encoding: str, heads: Path) -> None:
    result = CliRunner(charset=encoding).invoke(main, ["data", "check", str(heads), "--resolution", "16"])
    assert result.exit_code == 0, result.output
    assert "10 labels, 10 usable pictures" in result.stdout
    assert "0 problems" in result.stdout


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_any_encoding_of_the_output_takes_any_name(encoding: str, heads: Path, tmp_path: Path) -> None:
    named = heads.rename(tmp_path / "ヘッド \udcff.zip")
    result = CliRunner(charset=encoding).invoke(main, ["data", "check", str(named), "--resolution", "16"])
    assert result.exit_code == 0, result.output
    assert "10 labels, 10 usable pictures" in result.stdout


def test_help_explains_every_option() -> None:
    for name in ("check", "convert"):
        command = main.commands["data"].commands[name]
        options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
        assert len(options) <= 8
        assert all(option.help for option in options)
