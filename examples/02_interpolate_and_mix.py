"""Interpolate and mix

Between two heads, round several, in a square of four, and the parts of one in another.
"""

# %%
# Interpolation is between styles: a vector for every layer of the network.
import math
from pathlib import Path

import torch

import gghead
from gghead.inference.mixing import blend, mix_styles

out = Path("out")
out.mkdir(exist_ok=True)
generator = gghead.load()
size = 192
camera = gghead.Cameras.at(resolution=size)
styles = generator.styles(seeds=[52, 36, 57, 55], truncation=0.7)
styles.shape

# %%
# A straight line from one head to another.
line = generator.decode(gghead.interpolate(styles[0], styles[1], frames=6))
gghead.show(gghead.draw(generator, line, camera).rgb.reshape(1, 6, size, size, 3))

# %%
# A closed, smooth path through four heads, while the camera circles once; pairwise gives each head a camera of its own.
way = generator.decode(gghead.loop(styles, frames=24))
morph = gghead.draw(
    generator, way, gghead.Cameras.orbit(frames=24, resolution=size, fov=math.radians(18)), pairwise=True
)
gghead.save_video(out / "morph.mp4", morph.rgb)
gghead.show(morph.rgb[::4].reshape(1, 6, size, size, 3))

# %%
# A square of four heads: one at each corner, and all blends between them.
steps = [i / 3 for i in range(4)]
square = torch.stack([blend(styles, x, y) for y in steps for x in steps])
gghead.show(gghead.draw(generator, generator.decode(square), camera).rgb.reshape(4, 4, size, size, 3))

# %%
# Style mixing: coarse layers make the shape, fine ones colour and detail. From left to right: the first head, the
# second, and the first with the styles of the second in coarse, middle and fine layers.
bands = [mix_styles(styles[0], styles[1], band) for band in ("coarse", "middle", "fine")]
mixed = generator.decode(torch.stack([styles[0], styles[1], *bands]))
gghead.show(gghead.draw(generator, mixed, camera).rgb.reshape(1, 5, size, size, 3))
