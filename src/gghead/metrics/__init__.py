"""How far apart two sets of pictures are: features, their moments, distances. Knows nothing of 3D heads."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.metrics.detectors import Detector as Detector, load_detector as load_detector
    from gghead.metrics.frechet import frechet_distance as frechet_distance
    from gghead.metrics.kernel import KernelDistance as KernelDistance, kernel_distance as kernel_distance
    from gghead.metrics.moments import Moments as Moments
    from gghead.metrics.neighbors import PrecisionRecall as PrecisionRecall, precision_recall as precision_recall
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
