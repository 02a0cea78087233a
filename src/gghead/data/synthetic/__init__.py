"""Rendered people with everything known of them, for demos, tests and training; see README.md."""

from gghead.data.synthetic.generation import generate
from gghead.data.synthetic.portraits import Sitting

__all__ = ["Sitting", "generate"]
