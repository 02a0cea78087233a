"""Gaussians -> pixels, differentiable. README.md derives the formulas."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.rasterizer.api import render as render
    from gghead.rasterizer.rendering import Rendering as Rendering
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
