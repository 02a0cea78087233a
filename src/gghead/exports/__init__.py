"""From heads to files that other programs open: Gaussians, textured meshes, pages."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.exports.files import export as export
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
