"""StyleGAN2 in plain torch: layers, resampling, modulation, mapping, synthesis, discriminator. Nothing 3D."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.stylegan.discriminator import DiscriminatorNetwork as DiscriminatorNetwork
    from gghead.stylegan.folding import freeze as freeze
    from gghead.stylegan.layers import EqualizedConv as EqualizedConv, EqualizedLinear as EqualizedLinear
    from gghead.stylegan.mapping import LabelMapping as LabelMapping, StyleMapping as StyleMapping, truncate as truncate
    from gghead.stylegan.synthesis import SynthesisNetwork as SynthesisNetwork
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
