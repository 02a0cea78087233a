"""The head template and its texture chart: mesh -> maps -> the texels that carry Gaussians."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.uv.bake import TemplateMaps as TemplateMaps
    from gghead.uv.samples import (
        UVSamples as UVSamples,
        place_uv_samples as place_uv_samples,
        regrid as regrid,
        sample_maps as sample_maps,
    )
    from gghead.uv.template import HeadTemplate as HeadTemplate
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
