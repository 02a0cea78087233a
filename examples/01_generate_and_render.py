"""Generate and render

Heads from seeds, drawn from any side, with depth, normals and coverage.
"""

# %%
# A model, and eight of its heads: Gaussians with a batch axis. A truncation towards 0 brings them closer to the
# average head, 1 leaves all variety. The model is that of `make demo`, if it is there, as in the pictures here;
# otherwise a tiny one is made in seconds, whose heads have no faces. Any other: `gghead.load(PATH)`.
from pathlib import Path

import torch

import gghead
from gghead.inference.surfaces import normals_from_depth
from tiny_model import model_path

out = Path("out")
out.mkdir(exist_ok=True)
generator = gghead.load(model_path())
heads = generator.sample(seeds=range(8), truncation=0.7)
heads.means.shape

# %%
# Pictures are display colours in [0, 1], batch x cameras x height x width x 3. A model looks best at the resolution at
# which it was trained; in larger pictures gaps between its Gaussians can show.
size = 64
front = gghead.render(heads, gghead.Cameras.frontal(size))
sheet = gghead.show(front.rgb.reshape(2, 4, size, size, 3))
sheet.save(out / "heads.png")
sheet

# %%
# Three heads from six sides: heads run down, cameras to the right. The camera goes round a circle of radius .6 in front
# of the face, at distance 2.7.
cameras = gghead.Cameras.orbit(frames=6, resolution=size)
around = gghead.render(heads[:3], cameras)
gghead.show(around.rgb)

# %%
# Depth and coverage (alpha) come with every picture; normals are those of the depth. Where less than half of a pixel is
# covered they mean nothing, so it stays white.
turn = gghead.render(heads[0], cameras)
solid = turn.alpha > 0.5
near, far = turn.depth[solid].min(), turn.depth[solid].max()
depth = torch.where(solid, (far - turn.depth) / (far - near), 1.0).expand(-1, -1, -1, 3)
normals = torch.where(solid, normals_from_depth(turn.depth, cameras) / 2 + 0.5, 1.0)
coverage = turn.alpha.expand(-1, -1, -1, 3)
gghead.show(torch.stack([turn.rgb, depth, normals, coverage]))

# %%
# The same as a video.
frames = gghead.render(heads[0], gghead.Cameras.orbit(frames=48, resolution=size))
gghead.save_video(out / "orbit.mp4", frames.rgb)
