"""Pictures of the bundled model for README and docs.

    python -m docs.figures.model_pictures docs/images --data held_out.zip

Writes model_heads.webp (seeds in order, not chosen), model_turn.webp (an animation), model_strips.webp (one head from
all around; between two heads; colour, depth and normals), model_full.webp (the first seeds at 512 x 512), and, if
--data names pictures that the model has not seen, model_held_out.webp: these above heads of the model, from the same
cameras.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import gghead
from gghead.data.dataset import HeadDataset
from gghead.geometry.cameras import Cameras
from gghead.geometry.normals import normals_from_depth
from gghead.media.images import averaged, to_uint8

TURNING, TURNED, PAIR, SHOWN = (0, 57, 25, 19), 79, (95, 42), (25, 53)
"""Seeds of the animation, the row of sides, the two ends of the row between, and the row of surfaces."""
YAWS = (-120, -60, 0, 60, 120, 180)
TRUNCATION, VARIED = 0.7, 0.85
"""Of single heads, and of the sheet."""
FINER = 2
"""Pictures of 256 are drawn at 512, the model's own size, and made smaller; so are others."""


def cameras(yaws: tuple[float, ...], side: int) -> Cameras:
    """Cameras at these degrees of yaw, with the whole head in the frame, as `gghead sample` has it."""
    return Cameras.at([math.radians(yaw) for yaw in yaws], resolution=side)


def draw(generator: gghead.Generator, heads: gghead.Gaussians, yaws: tuple[float, ...], side: int) -> Tensor:
    """Pictures [N, side, side, 3] of one head."""
    seen = cameras(yaws, FINER * side)
    return averaged(gghead.draw(generator, heads, seen).rgb[0], side)


def row(pictures: Tensor) -> Tensor:
    """Pictures [N, H, W, 3] side by side."""
    return torch.cat(list(pictures), dim=1)


def sheet(generator: gghead.Generator, columns: int, rows: int, side: int) -> Tensor:
    """The first seeds from the front."""
    heads = [draw(generator, generator.sample([seed], VARIED), (0.0,), side) for seed in range(columns * rows)]
    return torch.cat([row(torch.cat(heads[start : start + columns])) for start in range(0, len(heads), columns)])


def full(generator: gghead.Generator, count: int) -> Tensor:
    """The first seeds at the model's own size, from aside."""
    camera = cameras((-20.0,), generator.config.picture_resolution)
    heads = [gghead.draw(generator, generator.sample([seed], TRUNCATION)[0], camera).rgb for seed in range(count)]
    return row(torch.cat(heads))


def turning(generator: gghead.Generator, frames: int, side: int) -> list[Tensor]:
    """Some heads turning once around."""
    yaws = tuple(360 * frame / frames for frame in range(frames))
    heads = [draw(generator, generator.sample([seed], TRUNCATION), yaws, side) for seed in TURNING]
    return [row(torch.stack(frame)) for frame in zip(*heads, strict=True)]


def strips(generator: gghead.Generator, side: int) -> Tensor:
    """Sides; what lies between two heads; surfaces."""
    count = len(YAWS)
    sides = draw(generator, generator.sample([TURNED], TRUNCATION), YAWS, side)
    styles = generator.styles([*PAIR], TRUNCATION)
    between = [
        draw(generator, generator.decode(torch.lerp(*styles, step / (count - 1))[None]), (15.0,), side)
        for step in range(count)
    ]
    surfaces = [picture for seed in SHOWN for picture in surface(generator, seed, side)]
    return torch.cat([row(sides), row(torch.cat(between)), row(torch.stack(surfaces))])


def surface(generator: gghead.Generator, seed: int, side: int) -> list[Tensor]:
    """Colour, depth and normals of a head, from aside."""
    camera = cameras((-30.0,), FINER * side)
    drawn = gghead.draw(generator, generator.sample([seed], TRUNCATION)[0], camera)
    solid = drawn.alpha > 0.5
    near, far = drawn.depth[solid].min(), drawn.depth[solid].max()
    depth = torch.where(solid, (far - drawn.depth) / (far - near), 1.0).expand(-1, -1, -1, 3)
    normals = torch.where(solid, normals_from_depth(drawn.depth, camera) / 2 + 0.5, 1.0)
    return [averaged(picture, side)[0] for picture in (drawn.rgb, depth, normals)]


def beside_real(generator: gghead.Generator, data: Path, columns: int, side: int) -> Tensor:
    """Two rows of real pictures, and two of heads seen by their cameras, all variety."""
    with HeadDataset.open(data, side) as dataset:
        real = torch.from_numpy(np.stack([dataset.read(index) for index in range(2 * columns)])) / 255
        # At the model's own size, as evaluations see its heads.
        seen = Cameras.from_labels(torch.from_numpy(dataset.labels[: 2 * columns]), generator.config.picture_resolution)
    heads = [generator.sample([seed], truncation=1.0) for seed in range(2 * columns)]
    made = averaged(
        torch.cat([gghead.draw(generator, head, seen[[index]]).rgb[0] for index, head in enumerate(heads)]), side
    )
    return torch.cat([row(pictures[start : start + columns]) for pictures in (real, made) for start in (0, columns)])


@torch.no_grad()
def main() -> None:
    """Draws and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, help="pictures that the model has not seen")
    options = parser.parse_args()
    out, generator = options.out, gghead.load()
    pictures = {"heads": sheet(generator, 8, 4, 256), "strips": strips(generator, 256), "full": full(generator, 4)}
    if options.data is not None:
        pictures["held_out"] = beside_real(generator, options.data, 8, 256)
    for name, picture in pictures.items():
        Image.fromarray(to_uint8(picture)).save(out / f"model_{name}.webp", quality=82, method=6)
    first, *others = [Image.fromarray(to_uint8(frame)) for frame in turning(generator, 40, 256)]
    first.save(out / "model_turn.webp", save_all=True, append_images=others, duration=90, loop=0, quality=60, method=6)


if __name__ == "__main__":
    main()
