"""What is behind heads when the discriminator sees them."""

import torch

from gghead.training.losses.backgrounds import random_fields

SIDE = 64


def test_no_part_of_a_field_is_plain() -> None:
    """Plain parts of heads must not look like what is behind heads."""
    fields = random_fields(50, SIDE, torch.Generator().manual_seed(0))
    assert fields.shape == (50, 3, SIDE, SIDE)
    assert 0 <= float(fields.min()) < 0.1 < 0.9 < float(fields.max()) <= 1
    parts = fields.unfold(2, SIDE // 4, SIDE // 4).unfold(3, SIDE // 4, SIDE // 4)
    assert float(parts.flatten(-2).std(dim=-1).amax(dim=1).min()) > 0.02


def test_fields_are_of_all_colors_and_follow_from_the_seed() -> None:
    fields = random_fields(200, SIDE, torch.Generator().manual_seed(0))
    tints = fields.mean(dim=(2, 3))
    assert float((tints.mean(dim=0) - 0.5).abs().max()) < 0.05
    assert float(tints.std(dim=0).min()) > 0.15
    assert torch.equal(fields, random_fields(200, SIDE, torch.Generator().manual_seed(0)))
