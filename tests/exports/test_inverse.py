"""What `export` writes, `load_*` reads: the same Gaussians in the head space by default; what is lost is told."""

import html
import logging
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from exports.painted_head import around, psnr
from exports.read_page import read_page
from gghead.exports.files import export
from gghead.exports.formats import FORMATS
from gghead.gaussians.ellipsoids import ellipsoids
from gghead.gaussians.formats.html import encode_html
from gghead.gaussians.formats.ply import encode_ply, load_ply
from gghead.gaussians.formats.splat import encode_splat, load_splat
from gghead.gaussians.formats.spz import encode_spz, load_spz
from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import freeze_colors
from gghead.geometry.cameras import Cameras
from gghead.model.generator import Generator
from gghead.rasterizer import render
from gghead.viewer.downloads import head_file
from gghead.viewer.drawing.heads import Head
from gghead.viewer.state import HeadChoice, Look, View
from rasterizer.random_scenes import random_scene
from tolerances import EXACT_FLOAT32, EXPORTED_PSNR, PLY_PSNR

LOADERS = {".ply": load_ply, ".splat": load_splat, ".spz": load_spz}
Load = Callable[..., Gaussians]


def scene(degree: int) -> Gaussians:
    """Gaussians that all formats hold: not too faint, colours within 0 to 1."""
    made = random_scene(150, coefficients=(degree + 1) ** 2)
    quats = torch.nn.functional.normalize(made.quats, dim=-1)
    sh = torch.cat([made.sh[:, :1].clamp(-1, 1), 0.5 * made.sh[:, 1:].clamp(-1, 1)], dim=1)
    return replace(made, quats=quats, opacities=made.opacities.clamp(0.05, 0.95), sh=sh)


def assert_same(again: Gaussians, head: Gaussians, suffix: str) -> None:
    """Within half a step of the format."""
    step = {".ply": (1e-6, 1e-6, 1e-5, 1e-6, 1e-6), ".splat": (0, 0.007, 0, 0.5 / 255, 2 / 255)}
    means, quats, scales, opacities, sh = step.get(suffix, (1e-6, 2e-3, 0.5 / 16, 0.5 / 255, 0.5 / 255 / 0.15))
    torch.testing.assert_close(again.means, head.means, rtol=0, atol=means)
    turned = (again.quats * head.quats).sum(dim=-1, keepdim=True).sign() * again.quats
    torch.testing.assert_close(turned, head.quats, rtol=0, atol=quats)
    torch.testing.assert_close(again.scales.log(), head.scales.log(), rtol=1e-5, atol=scales)
    torch.testing.assert_close(again.opacities, head.opacities, rtol=1e-4, atol=opacities)
    torch.testing.assert_close(again.sh, head.sh, rtol=1e-4, atol=sh + 1e-6)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("suffix", LOADERS)
def test_by_default(suffix: str, degree: int, tmp_path: Path) -> None:
    head = scene(degree)
    export(tmp_path / f"head{suffix}", head)
    again = LOADERS[suffix](tmp_path / f"head{suffix}")
    expected, bound = (head, EXPORTED_PSNR - 5) if suffix != ".ply" else (head, PLY_PSNR)
    if suffix == ".splat":
        expected = freeze_colors(head, Cameras.frontal(1))
        expected = replace(expected, sh=expected.sh.clamp(-0.5 / 0.28209479, 0.5 / 0.28209479))
    assert_same(again, expected, suffix)
    assert psnr(render(again, around(64)).rgb, render(expected, around(64)).rgb) >= bound


@pytest.mark.parametrize("up", ["y", "-y", "z"])
@pytest.mark.parametrize("suffix", LOADERS)
def test_with_the_axis_that_export_was_told(suffix: str, up: str, tmp_path: Path) -> None:
    head = scene(0 if suffix == ".splat" else 2)
    export(tmp_path / f"head{suffix}", head, up=up)
    again = LOADERS[suffix](tmp_path / f"head{suffix}", up=up)
    torch.testing.assert_close(again.means, head.means, rtol=0, atol=2e-6)
    if suffix != ".splat":
        torch.testing.assert_close(again.sh, head.sh, rtol=0, atol=0.02)


@pytest.mark.parametrize("suffix", LOADERS)
def test_through_the_viewer(suffix: str, tmp_path: Path) -> None:
    """What a visitor downloads is what `export` writes."""
    head = scene(0)
    kept = head_file(Head(head, None, None, None, 0.0), View(HeadChoice(seed=6), Look()), suffix)
    (tmp_path / kept.name).write_bytes(kept.content)
    assert_same(LOADERS[suffix](tmp_path / kept.name), head, suffix)


