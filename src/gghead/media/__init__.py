"""Pictures and videos: files, pixels and the ranges in which they are held."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.media.animations import encode_animation as encode_animation
    from gghead.media.colors import parse_color as parse_color
    from gghead.media.encoded import decode_picture as decode_picture
    from gghead.media.images import (
        encode_picture as encode_picture,
        encode_png as encode_png,
        tile as tile,
        to_uint8 as to_uint8,
    )
    from gghead.media.meshes import Mesh as Mesh, encode_glb as encode_glb
    from gghead.media.video import encode_video as encode_video
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
