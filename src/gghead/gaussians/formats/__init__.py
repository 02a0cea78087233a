"""Files of Gaussians: PLY, compressed PLY, .splat, .spz, pages."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.gaussians.formats.html import encode_html as encode_html
    from gghead.gaussians.formats.ply import decode_ply as decode_ply, encode_ply as encode_ply, load_ply as load_ply
    from gghead.gaussians.formats.splat import (
        decode_splat as decode_splat,
        encode_splat as encode_splat,
        load_splat as load_splat,
    )
    from gghead.gaussians.formats.spz import decode_spz as decode_spz, encode_spz as encode_spz, load_spz as load_spz
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
