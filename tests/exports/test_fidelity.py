"""Every format is read back and drawn again; the picture is the model's own."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from exports.painted_head import around, psnr
from exports.read_page import read_page
from gghead.exports.files import export
from gghead.exports.formats import FORMATS
from gghead.gaussians.formats.html import encode_html
from gghead.gaussians.formats.ply import load_ply
from gghead.gaussians.formats.splat import load_splat
from gghead.gaussians.formats.spz import load_spz
from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import freeze_colors
from gghead.geometry.cameras import Cameras
from gghead.model.generator import Generator
from gghead.rasterizer import render
from tolerances import EXPORTED_PSNR, PLY_PSNR

SUFFIXES = [pytest.param(kind.suffix, marks=[pytest.mark.slow] * (kind.suffix == ".glb")) for kind in FORMATS]
"""Of every format; a textured mesh takes seconds."""


def test_ply(head: Gaussians, pictures: torch.Tensor, tmp_path: Path) -> None:
    export(tmp_path / "head.ply", head)
    again = load_ply(tmp_path / "head.ply")
    assert again.num_gaussians == head.num_gaussians
    assert psnr(render(again, around()).rgb, pictures) >= PLY_PSNR


def test_splat_shows_the_colours_of_the_frontal_camera(head: Gaussians, tmp_path: Path) -> None:
    export(tmp_path / "head.splat", head)
    drawn = render(load_splat(tmp_path / "head.splat"), around()).rgb
    frozen = render(freeze_colors(head, Cameras.frontal(1)), around()).rgb
    assert psnr(drawn, frozen) >= EXPORTED_PSNR
    front = around()[:1]
    assert psnr(drawn[:1], render(head, front).rgb) >= EXPORTED_PSNR


def test_spz(head: Gaussians, pictures: torch.Tensor, tmp_path: Path) -> None:
    export(tmp_path / "head.spz", head)
    assert psnr(render(load_spz(tmp_path / "head.spz"), around()).rgb, pictures) >= EXPORTED_PSNR


def test_spz_keeps_the_front_of_heads_whose_harmonics_do_not_fit(head: Gaussians, tmp_path: Path) -> None:
    bold = replace(head, sh=torch.cat([head.sh[:, :1], 8 * head.sh[:, 1:]], dim=1))
    assert float(bold.sh[:, 1:].abs().max()) > 3
    export(tmp_path / "head.spz", bold)
    front = around()[:1]
    drawn = render(load_spz(tmp_path / "head.spz"), front).rgb
    assert psnr(drawn, render(bold, front).rgb) >= EXPORTED_PSNR


def test_html(head: Gaussians, pictures: torch.Tensor, tmp_path: Path) -> None:
    export(tmp_path / "head.html", head)
    again = read_page((tmp_path / "head.html").read_text())
    assert psnr(render(again, around()).rgb, pictures) >= PLY_PSNR


def test_a_page_of_a_whole_head_is_small(head: Gaussians) -> None:
    """65,536 Gaussians of degree 1, as random as they can be, and a viewer of 0.75 MB."""
    copies = -(-65_536 // head.num_gaussians)
    many = head.map(lambda tensor: tensor.repeat(copies, *[1] * (tensor.ndim - 1))[:65_536])
    shaken = Gaussians(many.means, many.quats, many.scales, many.opacities.clamp_min(0.1), many.sh)
    assert len(encode_html(shaken)) < 3_000_000


@pytest.mark.parametrize("suffix", [".ply", ".splat", ".spz", ".html", ".ellipsoids.glb"])
def test_same_head_same_bytes(head: Gaussians, tmp_path: Path, suffix: str) -> None:
    for folder in ("a", "b"):
        export(tmp_path / folder / f"head{suffix}", head)
    assert (tmp_path / "a" / f"head{suffix}").read_bytes() == (tmp_path / "b" / f"head{suffix}").read_bytes()


@pytest.mark.usefixtures("small_textures")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_heads_in_double_precision_are_written_as_others(
    head: Gaussians, generator: Generator, tmp_path: Path, suffix: str
) -> None:
    export(tmp_path / "single" / f"head{suffix}", head, generator)
    export(tmp_path / "double" / f"head{suffix}", head.map(torch.Tensor.double), generator)
    files = [tmp_path / folder / f"head{suffix}" for folder in ("single", "double")]
    assert files[0].read_bytes() == files[1].read_bytes()
