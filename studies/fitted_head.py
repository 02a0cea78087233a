"""A head that looks like one, without a trained model: UV maps fitted to pictures of one synthetic head.

    gghead data synthetic one.zip --count 1 --views 32 --poses wide --resolution 256 --seed 3
    python -m studies.fitted_head one.zip head.safetensors

The maps take the place of a network's: texels, activations and ranges are a model's, and coarse maps for all but the
colour make neighbours similar, as a network does. Exports are measured on such a head. With --grid 512 the fitted maps
are sampled at four times as many texels, with Gaussians of half the size.
"""

import argparse
from pathlib import Path

import torch

from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors
from gghead.config.model import GeneratorConfig
from gghead.data.dataset import HeadDataset
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.model.decoder import RawAttributes
from gghead.model.generator import Generator, build_generator
from gghead.rasterizer import render
from gghead.uv.samples import sample_maps

RESOLUTION = 256
FITTED_GRID = 256
MAPS = {"positions": (3, 24), "scales": (3, 96), "rotations": (3, 96), "colors": (12, 256), "opacities": (1, 96)}
"""Channels and side of each map."""
INITIAL_OPACITY = 2.0
LEARNING_RATE = 0.03
COLOR_RATE = 3.0
"""Factor of the learning rate of colours: every texel has to find its own."""
POSITION_WEIGHT, SCALE_WEIGHT, DIRECTION_WEIGHT = 1.0, 0.02, 0.5
"""Means stay near the template, sizes near their start, colours depend little on the direction."""
NAMES = ("means", "quats", "scales", "opacities", "sh")


def small_generator(grid: int = FITTED_GRID) -> Generator:
    """A generator of an official grid, whose own network is of no interest and therefore small."""
    config = GeneratorConfig(z_size=8, style_size=8, map_resolution=256, channel_base=64, channel_max=8, grid_size=grid)
    return build_generator(config, seed=0)


def fit(generator: Generator, pictures: Path, steps: int) -> dict[str, torch.Tensor]:
    """Maps whose Gaussians look like the head in the pictures."""
    with HeadDataset.open(pictures, RESOLUTION) as dataset:
        images = torch.stack([torch.from_numpy(dataset.read(index)).float() / 255 for index in range(len(dataset))])
        cameras = Cameras.from_labels(torch.from_numpy(dataset.labels).float(), RESOLUTION)
    maps = {name: torch.zeros(channels, side, side) for name, (channels, side) in MAPS.items()}
    maps["opacities"] += INITIAL_OPACITY
    rates = [LEARNING_RATE * (COLOR_RATE if name == "colors" else 1) for name in maps]
    groups = [{"params": [leaf.requires_grad_()], "lr": rate} for leaf, rate in zip(maps.values(), rates, strict=True)]
    optimizer = torch.optim.Adam(groups, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    order = torch.Generator().manual_seed(0)
    for step in range(steps):
        index = torch.randint(len(images), (1,), generator=order)
        raw = sample(maps, generator)
        drawn = render(generator.activate(raw), cameras[index]).rgb
        difference = (drawn - images[index]).abs().mean()
        drift = POSITION_WEIGHT * raw.positions.square().mean() + SCALE_WEIGHT * raw.scales.square().mean()
        shimmer = DIRECTION_WEIGHT * raw.colors[:, 1:].square().mean()
        optimizer.zero_grad()
        (difference + drift + shimmer).backward()
        optimizer.step()
        schedule.step()
        if step % 20 == 0 or step == steps - 1:
            print(f"step {step}: mean difference {difference.item():.4f}", flush=True)
    return {name: leaf.detach() for name, leaf in maps.items()}


def head_of(maps: dict[str, torch.Tensor], generator: Generator) -> Gaussians:
    """The head of maps at a generator's texels; sizes go with the distance of the texels."""
    head = generator.activate(sample(maps, generator))
    scales = head.scales * (FITTED_GRID / generator.config.grid_size)
    return Gaussians(head.means, head.quats, scales, head.opacities, head.sh)


def sample(maps: dict[str, torch.Tensor], generator: Generator) -> RawAttributes:
    """Raw attributes at the generator's texels."""
    values = {name: sample_maps(leaf, generator.texel_uvs) for name, leaf in maps.items()}
    values["colors"] = values["colors"].unflatten(-1, (4, 3))
    return RawAttributes(**values | {"opacities": values["opacities"][:, 0]})


def load_fitted(path: Path) -> Gaussians:
    """Reads what this program wrote."""
    tensors = load_tensors(path).tensors
    return Gaussians(**{name: tensors[name] for name in NAMES})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--grid", type=int, default=FITTED_GRID)
    arguments = parser.parse_args()
    maps = fit(small_generator(), arguments.pictures, arguments.steps)
    head = head_of(maps, small_generator(arguments.grid))
    save_tensors(arguments.out, TensorFile({name: getattr(head, name).contiguous() for name in NAMES}, {}))
