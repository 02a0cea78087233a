"""Everything that is measured beside the official distance."""

from collections.abc import Callable
from dataclasses import dataclass

from gghead.evaluation.consistency import view_consistency
from gghead.evaluation.features import FeatureSet
from gghead.evaluation.geometry import generated_shapes, true_shapes
from gghead.evaluation.identity import generated_identities, identity_measures
from gghead.evaluation.measures import distribution_measures, frechet_measures, shape_measures, yaw_measures
from gghead.evaluation.real_statistics import RealStatistics
from gghead.evaluation.report import Measure
from gghead.inference.generated import GeneratedHeads
from gghead.metrics.detectors import perceptual_network
from gghead.metrics.identity import load_recognizer

CONSISTENCY_HEADS = {"cuda": 32, "cpu": 16}
"""Each gives 8 pairs of views."""
IDENTITY_HEADS = {"cuda": 64, "cpu": 32}
"""Each gives 7 views; the network takes a tenth of a second of a core for them."""
SHAPE_PICTURES = 512

OnProgress = Callable[[str, int, int], None]
"""Progress: what is done, how many of it, of how many."""


@dataclass(frozen=True)
class GeneratedFeatures:
    """Generated pictures and what the detector says of them."""

    fakes: GeneratedHeads
    features: FeatureSet


def suite_measures(
    reference: RealStatistics,
    official: GeneratedFeatures,
    frontal: GeneratedFeatures,
    num_images: int,
    on_progress: OnProgress,
) -> list[Measure]:
    """Numbers of `--suite 3d`: what a distance hides, and what no distance sees.

    Args:
        reference: the real pictures.
        official: generated with the mapping network seeing the camera that draws.
        frontal: the same heads with the mapping camera frozen to the front; the same again if it sees no camera.
        num_images: generated pictures; none of the measures here looks at more heads.
        on_progress: is told of progress.
    """
    detector, real = reference.detector, reference.features
    found = []
    if official.fakes.generator.config.camera_conditioned:
        found += frechet_measures(real, frontal.features, detector, "_3D")
    found += distribution_measures(real, official.features, detector, official.fakes.recipe.seed)
    found += yaw_measures(real, official.features, detector)
    if official.fakes.generator.config.camera_conditioned:
        found += yaw_measures(real, frontal.features, detector, "_3D")
    found += _view_measures(reference, frontal, num_images, on_progress)
    found += _identity_measures(frontal, num_images, on_progress)
    on_progress("shapes", 0, 2)
    true = true_shapes(reference.dataset, reference.path, SHAPE_PICTURES)
    on_progress("shapes", 1, 2)
    made = generated_shapes(frontal.fakes, min(num_images, SHAPE_PICTURES))
    on_progress("shapes", 2, 2)
    return found + shape_measures(true, made)


def _modes(frontal: GeneratedFeatures) -> dict[str, bool]:
    """How heads are seen from several sides: names, and whether the mapping network follows the camera."""
    followed = {"mapping follows the view": True} if frontal.fakes.generator.config.camera_conditioned else {}
    return {"mapping frozen": False} | followed


def _heads(counts: dict[str, int], frontal: GeneratedFeatures, num_images: int) -> int:
    return min(num_images, counts.get(frontal.fakes.generator.device.type, counts["cpu"]))


def _view_measures(
    reference: RealStatistics, frontal: GeneratedFeatures, num_images: int, on_progress: OnProgress
) -> list[Measure]:
    network = perceptual_network(reference.detector)
    heads, modes, found = _heads(CONSISTENCY_HEADS, frontal, num_images), _modes(frontal), []
    for done, (mode, followed) in enumerate(modes.items()):
        on_progress("views of heads", done, len(modes))
        views = view_consistency(frontal.fakes, heads, camera_followed=followed, network=network)
        note = f"{heads} heads, {views.compared:.0%} of pixels compared"
        found.append(Measure(f"reprojection PSNR, {mode}", views.psnr, "higher", f"dB; {note}"))
        if views.feature_distance is not None:
            found.append(Measure(f"reprojection feature distance, {mode}", views.feature_distance, "lower", note))
    on_progress("views of heads", len(modes), len(modes))
    return found


def _identity_measures(frontal: GeneratedFeatures, num_images: int, on_progress: OnProgress) -> list[Measure]:
    """None where the extra is not installed."""
    recognizer = load_recognizer()
    if recognizer is None:
        return []
    recognizer.to(frontal.fakes.generator.device)
    heads, modes, found = _heads(IDENTITY_HEADS, frontal, num_images), _modes(frontal), []
    for done, (mode, followed) in enumerate(modes.items()):
        on_progress("identities", done, len(modes))
        known = generated_identities(frontal.fakes, heads, recognizer, camera_followed=followed)
        found += identity_measures(known, mode)
    on_progress("identities", len(modes), len(modes))
    return found
