"""Gaussians -> pixels, differentiable. README.md derives the formulas."""

from gghead.rasterizer.api import Rendering, render

__all__ = ["Rendering", "render"]
