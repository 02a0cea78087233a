"""The official checkpoint, imported, computes what the official code computed: networks, attributes and R1."""

from dataclasses import replace

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from gghead.geometry.cameras import Cameras
from gghead.model.decoder import activate
from gghead.model.official.reader import OfficialCheckpoint
from gghead.stylegan.synthesis import Noise
from model.official.official_import import read_official
from official_fixture import official_arrays, official_file
from tolerances import OFFICIAL_GRADIENT, OFFICIAL_LOGITS, OFFICIAL_LOSS, OFFICIAL_RELATIVE, OFFICIAL_STYLES


@pytest.fixture(scope="module")
def official() -> OfficialCheckpoint:
    return read_official(official_file("official_a.pkl"))


@pytest.fixture(scope="module")
def expected() -> dict[str, Tensor]:
    return {name: torch.from_numpy(array) for name, array in official_arrays().items()}


def assert_near(actual: Float[Tensor, "*S"], expected: Float[Tensor, "*S"]) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=OFFICIAL_RELATIVE * expected.abs().max().item())


def test_all_networks_are_imported(official: OfficialCheckpoint) -> None:
    assert official.notes == ()
    assert official.generator is not None
    assert official.discriminator is not None
    assert official.generator_ema.config.quaternion_order == "zwxy"


@pytest.mark.parametrize(("truncation", "name"), [(0.7, "ws_psi0.7"), (1.0, "ws_psi1")])
def test_styles(official: OfficialCheckpoint, expected: dict[str, Tensor], truncation: float, name: str) -> None:
    styles = official.generator_ema.map_styles(expected["z"], Cameras.from_labels(expected["c_mapping"], 1), truncation)
    torch.testing.assert_close(styles, expected[name], rtol=OFFICIAL_STYLES.rtol, atol=OFFICIAL_STYLES.atol)


@pytest.mark.parametrize("noise", ["const", "none"])
def test_uv_maps(official: OfficialCheckpoint, expected: dict[str, Tensor], noise: Noise) -> None:
    with torch.no_grad():
        assert_near(official.generator_ema.maps(expected["ws_psi0.7"], noise), expected[f"planes_noise_{noise}"])


def test_texels(official: OfficialCheckpoint, expected: dict[str, Tensor]) -> None:
    assert len(official.generator_ema.texel_uvs) == 3405
    assert torch.equal(official.generator_ema.texel_uvs, expected["uv_grid"][0, :, 0])


def test_raw_attributes(official: OfficialCheckpoint, expected: dict[str, Tensor]) -> None:
    with torch.no_grad():
        raw = official.generator_ema.raw_of(official.generator_ema.maps(expected["ws_psi0.7"], "none"))
    assert_near(raw.positions, expected["raw_position"])
    assert_near(raw.scales, expected["raw_scale"])
    assert_near(raw.rotations, expected["raw_rotation"])
    assert_near(raw.colors.flatten(-2), expected["raw_color"])
    assert_near(raw.opacities, expected["raw_opacity"][..., 0])


def test_gaussians(official: OfficialCheckpoint, expected: dict[str, Tensor]) -> None:
    with torch.no_grad():
        heads = official.generator_ema.decode(expected["ws_psi0.7"], "none")
    assert_near(heads.means, expected["gaussians_position"])
    assert_near(heads.scales.log(), expected["gaussians_scale"])
    assert_near(heads.quats, expected["gaussians_rotation"])
    assert_near(heads.sh.flatten(-2), expected["gaussians_color"])
    assert_near(heads.opacities, expected["opacity_activated"][..., 0])


def test_our_own_models_do_not_share_the_quaternion_quirk(
    official: OfficialCheckpoint, expected: dict[str, Tensor]
) -> None:
    generator = official.generator_ema
    with torch.no_grad():
        raw = generator.raw_of(generator.maps(expected["ws_psi0.7"][:1], "none"))
        ours = activate(raw, generator.template_positions, replace(generator.config, quaternion_order="wxyz"))
    z, w, x, y = expected["gaussians_rotation"][:1].unbind(-1)
    assert_near(ours.quats, torch.stack([w, x, y, z], dim=-1))


def test_logits_and_r1(official: OfficialCheckpoint, expected: dict[str, Tensor]) -> None:
    discriminator = official.discriminator
    assert discriminator is not None
    pictures = expected["real_images"].clone().requires_grad_()
    logits = discriminator(pictures, expected["c_render"])
    torch.testing.assert_close(
        logits, expected["D_logits_real"][:, 0], rtol=OFFICIAL_LOGITS.rtol, atol=OFFICIAL_LOGITS.atol
    )
    (slopes,) = torch.autograd.grad(logits.sum(), pictures, create_graph=True)
    penalties = slopes.square().sum(dim=(1, 2, 3))
    torch.testing.assert_close(penalties, expected["lossR1/Loss/r1_penalty"], rtol=OFFICIAL_LOSS.rtol, atol=0)
    (penalties / 2).mean().backward()
    squares = [p.grad.square().sum() for p in discriminator.parameters() if p.grad is not None]
    torch.testing.assert_close(sum(squares).sqrt(), expected["gradD_R1_norm"], rtol=OFFICIAL_GRADIENT, atol=0)
