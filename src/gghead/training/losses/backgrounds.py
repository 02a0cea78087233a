"""Pictures of nothing in particular, before which heads are shown to the discriminator.

Before one colour heads grow plain lumps sooner (docs/experiments.md, "What have plain backgrounds to do with the
lumps?").
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

GRIDS = ((1, 0.6), (4, 0.4), (16, 0.3))
"""Cells a side of the grids of random colours whose sum a field is, and their contrast: a tint, and what keeps every
part of it from being plain."""


def random_fields(count: int, side: int, random: torch.Generator) -> Float[Tensor, "B 3 S S"]:
    """Smooth fields of random colours in [0, 1], on the device of the random generator."""
    field = torch.full((count, 3, side, side), 0.5, device=random.device)
    for cells, contrast in GRIDS:
        grid = torch.rand(count, 3, cells, cells, generator=random, device=random.device) - 0.5
        field = field + contrast * functional.interpolate(grid, (side, side), mode="bilinear")
    return field.clamp(0, 1)