@pytest.mark.parametrize("field", ["means", "quats", "scales", "opacities", "sh"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("suffix", [kind.suffix for kind in FORMATS if kind.suffix != ".glb"])
def test_what_cannot_be_drawn_is_left_out_and_counted(
    suffix: str, value: float, field: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head = scene(0)
    broken = getattr(head, field).clone()
    broken[7].fill_(value)
    kept = torch.arange(150) != 7
    export(tmp_path / f"broken{suffix}", replace(head, **{field: broken}))
    export(tmp_path / "whole" / f"broken{suffix}", head.map(lambda tensor: tensor[kept]))
    assert (tmp_path / f"broken{suffix}").read_bytes() == (tmp_path / "whole" / f"broken{suffix}").read_bytes()
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert record.getMessage().startswith(f"broken{suffix}: 1 of 150 Gaussians are left out: they have values that")


@pytest.mark.parametrize(("field", "value"), [("quats", 0.0), ("scales", -0.1), ("means", 1e30)])
@pytest.mark.parametrize("suffix", LOADERS)
def test_so_is_what_has_no_rotation_or_size(suffix: str, field: str, value: float, tmp_path: Path) -> None:
    head = scene(0)
    broken = getattr(head, field).clone()
    broken[7:9] = value
    export(tmp_path / f"head{suffix}", replace(head, **{field: broken}))
    assert LOADERS[suffix](tmp_path / f"head{suffix}").num_gaussians == 148


@pytest.mark.parametrize("suffix", LOADERS)
def test_the_ends_of_the_ranges_are_finite_in_files(suffix: str, tmp_path: Path) -> None:
    head = scene(0)
    scales = torch.cat([torch.zeros(150, 1), head.scales[:, 1:]], dim=1)
    flat = replace(head, scales=scales, opacities=torch.full((150,), 1.001))
    export(tmp_path / f"head{suffix}", flat)
    again = LOADERS[suffix](tmp_path / f"head{suffix}")
    assert again.num_gaussians == 150
    torch.testing.assert_close(again.opacities, torch.ones(150), rtol=0, atol=1e-5)
    assert float(again.scales[:, 0].max()) <= math.exp(-10) * 1.001


@pytest.mark.parametrize("suffix", [kind.suffix for kind in FORMATS])
def test_heads_without_a_gaussian_to_draw_are_refused(suffix: str, generator: Generator, tmp_path: Path) -> None:
    head = scene(0)
    for nothing in (replace(head, means=head.means * math.nan), head.map(lambda tensor: tensor[:0])):
        with pytest.raises(ValueError, match=r"none of the 150 Gaussians of head|holds no Gaussians|Gaussians"):
            export(tmp_path / f"head{suffix}", nothing, generator)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("suffix", [kind.suffix for kind in FORMATS])
def test_odd_options_are_refused_by_name(suffix: str, tmp_path: Path) -> None:
    head = scene(0)
    for options, told in (
        ({"generator": 5}, "the generator is 5; expected the one that made"),
        ({"title": 5}, "the title is 5; expected a text"),
        ({"up": ""}, "the axis up is ''|has its own frame"),
        ({"scale": True}, "the scale is True; expected a number from|has its own frame"),
    ):
        with pytest.raises(ValueError, match=told):
            export(tmp_path / f"head{suffix}", head, **options)
    assert not list(tmp_path.iterdir())


def test_a_mesh_of_a_broken_head_is_refused(head: Gaussians, generator: Generator, tmp_path: Path) -> None:
    means = head.means.clone()
    means[:3] = math.nan
    with pytest.raises(
        ValueError, match=r"head\.glb: a mesh needs all .* and 3 can't be drawn.* a \.ply leaves them out"
    ):
        export(tmp_path / "head.glb", replace(head, means=means), generator)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("write", [encode_ply, encode_splat, encode_spz, encode_html, ellipsoids])
def test_no_writer_takes_what_cannot_be_drawn(write: Callable[[Gaussians], object]) -> None:
    head = scene(0)
    with pytest.raises(ValueError, match=r"1 of 150 Gaussians can't be drawn: .*; leave them out"):
        write(replace(head, opacities=torch.where(torch.arange(150) == 3, math.nan, head.opacities)))
    with pytest.raises(ValueError, match="there are no Gaussians"):
        write(head.map(lambda tensor: tensor[:0]))


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("suffix", [".ply", ".splat", ".spz", ".html", ".ellipsoids.glb"])
def test_what_is_no_head_is_refused_by_name(suffix: str, tmp_path: Path) -> None:
    head = scene(0)
    odd = {
        "expected Gaussians": None,
        "which holds no numbers": head.to("meta"),
        "5 spherical-harmonic coefficients": replace(head, sh=head.sh.expand(150, 5, 3)),
        "25 spherical-harmonic coefficients": replace(head, sh=head.sh.expand(150, 25, 3)),
        "a file holds one scene": head.map(lambda tensor: tensor[None]),
    }
    for told, value in odd.items():
        with pytest.raises(ValueError, match=re.escape(told)):
            export(tmp_path / f"head{suffix}", value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", LOADERS)
def test_endings_in_capitals(suffix: str, tmp_path: Path) -> None:
    export(tmp_path / f"a{suffix.upper()}", scene(0))
    assert_same(LOADERS[suffix](tmp_path / f"a{suffix.upper()}"), scene(0), suffix)


def test_a_layout_that_is_not_written_is_not_promised(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="would be a compressed PLY, which is read, not written"):
        export(tmp_path / "head.compressed.ply", scene(0))


@pytest.mark.parametrize("title", ["{{css}}", "{{page}} {{title}}", "</title><script>"])
def test_any_title_of_a_page(title: str) -> None:
    page = encode_html(scene(0), title).decode()
    assert f"<title>{html.escape(title)}</title>" in page
    assert read_page(page).num_gaussians == 150
    for mark in ("css", "page", "title"):
        assert page.count(f"{{{{{mark}}}}}") == title.count(f"{{{{{mark}}}}}")


def test_a_ply_holds_every_gaussian(tmp_path: Path) -> None:
    """Opacities of the network reach from -0.001 to 1.001, and rows of the file are those of the head."""
    head = scene(0)
    below = head.opacities.clone()
    below[:4] = torch.tensor([-0.001, 0.0, 1.001, -0.0005])
    export(tmp_path / "head.ply", replace(head, opacities=below))
    again = load_ply(tmp_path / "head.ply")
    assert_same(again, replace(head, opacities=below.clamp(1e-6, 1 - 1e-6)), ".ply")


@pytest.mark.parametrize(("suffix", "left"), [(".ply", 150), (".splat", 146), (".spz", 146), (".html", 146)])
def test_what_is_too_faint_to_be_seen_is_counted(
    suffix: str, left: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head = scene(0)
    opacities = head.opacities.clone()
    opacities[:4] = torch.tensor([0.0, 0.001, 0.002, 0.0039])
    with caplog.at_level(logging.INFO):
        export(tmp_path / f"head{suffix}", replace(head, opacities=opacities))
    if suffix in LOADERS:
        assert LOADERS[suffix](tmp_path / f"head{suffix}").num_gaussians == left
    told = f"head{suffix}: 4 of 150 Gaussians are left out: their opacity is below 0.0039, too faint to be seen"
    assert [record.getMessage() for record in caplog.records] == ([] if left == 150 else [told])


@pytest.mark.parametrize(
    ("suffix", "field", "value", "told"),
    [
        (".splat", "sh", 3.0, True),
        (".spz", "sh", 3.0, False),
        (".spz", "sh", 4.0, True),
        (".spz", "scales", 500.0, True),
        (".ply", "scales", 500.0, False),
        (".spz", "bands", 1.5, True),
        (".spz", "bands", -1.0, False),
    ],
)
def test_values_beyond_a_format_are_told(
    suffix: str, field: str, value: float, told: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head = scene(0)
    if field == "bands":
        head, field = replace(head, sh=torch.cat([head.sh, torch.zeros(150, 3, 3)], dim=1)), "sh"
        cut = head.sh.clone()
        cut[:3, 1:] = value
    else:
        cut = getattr(head, field).clone()
        cut[:3] = value
    export(tmp_path / f"head{suffix}", replace(head, **{field: cut}))
    assert ("of 150 Gaussians are beyond what the format holds" in caplog.text) == told


@pytest.mark.parametrize("suffix", [".ply", ".splat", ".spz", ".html"])
def test_one_gaussian_far_away_does_not_spoil_the_others(suffix: str, tmp_path: Path) -> None:
    """Formats whose steps depend on how far a scene reaches refuse it."""
    head = scene(0)
    means = head.means.clone()
    means[0, 0] = 1e6
    if suffix in (".spz", ".html"):
        with pytest.raises(ValueError, match=r"means reach 1e\+06, so that positions would be rounded to"):
            export(tmp_path / f"head{suffix}", replace(head, means=means))
    else:
        export(tmp_path / f"head{suffix}", replace(head, means=means))
        again = LOADERS[suffix](tmp_path / f"head{suffix}")
        torch.testing.assert_close(again.means[1:], head.means[1:])


def test_a_head_of_the_generator_is_the_same_in_all_formats(head: Gaussians, tmp_path: Path) -> None:
    seen = head.map(lambda tensor: tensor[head.opacities >= 1 / 255])
    for suffix, load in LOADERS.items():
        export(tmp_path / f"head{suffix}", seen)
        again = load(tmp_path / f"head{suffix}")
        torch.testing.assert_close(again.means, seen.means, **EXACT_FLOAT32._asdict())
