"""Bounds of styles: a fault that grows along one direction of the styles is found, and styles are kept from it."""

from pathlib import Path

import pytest
import torch

from gghead.gaussians.scene import Gaussians
from gghead.model.generator import build_generator
from gghead.model.storage import load_generator, save_generator
from studies import style_bounds
from studies.style_bounds import FAULTS, bounded, direction
from tiny_run import MODEL


def test_the_direction_of_a_fault_is_found() -> None:
    random = torch.Generator().manual_seed(0)
    components = torch.randn(4000, 6, generator=random, dtype=torch.float64)
    planted = torch.tensor([0.6, 0, -0.8, 0, 0, 0], dtype=torch.float64)
    chance = (4 * (components @ planted - 1)).sigmoid()
    found = direction(components, torch.rand(4000, generator=random) < chance)
    assert found.norm().item() == pytest.approx(1)
    assert found @ planted > 0.98


def test_styles_of_the_bounded_model_stay_within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style_bounds, "COMPONENTS", 4)
    generator = build_generator(MODEL.generator, seed=0)
    random = torch.Generator().manual_seed(0)
    z = torch.randn(2000, MODEL.generator.z_size, generator=random)
    labels = torch.zeros(2000, 25) if MODEL.generator.camera_conditioned else None
    with torch.no_grad():
        styles = generator.map_labels(z, labels)[:, 0]
    spread = styles - styles.mean(dim=0)
    strong = spread @ torch.linalg.eigh(torch.cov(styles.T)).eigenvectors[:, -1]
    faults = torch.stack([strong > strong.quantile(0.9), strong < strong.quantile(0.1)], dim=1)
    result = bounded(generator, styles, faults, limits=(0.6, 0.6))
    save_generator(tmp_path / "bounded.safetensors", result)
    again = load_generator(tmp_path / "bounded.safetensors")
    with torch.no_grad():
        kept = again.map_labels(z, labels)[:, 0]
    assert not torch.equal(kept, styles)
    bounds = result.mapping.bounds
    assert bounds is not None
    last = bounds.normals[-1]  # after whose turn none moves a style on
    assert (styles @ last).max() > bounds.limits[-1] + 0.5
    assert (kept @ last).max() < bounds.limits[-1] + 0.02
    inside = (styles @ bounds.normals.T < bounds.limits).all(dim=1)
    assert inside.any()
    torch.testing.assert_close(kept[inside], styles[inside])
    torch.testing.assert_close(again.mapping.mean_style, kept.mean(dim=0))


def test_further_bounds_leave_those_that_a_model_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style_bounds, "COMPONENTS", 4)
    generator = build_generator(MODEL.generator, seed=0)
    random = torch.Generator().manual_seed(0)
    styles = torch.randn(100, MODEL.generator.style_size, generator=random)
    faults = torch.stack([styles[:, 0] > 0.5, styles[:, 1] > 0.5], dim=1)
    first = bounded(generator, styles, faults, limits=(0.6, 0.6))
    faults[:, 0] = False
    second = bounded(first, styles, faults, limits=(0.4, 0.4))
    assert (first.config.style_bounds, second.config.style_bounds) == (2, 3)
    for name, values in first.mapping.bounds.state_dict().items():
        torch.testing.assert_close(second.mapping.bounds.state_dict()[name][:2], values)
    assert second.mapping.bounds.limits[2] < second.mapping.bounds.limits[1]
    assert torch.equal(second.state_dict()["texel_uvs"], generator.state_dict()["texel_uvs"])


def test_a_fault_that_no_head_has_is_refused() -> None:
    generator = build_generator(MODEL.generator, seed=0)
    with pytest.raises(ValueError, match="fewer than 10 of 5 heads have a wall or a brim; measure more of them"):
        bounded(generator, torch.randn(5, MODEL.generator.style_size), torch.zeros(5, 2, dtype=torch.bool), (0.6, 0.6))


def test_walls_and_brims_are_counted() -> None:
    template = torch.tensor([[0.0, -0.2, 0.2], [0.0, 0.3, 0.1]]).repeat(100, 1)
    offset = torch.tensor([[0.0, 0.0, 0.08], [0.1, 0.0, 0.12]]).repeat(100, 1)
    count = len(template)
    sizes, colors = torch.full((count, 3), 0.02), torch.zeros(count, 1, 3)
    head = Gaussians(template + offset, torch.ones(count, 4), sizes, torch.ones(count), colors)
    assert [int(fault.size(head, template)) for fault in FAULTS] == [100, 100]
    assert [int(fault.size(head, head.means)) for fault in FAULTS] == [0, 0]
