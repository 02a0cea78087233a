"""From photographs to what datasets hold: the crop of a head, its camera and its mask."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.photos.faces.models import FaceModels as FaceModels
    from gghead.photos.head_finder import PhotoSettings as PhotoSettings
    from gghead.photos.photo import Photo as Photo, prepare as prepare
    from gghead.photos.refusal import Reason as Reason, Refused as Refused
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
