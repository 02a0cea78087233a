"""From features to named numbers."""

import math

from gghead.evaluation.features import FeatureSet
from gghead.evaluation.geometry import Shapes, gap
from gghead.evaluation.report import Measure
from gghead.metrics.detectors import Detector
from gghead.metrics.frechet import frechet_distance, frechet_distance_of_few
from gghead.metrics.kernel import kernel_distance
from gghead.metrics.neighbors import NEIGHBORHOOD, nearest_neighbor_ratio, precision_recall

COUNTS = (100, 1_000, 5_000, 10_000, 50_000)
"""Numbers of generated pictures that people report; those below the number asked for come for nothing."""
YAW_BINS = ((0.0, 15.0), (15.0, 30.0), (30.0, 45.0), (45.0, 90.0), (90.0, 180.0))
"""Degrees to either side; those from 45 on count where the real pictures have any there, as FFHQ has not."""
FRONT = 45.0
MANIFOLD_LIMIT = 10_000
"""Pictures of each kind that precision and recall look at: they take the square of it in time."""
FEW = 2


def short_count(count: int) -> str:
    """10000 -> "10k".

    Example:
        >>> short_count(10_000), short_count(96)
        ('10k', '96')
    """
    return f"{count // 1000}k" if count >= 1000 and count % 1000 == 0 else str(count)


def frechet_measures(real: FeatureSet, fakes: FeatureSet, detector: Detector, suffix: str = "") -> list[Measure]:
    """The Frechet distance of all generated pictures and of the first 100, 1k, ... of them to all real ones."""
    counts = [*(count for count in COUNTS if count < len(fakes.features)), len(fakes.features)]
    return [
        _frechet(f"{detector.frechet_name}{suffix} {short_count(count)}", real, fakes.first(count))
        for count in reversed(counts)
    ]


def distribution_measures(real: FeatureSet, fakes: FeatureSet, detector: Detector, seed: int) -> list[Measure]:
    """Kernel distance, precision, recall, and whether pictures are copies."""
    there, made = real.usable(), fakes.usable()
    if min(len(there), len(made)) <= NEIGHBORHOOD:
        return []
    kernel = kernel_distance(there, made, seed)
    spread = f"deviation between subsets {kernel.deviation:.2g}" if kernel.deviation else "both sets whole"
    shares = precision_recall(there[:MANIFOLD_LIMIT], made[:MANIFOLD_LIMIT])
    compared = f"{min(len(there), MANIFOLD_LIMIT)} real, {min(len(made), MANIFOLD_LIMIT)} generated, k = 3"
    return [
        Measure(detector.kernel_name, kernel.mean, "lower", spread),
        Measure("precision", shares.precision, "higher", compared),
        Measure("recall", shares.recall, "higher", compared),
        Measure(
            "nearest-neighbour ratio",
            nearest_neighbor_ratio(there[:MANIFOLD_LIMIT], made[:1000]),
            "neither",
            "1: as far from training pictures as these from each other; towards 0: copies",
        ),
    ]


def yaw_measures(real: FeatureSet, fakes: FeatureSet, detector: Detector, suffix: str = "") -> list[Measure]:
    """The Frechet distance among pictures taken from the front, from the half side, from the side and from behind."""
    found = []
    for low, high in YAW_BINS:
        there, made = real.within(low, high), fakes.within(low, high)
        if low >= FRONT and not len(there.usable()):
            continue
        name = f"{detector.frechet_name}{suffix} yaw {low:.0f}-{high:.0f}"
        counts = f"{len(there.usable())} real, {len(made.usable())} generated"
        found.append(_frechet(name, there, made, counts))
    return found


def shape_measures(true: Shapes, generated: Shapes) -> list[Measure]:
    """How far generated shapes are from true ones, over all and by yaw."""
    found = []
    for low, high in ((0.0, 181.0), *YAW_BINS):
        there, made = true.within(low, high), generated.within(low, high)
        if low >= FRONT and not len(there.yaws):
            continue
        where = "" if high > 180 else f" yaw {low:.0f}-{high:.0f}"
        counts = f"{len(there.yaws)} real, {len(made.yaws)} generated"
        found.append(Measure(f"silhouette area gap{where}", gap(made.areas, there.areas), "lower", counts))
        if bool(true.depths.isfinite().any()):
            found.append(Measure(f"depth gap{where}", gap(made.depths, there.depths), "lower", counts))
            found.append(Measure(f"relief gap{where}", gap(made.reliefs, there.reliefs), "lower", counts))
    return found


def _frechet(name: str, real: FeatureSet, made: FeatureSet, note: str = "") -> Measure:
    there, size = real.usable(), real.features.shape[1]
    found = made.usable()
    if min(len(there), len(found)) < FEW:
        return Measure(name, math.nan, "lower", f"{len(there)} real, {len(found)} generated: too few")
    if min(len(there), len(found)) <= size:
        short = "fewer pictures than features: compare equal counts only"
        note = f"{note}; {short}" if note else short
    if max(len(there), len(found)) <= size:
        return Measure(name, frechet_distance_of_few(there, found), "lower", note)
    return Measure(name, frechet_distance(real.moments, made.moments), "lower", note)
