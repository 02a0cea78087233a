"""Rendered people with true cameras and masks, for demos and tests; see README.md. `generate` makes an archive."""

from gghead.data.synthetic.generation import generate

__all__ = ["generate"]
