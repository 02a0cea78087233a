"""What may lie behind a head or before it: colours, gradients, noise, blurred and sharp shapes; made on the device."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

CELLS = (1, 2, 4, 8, 16, 64)
"""Cells a side of the random grids that are enlarged and added: from one colour to grain."""
MAX_CONTRAST = 0.35
"""Standard deviation of a grid's colours, at most."""
SHAPES, SHAPE_CELLS = 0.4, 5
"""Share of pictures with sharp-edged shapes of a second colour, and cells of the grid whose zero is their edge."""


def random_backgrounds(count: int, side: int, random: torch.Generator) -> Float[Tensor, "B 3 S S"]:
    """Pictures in [0, 1] of nothing in particular, on the device of the random generator."""
    device = random.device
    result = torch.full((count, 3, side, side), 0.5, device=device)
    for cells in CELLS:
        # Squared, so that most pictures have most of their contrast in a few of the grids.
        contrast = MAX_CONTRAST * torch.rand(count, 1, 1, 1, generator=random, device=device).square()
        result = result + contrast * _enlarged(count, 3, cells, side, random)
    level = _enlarged(count, 1, SHAPE_CELLS, side, random)
    color = torch.rand(count, 3, 1, 1, generator=random, device=device)
    shown = torch.rand(count, 1, 1, 1, generator=random, device=device) < SHAPES
    return torch.where(shown & (level > 0.4), color, result).clamp(0, 1)


def _enlarged(count: int, channels: int, cells: int, side: int, random: torch.Generator) -> Float[Tensor, "B C S S"]:
    """Smooth random pictures, standard normal in the middle of their cells."""
    grid = torch.randn(count, channels, cells, cells, generator=random, device=random.device)
    return functional.interpolate(grid, (side, side), mode="bilinear")
