"""Rendered people with everything known of them, for demos, tests and training; see README.md."""

from gghead.synthetic.dataset.generation import generate
from gghead.synthetic.people.portraits import Sitting

__all__ = ["Sitting", "generate"]
