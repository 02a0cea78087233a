"""3D Gaussians as data: the scene type, its colour from a direction, files."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.gaussians.formats.ply import load_ply as load_ply
    from gghead.gaussians.formats.splat import load_splat as load_splat
    from gghead.gaussians.formats.spz import load_spz as load_spz
    from gghead.gaussians.placement import Placement as Placement, place as place
    from gghead.gaussians.scene import Gaussians as Gaussians
    from gghead.gaussians.shading import freeze_colors as freeze_colors, shade as shade
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
