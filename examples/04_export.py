"""Export

One head for other programs: Gaussians, a textured mesh, a page.
"""

# %%
# The end of the name decides the format. With the generator the head is whole in any program, however near one comes;
# a textured mesh needs it, since it is the generator's template.
from pathlib import Path

import torch

import gghead

out = Path("out")
out.mkdir(exist_ok=True)
generator = gghead.load()
head = generator.sample(seeds=[3], truncation=0.7)[0]
for name in ("head.ply", "head.spz", "head.splat", "head.html", "head.glb"):
    gghead.export(out / name, head, generator)
for path in sorted(out.glob("head.*")):
    print(f"{path.name:12} {path.stat().st_size / 1e6:.2f} MB")

# %%
# What is written is what is drawn, up to the blur of large pixels, of which a file knows nothing: the nearer one comes,
# the smaller the difference. Files are read again upright, though y points down in a PLY; the .spz has a sixteenth of
# its size. `render` draws Gaussians of which no generator is known.
camera = gghead.Cameras.at(resolution=512)
ours = gghead.draw(generator, head, camera).rgb
again = [gghead.load_ply(out / "head.ply"), gghead.load_spz(out / "head.spz")]
pictures = [gghead.render(scene, camera).rgb for scene in again]
for name, picture in zip(("PLY", "SPZ"), pictures, strict=True):
    print(name, "mean difference", f"{float((picture - ours).abs().mean()):.6f}")
gghead.show(torch.cat([ours, *pictures])[None])
