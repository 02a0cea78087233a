"""Heads in pictures finer than those that a model learned from."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import avg_pool2d

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.inference.finer import smooth
from gghead.inference.pictures import morph, portraits, turntable
from gghead.model.generator import Generator, build_generator
from gghead.rasterizer import render
from tiny_run import MODEL
from tolerances import FINER_PICTURE_PSNR, SAME_SCREEN_GAUSSIAN


def generator_of(resolution: int | None) -> Generator:
    return build_generator(replace(MODEL.generator, picture_resolution=resolution), seed=0)


def speck(size: float) -> Gaussians:
    """A single round Gaussian at the origin."""
    return Gaussians(
        torch.zeros(1, 3), torch.eye(4)[:1], torch.full((1, 3), size), torch.tensor([0.8]), torch.full((1, 1, 3), -1.0)
    )


@pytest.mark.parametrize("factor", [2, 4])
def test_a_speck_keeps_its_size_on_the_screen(factor: int) -> None:
    model, fine = generator_of(32), Cameras.frontal(32 * factor)
    head = speck(1e-4)
    own = render(head, Cameras.frontal(32)).alpha[0]
    thin, widened = (render(scene, fine).alpha[0].sum() / factor**2 for scene in (head, smooth(head, model, fine)))
    assert float(widened / own.sum()) == pytest.approx(1, abs=SAME_SCREEN_GAUSSIAN)
    assert float(thin / own.sum()) < 1.5 / factor**2


def test_finer_pictures_show_what_the_model_learned() -> None:
    model = generator_of(32)
    heads = model.sample(seeds=[0, 1])
    heads = replace(heads, scales=heads.scales * 0.05)
    own = render(heads, Cameras.frontal(32)).rgb.flatten(0, 1).permute(0, 3, 1, 2)

    def psnr(scene: Gaussians) -> float:
        fine = render(scene, Cameras.frontal(128)).rgb.flatten(0, 1).permute(0, 3, 1, 2)
        return float(-10 * (avg_pool2d(fine, 4) - own).square().mean().log10())

    assert psnr(smooth(heads, model, Cameras.frontal(128))) > max(FINER_PICTURE_PSNR, psnr(heads) + 3)


@pytest.mark.parametrize(("learned", "drawn"), [(None, 512), (64, 64), (64, 32)])
def test_other_pictures_change_nothing(learned: int | None, drawn: int) -> None:
    model = generator_of(learned)
    heads = model.sample(seeds=[0])
    assert torch.equal(smooth(heads, model, Cameras.frontal(drawn)).scales, heads.scales)


def test_the_nearest_camera_decides_and_files_get_everything() -> None:
    model = generator_of(64)
    heads = model.sample(seeds=[0])
    far, near = Cameras.frontal(64), Cameras.frontal(256)
    both = Cameras(torch.cat([far.viewmats, near.viewmats]), torch.cat([far.Ks, near.Ks]), 256, 256)
    assert torch.equal(smooth(heads, model, both).scales, smooth(heads, model, near).scales)
    assert bool((smooth(heads, model).scales > smooth(heads, model, near).scales).all())


def test_pictures_of_any_size_are_drawn_of_smoothed_heads() -> None:
    model, cameras = generator_of(16), Cameras.frontal(48)
    styles = model.styles(seeds=[0])
    expected = render(smooth(model.decode(styles), model, cameras), cameras).rgb.clamp(0, 1)
    assert torch.equal(next(portraits(model, styles, cameras)), expected[0])
    assert torch.equal(next(turntable(model, styles, cameras, frozen_colors=False))[0], expected[0, 0])
    assert torch.equal(next(morph(model, styles, cameras)), expected[0, 0])
