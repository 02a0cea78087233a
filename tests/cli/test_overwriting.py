"""Nothing is overwritten without --force, whoever else writes meanwhile, and a polite kill leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gghead.cli.main import main
from gghead.exports import files as exports
from gghead.inference import loading, outputs
from gghead.model.generator import build_generator
from gghead.model.storage import save_generator
from tiny_run import MODEL


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_generator(path, build_generator(MODEL.generator, seed=0))
    return path


def gghead(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("sample --resolution 16 --seeds 0", "heads.png"),
        ("sample --resolution 16 --seeds 0", "orbit.mp4"),
        ("interpolate --resolution 16 --frames 2", "loop.mp4"),
        ("export", "head.ply"),
    ],
)
def test_what_another_command_wrote_meanwhile_stays(
    command: str, name: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / name
    write_file = outputs.write_file

    def late(path: Path, *arguments: object) -> None:
        out.write_text("theirs")
        write_file(path, *arguments)

    for module in (outputs, exports):
        monkeypatch.setattr(module, "write_file", late)
    verb, *options = command.split()
    result = gghead(verb, model, *options, "--out", out)
    kept = out.with_stem(f"{out.stem}-2")
    assert result.exit_code == 1
    assert "exists already" in result.output
    assert f"kept as {kept}" in " ".join(result.output.split())
    assert out.read_text() == "theirs"
    assert kept.stat().st_size > 100
    assert gghead(verb, model, *options, "--out", out, "--force").exit_code == 0
    assert out.stat().st_size > 100
    assert sorted(tmp_path.iterdir()) == sorted([out, kept])


def test_a_folder_is_filled_by_one_command(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = loading.load

    def late(*arguments: object) -> object:
        (tmp_path / "heads").mkdir()
        return load(*arguments)

    monkeypatch.setattr(loading, "load", late)
    result = gghead("sample", model, "--resolution", 16, "--seeds", 0, "--out", tmp_path / "heads")
    assert result.exit_code == 1
    assert "heads exists already; name another output or overwrite it with --force" in result.output
    assert not list((tmp_path / "heads").iterdir())


def test_a_link_that_leads_nowhere_is_not_replaced(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "heads.png"
    out.symlink_to(tmp_path / "nowhere")
    common = ("sample", model, "--resolution", 16, "--seeds", 0, "--out", out)
    assert "exists already" in gghead(*common).output
    assert out.is_symlink()
    assert gghead(*common, "--force").exit_code == 0
    assert not out.is_symlink()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes without asking them")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_polite_kill_leaves_nothing_half_written(number: int, model: Path, tmp_path: Path) -> None:
    arguments = ["interpolate", str(model), "--frames", "9000", "--resolution", "64"]
    arguments += ["--out", str(tmp_path / "out" / "loop.mp4")]
    program = "from gghead.cli.main import main; main()"
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(tmp_path.glob("out/.*.tmp")):
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ("invert", "nowhere.jpg", "--out", "a.safetensors"),
        ("train-encoder", "--out", "a.safetensors"),
        ("interpolate", "--out", "a.mp4"),
        ("sample", "--out", "a.png"),
        ("data", "check", "nowhere.zip", "--out", "a.png"),
    ],
)
def test_force_replaces_no_folder(arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(arguments[-1]).mkdir()
    refused = CliRunner().invoke(main, [*arguments, "--force"])
    assert refused.exit_code == 1
    assert f"{arguments[-1]} is a folder, which --force does not replace; name another file" in refused.output
    assert [path.name for path in tmp_path.iterdir()] == [arguments[-1]]


@pytest.mark.parametrize(
    ("place", "arguments", "told"),
    [
        ("gghead.inference.loading.load", ("sample", "--out", "a.png"), "stopped"),
        ("gghead.synthetic.generate", ("data", "synthetic", "a.zip"), "stopped; the same command continues"),
    ],
)
def test_who_is_interrupted_does_not_fail(
    place: str, arguments: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(place, interrupted)
    stopped = CliRunner().invoke(main, arguments)
    assert stopped.exit_code == 130
    assert stopped.stderr.strip() == told
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_too_long_is_told_without_a_number(model: Path, tmp_path: Path) -> None:
    refused = gghead("sample", model, "--out", tmp_path / f"{'a' * 300}.png")
    assert refused.exit_code == 1
    assert "File name too long; take a shorter name" in refused.output
    assert "Errno" not in refused.output


def test_warnings_are_one_line_without_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def warned(*_: object, **__: object) -> None:
        for _ in range(2):
            warnings.warn("no masks:\x1b[2J", UserWarning, stacklevel=1)
        raise ValueError("no more")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gghead.synthetic.generate", warned)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        told = CliRunner().invoke(main, ["data", "synthetic", "a.zip"])
    assert told.stderr.splitlines() == [r"warning: no masks:\x1b[2J", "Error: no more"]
