"""gghead: a 3D-aware GAN for heads, trained on single-view images, that draws 3D Gaussians.

>>> import gghead
>>> generator = gghead.load()
>>> heads = generator.sample(seeds=[0, 1, 2, 3], truncation=0.7)
>>> gghead.show(gghead.render(heads, gghead.Cameras.at(yaw=[-0.6, 0, 0.6], resolution=256))).save("heads.png")
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gghead.exports.files import export as export
    from gghead.gaussians.formats.ply import load_ply as load_ply
    from gghead.gaussians.formats.splat import load_splat as load_splat
    from gghead.gaussians.formats.spz import load_spz as load_spz
    from gghead.gaussians.scene import Gaussians as Gaussians
    from gghead.geometry.cameras import Cameras as Cameras
    from gghead.inference.loading import load as load
    from gghead.inference.outputs import save_video as save_video
    from gghead.inference.outputs import show as show
    from gghead.inference.paths import interpolate as interpolate
    from gghead.inference.paths import loop as loop
    from gghead.inference.smoothing_filter import smooth as smooth
    from gghead.model.generator import Generator as Generator
    from gghead.rasterizer.api import Rendering as Rendering
    from gghead.rasterizer.api import render as render

_HOMES = {
    "Cameras": "geometry.cameras",
    "Gaussians": "gaussians.scene",
    "Generator": "model.generator",
    "Rendering": "rasterizer.api",
    "export": "exports.files",
    "interpolate": "inference.paths",
    "load": "inference.loading",
    "load_ply": "gaussians.formats.ply",
    "load_splat": "gaussians.formats.splat",
    "load_spz": "gaussians.formats.spz",
    "loop": "inference.paths",
    "render": "rasterizer.api",
    "save_video": "inference.outputs",
    "show": "inference.outputs",
    "smooth": "inference.smoothing_filter",
}
__all__ = sorted(_HOMES)
__version__ = "0.1.0"


if not TYPE_CHECKING:  # type checkers know the names above, and that there are no others

    def __getattr__(name: str) -> object:
        """Imports a public name when it is first asked for, so that `gghead --help` needs no torch."""
        if name not in _HOMES:
            raise AttributeError(f"module 'gghead' has no attribute {name!r}; it offers {', '.join(__all__)}")
        value = getattr(import_module(f"gghead.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """The public names, for completion."""
    return __all__
