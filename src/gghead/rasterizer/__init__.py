"""Gaussians -> pixels, differentiable. README.md derives the formulas."""

from gghead.rasterizer.api import render
from gghead.rasterizer.rendering import Rendering

__all__ = ["Rendering", "render"]
