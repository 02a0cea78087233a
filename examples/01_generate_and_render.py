"""Generate and render

Heads from seeds, drawn from any side, with depth, normals and alpha.
"""

# %%
# The bundled model, and eight of its heads: Gaussians with a batch axis. A truncation towards 0 brings them closer to
# the average head, 1 leaves all variety. Another model: `gghead.load(PATH)`.
from pathlib import Path

import torch

import gghead
from gghead.geometry.normals import normals_from_depth

out = Path("out")
out.mkdir(exist_ok=True)
generator = gghead.load()
heads = generator.sample(seeds=range(8), truncation=0.7)
heads.means.shape

# %%
# Pictures are display colours in [0, 1], batch x cameras x height x width x 3. `draw` shows heads as the model learned
# to be seen, this one in pictures of 512 x 512, and whole in larger ones; `gghead.render(heads, cameras)` draws the
# bare Gaussians. Smaller pictures, as here, are quicker.
size = 256
front = gghead.draw(generator, heads, gghead.Cameras.at(resolution=size))
sheet = gghead.show(front.rgb.reshape(2, 4, size, size, 3))
sheet.save(out / "heads.png")
sheet

# %%
# Two heads from four sides: heads run down, cameras to the right. Yaw is in radians, positive towards the right.
# `Cameras.at` shows the whole head; `Cameras.frontal` and `Cameras.orbit` show FFHQ's crop, which is what models are
# trained on.
cameras = gghead.Cameras.at(yaw=[-1.2, -0.6, 0.6, 1.2], resolution=size)
around = gghead.draw(generator, heads[2:4], cameras)
gghead.show(around)

# %%
# Depth and alpha come with every picture; normals are those of the depth. Where alpha is below one half they mean
# nothing, so the pixel stays white.
turn = gghead.draw(generator, heads[3], cameras)
solid = turn.alpha > 0.5
near, far = turn.depth[solid].min(), turn.depth[solid].max()
depth = torch.where(solid, (far - turn.depth) / (far - near), 1.0).expand(-1, -1, -1, 3)
normals = torch.where(solid, normals_from_depth(turn.depth, cameras) / 2 + 0.5, 1.0)
coverage = turn.alpha.expand(-1, -1, -1, 3)
gghead.show(torch.stack([turn.rgb, depth, normals, coverage]))

# %%
# A video, its camera on the paper's circle of radius 0.6 in front of the face.
frames = gghead.draw(generator, heads[3], gghead.Cameras.orbit(frames=24, resolution=size))
gghead.save_video(out / "orbit.mp4", frames.rgb)
