"""Photographs from what a user names: files, folders, patterns, videos; each with a name of its own."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.photos.sources.finding import Shots as Shots, find_shots as find_shots
    from gghead.photos.sources.shots import Shot as Shot
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
