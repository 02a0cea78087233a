"""From a model to pictures: loading, paths through styles, many pictures within a memory budget."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.inference.directions import Directions as Directions, principal_directions as principal_directions
    from gghead.inference.generated import GeneratedHeads as GeneratedHeads, SamplingProtocol as SamplingProtocol
    from gghead.inference.loading import load as load
    from gghead.inference.mixing import blend as blend, mix_styles as mix_styles
    from gghead.inference.outputs import save_video as save_video, show as show
    from gghead.inference.paths import interpolate as interpolate, loop as loop
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
