"""The two networks: latents -> Gaussians, picture and camera -> logit; their files, and the official ones."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.model.decoder import Decoded as Decoded, RawAttributes as RawAttributes
    from gghead.model.discriminator import Discriminator as Discriminator
    from gghead.model.generator import Generator as Generator, build_generator as build_generator
    from gghead.model.storage import load_generator as load_generator, save_generator as save_generator
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
