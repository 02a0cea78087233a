"""What a run shows of its EMA generator: heads from several sides, their depth, their UV maps."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from gghead.checkpoint.atomic import write_file
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_head import FFHQ_DISTANCE, FFHQ_FOV
from gghead.geometry.grids import grid_places
from gghead.geometry.spherical_harmonics import C0
from gghead.inference.observation import draw
from gghead.inference.pictures import HEADS_AT_ONCE
from gghead.media.images import encode_png, tile, to_uint8
from gghead.model.generator import Generator
from gghead.runs.run_folder import RunFolder
from gghead.training.state import TrainingState

SEEDS = range(8)
"""Heads of every sheet."""
YAWS = (-1.05, -0.52, 0.0, 0.52, 1.05, 0.0)
"""Cameras of a sheet, radians: from side to side, then from above."""
PITCHES = (0.0, 0.0, 0.0, 0.0, 0.0, 0.44)
HEADS_A_ROW = 2
MAX_SIDE = 256
"""Pictures of a sheet are not larger, pixels."""
DEPTH_RANGE = 0.5
"""Depth is white this far in front of the head's middle and black as far behind it, world units."""


def save_sheets(run: RunFolder, state: TrainingState) -> dict[str, Path]:
    """Writes the sheets of a snapshot; replaces those of the same image count.

    Returns:
        The PNG of each sheet by its name, as in `draw_sheets`.
    """
    paths = {}
    for name, pixels in draw_sheets(state.generator_ema, run.config.model.discriminator.resolution).items():
        content = encode_png(pixels)
        paths[name] = run.sheet(state.images, name)
        write_file(paths[name], lambda temporary, content=content: temporary.write_bytes(content))
    return paths


@torch.no_grad()
def draw_sheets(generator: Generator, resolution: int) -> dict[str, UInt8[np.ndarray, "H W 3"]]:
    """Pictures of heads of fixed seeds, not larger than those that the generator was trained on.

    Returns:
        "heads", two a row, each by six cameras; "depth" of the same, near is bright on black; "maps": colour, offset
        from the template and opacity over the chart, four heads a row.
    """
    cameras = Cameras.at(
        YAWS, PITCHES, fov=FFHQ_FOV, resolution=min(resolution, MAX_SIDE), target=(0, 0, 0), device=generator.device
    )
    heads, depth, maps = [], [], []
    for styles in generator.styles(seeds=SEEDS, truncation=1.0).split(HEADS_AT_ONCE):
        gaussians = generator.decode(styles)
        drawn = draw(generator, gaussians, cameras)
        near = ((FFHQ_DISTANCE + DEPTH_RANGE - drawn.depth) / (2 * DEPTH_RANGE)).clamp(0, 1)
        heads.append(to_uint8(drawn.rgb))
        depth.append(to_uint8((drawn.alpha * near).expand_as(drawn.rgb)))
        maps.append(to_uint8(chart_pictures(generator, gaussians)))
    columns = {"heads": HEADS_A_ROW * len(YAWS), "depth": HEADS_A_ROW * len(YAWS), "maps": 12}
    return {
        name: tile(np.concatenate(pictures).reshape(-1, *pictures[0].shape[2:]), columns[name])
        for name, pictures in (("heads", heads), ("depth", depth), ("maps", maps))
    }


def chart_pictures(generator: Generator, heads: Gaussians) -> Float[Tensor, "B 3 n n 3"]:
    """What each Gaussian is, drawn at its place on the chart; places without one are white.

    Returns:
        Colour without its dependence on direction; offset from the template, grey for none; opacity. Values in [0, 1].
    """
    size = generator.config.grid_size
    columns, rows = grid_places(generator.texel_uvs, size)
    reach = max(generator.config.position_range, 1e-9)
    values = (
        heads.sh[..., 0, :] * C0 + 0.5,
        (heads.means - generator.template_positions) / (2 * reach) + 0.5,
        heads.opacities[..., None].expand(heads.means.shape),
    )
    chart = torch.ones(len(heads.means), len(values), size, size, 3, device=generator.device)
    chart[:, :, rows, columns] = torch.stack(values, dim=1)
    step = -(-size // MAX_SIDE)
    return chart[:, :, ::step, ::step].clamp(0, 1)
