"""gghead: a 3D-aware GAN for heads, trained on single-view images, that draws 3D Gaussians.

>>> import gghead
>>> generator = gghead.load()
>>> heads = generator.sample(seeds=[0, 1, 2, 3], truncation=0.7)
>>> cameras = gghead.Cameras.at(yaw=[-0.6, 0, 0.6], resolution=256)
>>> gghead.show(gghead.draw(generator, heads, cameras)).save("heads.png")
"""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.exports.files import export as export
    from gghead.gaussians.formats.ply import load_ply as load_ply
    from gghead.gaussians.formats.splat import load_splat as load_splat
    from gghead.gaussians.formats.spz import load_spz as load_spz
    from gghead.gaussians.scene import Gaussians as Gaussians
    from gghead.geometry.cameras import Cameras as Cameras
    from gghead.inference.loading import load as load
    from gghead.inference.observation import draw as draw
    from gghead.inference.outputs import save_video as save_video, show as show
    from gghead.inference.paths import interpolate as interpolate, loop as loop
    from gghead.model.generator import Generator as Generator
    from gghead.rasterizer.api import Rendering as Rendering, render as render
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)

__version__ = "0.1.0"
