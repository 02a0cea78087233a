"""A model that makes one head that looks like one: a generator that has learned a single synthetic head by heart.

    gghead data synthetic one.zip --count 1 --views 32 --poses wide --resolution 256 --seed 3
    python benchmarks/fitted_head.py one.zip head.safetensors

Exports are judged on it, since its Gaussians have the smoothness, shapes and ranges of a trained model's. Every seed gives
nearly the same head: the network sees one style only.
"""

import argparse
from pathlib import Path

import torch

from gghead.config.model import GeneratorConfig
from gghead.data.dataset import HeadDataset
from gghead.geometry.cameras import Cameras
from gghead.model.generator import Generator, build_generator
from gghead.model.storage import save_generator
from gghead.rasterizer import render

RESOLUTION = 256
CONFIG = GeneratorConfig(
    z_size=16, style_size=16, camera_conditioned=False, map_resolution=256, channel_base=2048, channel_max=64
)
LEARNING_RATE = 5e-3
POSITION_WEIGHT, SCALE_WEIGHT = 0.02, 0.01
"""Regularisers of training, weaker: there are pictures from all sides."""


def fit(generator: Generator, pictures: Path, steps: int) -> None:
    """Teaches the generator the head in the pictures, at the style of seed 0."""
    with HeadDataset.open(pictures, RESOLUTION) as dataset:
        images = torch.stack([torch.from_numpy(dataset.read(index)).float() / 255 for index in range(len(dataset))])
        cameras = Cameras.from_labels(torch.from_numpy(dataset.labels).float(), RESOLUTION)
    parameters = [*generator.synthesis.parameters(), generator.position_weight, generator.position_bias]
    optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, betas=(0.5, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    order = torch.Generator().manual_seed(0)
    styles = generator.styles([0], truncation=1.0)
    for step in range(steps):
        index = torch.randint(len(images), (2,), generator=order)
        raw = generator.raw(styles)
        drawn = render(generator.activate(raw), cameras[index]).rgb[0]
        spread = POSITION_WEIGHT * raw.positions.norm(dim=-1).mean() + SCALE_WEIGHT * raw.scales.norm(dim=-1).mean()
        difference = (drawn - images[index]).abs().mean()
        optimizer.zero_grad()
        (difference + spread).backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step}: mean difference {difference.item():.4f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=500)
    arguments = parser.parse_args()
    model = build_generator(CONFIG, seed=0)
    fit(model, arguments.pictures, arguments.steps)
    save_generator(arguments.out, model)
