"""From photographs of a person to a head of a generator, and person files, in which such heads are kept."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.inversion.encoder.encoder import Encoder as Encoder
    from gghead.inversion.encoder.encoder_file import load_encoder as load_encoder, save_encoder as save_encoder
    from gghead.inversion.inversion import Progress as Progress, invert as invert
    from gghead.inversion.person import Person as Person
    from gghead.inversion.person_file import load_person as load_person, save_person as save_person
    from gghead.inversion.targets import Picture as Picture
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
