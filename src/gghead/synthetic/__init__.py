"""Rendered people with everything known of them, for demos, tests and training; see README.md."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.synthetic.dataset.generation import generate as generate
    from gghead.synthetic.people.portraits import Sitting as Sitting
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
