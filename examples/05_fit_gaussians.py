"""Fit Gaussians to pictures

The rasterizer alone, without any network: it is differentiable, so that Gaussians can be fitted to pictures.
"""

# %%
# Twelve pictures of one synthetic person, from as many sides.
from pathlib import Path

import torch

import gghead
from gghead.data.dataset import HeadDataset
from gghead.synthetic import Sitting, generate
from gghead.uv.bake import bake
from gghead.uv.samples import place_uv_samples
from gghead.uv.template import HeadTemplate

out = Path("out")
out.mkdir(exist_ok=True)
data = out / "person.zip"
generate(data, 1, Sitting(resolution=64, seed=5, views=12, poses="wide"), workers=1, overwrite=True)
with HeadDataset.open(data, 64) as pictures:
    target = torch.stack([torch.from_numpy(pictures.read(index)) / 255 for index in range(len(pictures))])
    cameras = gghead.Cameras.from_labels(torch.from_numpy(pictures.labels).float(), 64)
gghead.show(target.reshape(2, 6, 64, 64, 3))

# %%
# They start as grey Gaussians on the head template. Means, scales and colours are fitted; rotations stay.
points = place_uv_samples(bake(HeadTemplate.builtin(), 64), grid_size=64).positions
offsets, sizes = torch.zeros_like(points), torch.full_like(points, -4.0)
colors, opacity = torch.zeros(len(points), 1, 3), torch.full((len(points),), 3.0)
quats = torch.tensor([1.0, 0.0, 0.0, 0.0]).expand(len(points), 4)
leaves = [leaf.requires_grad_() for leaf in (offsets, sizes, colors, opacity)]


def scene() -> gghead.Gaussians:
    """The Gaussians as they are now."""
    return gghead.Gaussians(points + offsets, quats, sizes.exp(), opacity.sigmoid(), colors)


# %%
# Forty steps, three cameras each.
rates = (5e-4, 0.02, 0.1, 0.05)
optimizer = torch.optim.Adam([{"params": [leaf], "lr": rate} for leaf, rate in zip(leaves, rates, strict=True)])
for step in range(40):
    seen = torch.arange(3) * 4 + step % 4
    difference = (gghead.render(scene(), cameras[seen]).rgb - target[seen]).abs().mean()
    optimizer.zero_grad()
    difference.backward()
    optimizer.step()
    if step % 10 == 0 or step == 39:
        print(f"step {step}: mean difference {difference.item():.4f}")

# %%
# Top: the pictures; bottom: the Gaussians.
with torch.no_grad():
    fitted = gghead.render(scene(), cameras).rgb
gghead.export(out / "fitted.ply", scene())
gghead.show(torch.stack([target[:6], fitted[:6]]))
