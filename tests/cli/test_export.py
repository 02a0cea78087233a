"""gghead export: a file of each kind, several heads, frames, refusals."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from gghead.cli.main import main
from gghead.exports.formats import FORMATS, format_of
from gghead.gaussians.formats.ply import load_ply
from gghead.gaussians.formats.splat import load_splat
from gghead.gaussians.formats.spz import load_spz
from gghead.model.generator import build_generator
from gghead.model.storage import save_generator
from tiny_run import MODEL

SUFFIXES = [pytest.param(kind.suffix, marks=[pytest.mark.slow] * (kind.suffix == ".glb")) for kind in FORMATS]
"""Of every format; a textured mesh takes seconds."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_generator(path, build_generator(MODEL.generator, seed=0))
    return path


def export(*arguments: object) -> Result:
    """Runs the command in this process."""
    return CliRunner().invoke(main, ["export", *map(str, arguments)])


def refusal(*arguments: object) -> str:
    """What the command says when it refuses; fails if it does not, or shows a traceback."""
    result = export(*arguments)
    assert result.exit_code in (1, 2), result.output
    assert isinstance(result.exception, SystemExit), result.exception
    return " ".join(result.output.split())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_is_written(model: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"head{suffix}"
    result = export(model, "--seeds", "5", "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == [str(out)]
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert format_of(out).suffix == suffix
    assert f" {suffix}" in CliRunner().invoke(main, ["export", "--help"]).output


def test_formats_hold_the_same_head(model: Path, tmp_path: Path) -> None:
    for name in ("head.ply", "head.splat", "head.spz"):
        assert export(model, "--out", tmp_path / name).exit_code == 0
    whole = load_ply(tmp_path / "head.ply")
    ply = whole.means[whole.opacities >= 1 / 255]
    splat, spz = load_splat(tmp_path / "head.splat").means, load_spz(tmp_path / "head.spz").means
    torch.testing.assert_close(splat, ply, rtol=0, atol=1e-6)
    torch.testing.assert_close(spz, ply, rtol=0, atol=2e-6)


def test_what_is_left_out_is_told(model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert export(model, "--out", tmp_path / "head.ply").exit_code == 0
    faint = int((load_ply(tmp_path / "head.ply").opacities < 1 / 255).sum())
    assert not caplog.records
    assert export(model, "--out", tmp_path / "head.spz").exit_code == 0
    left, total = load_spz(tmp_path / "head.spz").num_gaussians, load_ply(tmp_path / "head.ply").num_gaussians
    assert total - left == faint
    counted = f"{faint:,} of {total:,} Gaussians are left out"
    told = f"head.spz: {counted}: their opacity is below 0.0039, too faint to be seen"
    messages = [record.getMessage() for record in caplog.records]
    assert [message for message in messages if "left out" in message] == ([told] if faint else [])


def test_ply_is_what_strict_readers_expect(model: Path, tmp_path: Path) -> None:
    assert export(model, "--out", tmp_path / "head.ply").exit_code == 0
    head, body = (tmp_path / "head.ply").read_bytes().split(b"end_header\n", 1)
    assert head.count(b"property float ") == 62
    scene = load_ply(tmp_path / "head.ply")
    assert len(body) == 62 * 4 * scene.num_gaussians
    assert scene.sh_degree == 1, "as the model's; the bands above are zero"


def test_frames(model: Path, tmp_path: Path) -> None:
    for name, options in {
        "plain": ["--up", "y"],
        "default": [],
        "z": ["--up", "z", "--scale", "2", "--center"],
    }.items():
        assert export(model, *options, "--out", tmp_path / f"{name}.ply").exit_code == 0
    plain, default, turned = (load_ply(tmp_path / f"{name}.ply", up="y").means for name in ("plain", "default", "z"))
    torch.testing.assert_close(default, plain * torch.tensor([-1.0, -1.0, 1.0]), rtol=0, atol=1e-6)
    x, y, z = (2 * (plain - (plain.amin(0) + plain.amax(0)) / 2)).unbind(-1)
    torch.testing.assert_close(turned, torch.stack([x, -z, y], dim=-1), rtol=0, atol=1e-5)


def test_several_heads_become_several_files(model: Path, tmp_path: Path) -> None:
    result = export(model, "--seeds", "5,6", "--out", tmp_path / "spz" / "head.spz")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "spz").iterdir()) == ["head_seed0005.spz", "head_seed0006.spz"]
    assert export(model, "--seeds", "5,6", "--out", tmp_path / "folder").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == ["seed0005.ply", "seed0006.ply"]


def test_a_seed_named_twice_is_one_file_and_endings_stay_as_they_are_written(model: Path, tmp_path: Path) -> None:
    assert export(model, "--seeds", "5,6,5", "--out", tmp_path / "head.PLY").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["head_seed0005.PLY", "head_seed0006.PLY"]


def test_nothing_is_overwritten_without_force(model: Path, tmp_path: Path) -> None:
    (tmp_path / "head_seed0006.ply").write_text("mine")
    assert "exists already" in refusal(model, "--seeds", "5,6", "--out", tmp_path / "head.ply")
    assert "exists already" in refusal(model, "--out", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["head_seed0006.ply"]
    assert export(model, "--seeds", "5,6", "--out", tmp_path / "head.ply", "--force").exit_code == 0


def test_refusals_say_what_there_is(model: Path, tmp_path: Path) -> None:
    unknown = refusal(model, "--out", tmp_path / "head.obj")
    assert all(kind.suffix in unknown for kind in FORMATS)
    assert "its own frame and camera" in refusal(model, "--up", "z", "--out", tmp_path / "head.html")
    assert "is not in the range 1e-06" in refusal(model, "--scale", "0", "--out", tmp_path / "head.ply")
    assert "'x' is not one of" in refusal(model, "--up", "x", "--out", tmp_path / "head.ply")
    assert not list(tmp_path.iterdir())


def test_a_pages_title_tells_file_and_seed(model: Path, tmp_path: Path) -> None:
    assert export(model, "--seeds", "5", "--out", tmp_path / "anna.html").exit_code == 0
    assert "<title>anna: seed 5</title>" in (tmp_path / "anna.html").read_text("utf-8")
    assert export(model, "--seeds", "5,6", "--out", tmp_path / "two.html").exit_code == 0
    assert "<title>two_seed0006</title>" in (tmp_path / "two_seed0006.html").read_text("utf-8")
