"""Export

One head for other programs: Gaussians, a textured mesh, a page.
"""

# %%
# The end of the name decides the format. A textured mesh needs the generator, whose template it is.
from pathlib import Path

import torch

import gghead

out = Path("out")
out.mkdir(exist_ok=True)
generator = gghead.load()
head = generator.sample(seeds=[3], truncation=0.7)[0]
for name in ("head.ply", "head.spz", "head.splat", "head.html"):
    gghead.export(out / name, head)
gghead.export(out / "head.glb", head, generator)
for path in sorted(out.glob("head.*")):
    print(f"{path.name:12} {path.stat().st_size / 1e6:.2f} MB")

# %%
# What is written is what was drawn. The files are read again, upright, though y points down in a PLY: it is exact, the
# .spz has a tenth of its size.
camera = gghead.Cameras.at(resolution=256)
ours = gghead.render(head, camera).rgb
again = [gghead.load_ply(out / "head.ply"), gghead.load_spz(out / "head.spz")]
pictures = [gghead.render(scene, camera).rgb for scene in again]
for name, picture in zip(("PLY", "SPZ"), pictures, strict=True):
    print(name, "mean difference", f"{float((picture - ours).abs().mean()):.6f}")
gghead.show(torch.cat([ours, *pictures])[None])
