"""Heads in pictures finer than those that a model learned from."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import avg_pool2d

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.geometry.rotations import matrices_from_quats
from gghead.inference.observation import observe
from gghead.inference.smoothing_filter import MIN_REACH, close_gaps, neighbors, pixel_at_rest, widen
from gghead.model.generator import Generator, build_generator
from gghead.rasterizer import render
from tiny_run import MODEL
from tolerances import FINER_PICTURE_PSNR, SAME_SCREEN_GAUSSIAN


def generator_of(resolution: int | None) -> Generator:
    return build_generator(replace(MODEL.generator, picture_resolution=resolution), seed=0)


def smooth(heads: Gaussians, model: Generator, cameras: Cameras | None = None) -> Gaussians:
    return observe(model.config, cameras).apply_smoothing_filter(heads, model)


def speck(model: Generator, size: float) -> Gaussians:
    """A single round Gaussian at the origin; the others of the model's head are far away from it."""
    head = model.sample(seeds=[0])
    means, opacities = torch.full_like(head.means, 9.0), torch.zeros_like(head.opacities)
    means[0, 0], opacities[0, 0] = 0.0, 0.8
    return Gaussians(means, head.quats, torch.full_like(head.scales, size), opacities, head.sh)


@pytest.mark.parametrize("factor", [2, 4])
def test_a_speck_keeps_its_size_on_the_screen(factor: int) -> None:
    model, fine = generator_of(32), Cameras.frontal(32 * factor)
    head = speck(model, 1e-4)
    own = render(head, Cameras.frontal(32)).alpha
    thin, widened = (render(scene, fine).alpha.sum() / factor**2 for scene in (head, smooth(head, model, fine)))
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

    blur = observe(model.config, Cameras.frontal(128)).blur
    assert psnr(widen(heads, blur)) > max(FINER_PICTURE_PSNR, psnr(heads) + 3)


def test_of_a_model_that_saw_averages_gaps_are_closed_and_only_finer_pictures_blurred() -> None:
    model = build_generator(replace(MODEL.generator, picture_resolution=32, supersampling=2), seed=0)
    heads = model.sample(seeds=[0])
    assert smooth(heads, model, Cameras.frontal(32)) is heads
    assert observe(model.config, Cameras.frontal(64)).blur == 0
    torch.testing.assert_close(smooth(heads, model, Cameras.frontal(64)).scales, close_gaps(heads, model).scales)
    learned_larger = build_generator(replace(MODEL.generator, picture_resolution=64), seed=0)
    fine = Cameras.frontal(128)
    assert observe(model.config, fine).blur == pytest.approx(observe(learned_larger.config, fine).blur)


def test_gaussians_reach_out_to_neighbours_that_are_near_and_to_no_others() -> None:
    model = generator_of(32)
    head = model.sample(seeds=[0])
    pixel = pixel_at_rest(32)
    count = head.num_gaussians
    after, before = neighbors(model, "cpu")[0]
    column = (model.texel_uvs[:, 0] + 1) / 2 * (model.config.grid_size - 1)
    row = (model.texel_uvs[:, 1] + 1) / 2 * (model.config.grid_size - 1)
    assert torch.equal(model.texel_uvs[after[after >= 0], 1], model.texel_uvs[after >= 0, 1])
    for distance, wanted in ((3.0, MIN_REACH * 3), (12.0, MIN_REACH * 6), (16.0, 0.1)):
        means = torch.stack([distance * pixel * column, 0.05 * pixel * row, torch.zeros(count)], dim=-1)[None]
        fine = replace(head, means=means, scales=torch.full_like(head.scales, 0.1 * pixel))
        closed = close_gaps(fine, model)
        axes = matrices_from_quats(closed.quats) * closed.scales[..., None, :]
        spreads = (axes @ axes.mT).diagonal(dim1=-2, dim2=-1).sqrt() / pixel
        with_neighbor = (after >= 0) | (before >= 0)
        expected = torch.full((count, 3), 0.1)
        expected[with_neighbor, 0] = wanted
        torch.testing.assert_close(spreads[0], expected, rtol=1e-3, atol=1e-3)


def test_a_head_that_has_no_gaps_stays_as_it_is() -> None:
    model = generator_of(32)
    head = model.sample(seeds=[0])
    wide = replace(head, scales=torch.full_like(head.scales, 1.0))
    closed = close_gaps(wide, model)
    assert torch.equal(closed.scales, wide.scales)
    assert torch.equal(closed.quats, wide.quats)


def test_heads_of_another_model_are_refused() -> None:
    model = generator_of(32)
    with pytest.raises(ValueError, match="expected heads that it made"):
        smooth(model.sample(seeds=[0]).map(lambda tensor: tensor[:, :5]), model, Cameras.frontal(64))


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
