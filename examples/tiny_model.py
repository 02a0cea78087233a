"""A model for the examples: the demo's if `make demo` has made it, else a tiny one that learns in seconds.

The tiny one sees no pictures. It is told what colour the template's points should have for a latent - skin, hair and
shirt, no more - and learns that. Where a trained model is at hand, `gghead.load(PATH)` takes its place.
"""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.config.model import GeneratorConfig
from gghead.geometry.spherical_harmonics import C0
from gghead.model.generator import Generator, build_generator
from gghead.model.storage import save_generator

DEMO = Path(__file__).resolve().parents[1] / "demo" / "run"
CONFIG = GeneratorConfig(
    z_size=8,
    style_size=32,
    camera_conditioned=False,
    map_resolution=32,
    channel_base=1024,
    channel_max=16,
    grid_size=80,
    sh_degree=0,
    max_log_scale=-2.2,
    log_scale_offset=-3.7,
)
STEPS, BATCH, LEARNING_RATE = 200, 4, 0.02
OPACITY = 0.95
SKIN = torch.tensor([[0.36, 0.22, 0.15], [0.93, 0.74, 0.62]])
HAIR = torch.tensor([[0.08, 0.06, 0.06], [0.78, 0.60, 0.34]])
SHIRT = torch.tensor([[0.25, 0.30, 0.45], [0.50, 0.35, 0.30]])
"""Darkest and lightest, rgb."""


def model_path(folder: Path = Path("out")) -> Path:
    """Where a model is; makes the tiny one in the folder if there is no other."""
    if (DEMO / "snapshots").is_dir():
        return DEMO
    tiny = folder / "tiny.safetensors"
    if not tiny.exists():
        folder.mkdir(parents=True, exist_ok=True)
        save_generator(tiny, train())
    return tiny


def train() -> Generator:
    """A generator that has learned `paint`."""
    generator = build_generator(CONFIG, seed=0)
    random = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(generator.parameters(), LEARNING_RATE, betas=(0.5, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        z = torch.randn(BATCH, CONFIG.z_size, generator=random)
        heads = generator.decode(generator.map_styles(z, update_average=True))
        off = heads.sh[..., 0, :] * C0 + 0.5 - paint(z, generator.template_positions)
        loss = off.abs().mean() + (heads.opacities - OPACITY).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return generator


def paint(z: Float[Tensor, "B Z"], points: Float[Tensor, "N 3"]) -> Float[Tensor, "B N 3"]:
    """Colours in [0, 1] of the template's points for each latent; the latent's first numbers say how light they are."""
    skin, hair, shirt = (
        torch.lerp(dark, light, share)[:, None]
        for (dark, light), share in zip((SKIN, HAIR, SHIRT), torch.sigmoid(2 * z[:, :3, None]).unbind(1), strict=True)
    )
    y, depth = points[:, 1:2], points[:, 2:]
    colors = torch.where((y > 0.2) | ((depth < -0.08) & (y > -0.12)), hair, skin)
    return torch.where(y < -0.34, shirt, colors)
