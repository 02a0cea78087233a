"""Masks of the person whose head a crop shows, from MediaPipe's selfie segmentation."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8
from PIL import Image
from scipy.ndimage import gaussian_filter, maximum_filter

from gghead.geometry.canonical_head import FFHQ_FOCAL
from gghead.photos.crop import Crop
from gghead.photos.cutting import cut
from gghead.photos.masks.guided_filter import guided_filter
from gghead.photos.masks.one_person import one_person

SEGMENTER_SIDE = 256
NEAR, MIDDLE, FAR = 1.3, 1.9, 2.4
"""Sides of the squares that the segmenter looks at, each as it is and mirrored, sides of FFHQ's square. Near and middle
are averaged: in smaller ones it takes background for shoulders, in larger ones rims are coarser. In the far one it
rarely takes a whole background for a person, as it does now and then in the others: what is clearly background there
is background. None is larger than the photograph, unless the crop is: there would be little to see in it."""
FEATHER = 0.12
"""From a square's edge so far inwards its say grows to the full one, of its side."""
VETO = (0.4, 0.8)
"""Probabilities of the far square that count nothing, and fully; the largest within `VETO_REACH`."""
VETO_REACH = 0.03
"""Sides of the crop: rims of the far square are that wide."""
THRESHOLD = 0.6
"""Probability of a pixel that is half a person's: the segmenter errs in favour of persons."""
GAIN = 2.0
"""Of the logarithm of the odds, in the end: rims are narrower than the segmenter makes them."""
COLOR_BINS, COLOR_BLUR, COLOR_WEIGHT, COLOR_LIMIT = 16, 0.7, 0.5, 3.0
"""How colours are counted, bins for each channel, and blurred, in bins; what the logarithm of how much more frequent a
colour is in the person than around it adds to that of the odds; and its largest value."""
SMALL_SIDE = 128
"""Of the picture on which masks are made before they get the picture's edges, pixels; a quarter of large pictures."""
RADIUS, EPSILON = 0.025, 1e-4
"""Of the guided filter: in sides of the picture, and in squared units of a channel's range."""
CLEAR, SOLID = 0.2, 0.8
"""What the filter gives below and above these is plain background and plain person."""
FACE = 0.15
"""Radius of a disk in the middle of FFHQ's square that lies in the face, sides of that square."""


@runtime_checkable
class Matting(Protocol):
    """Tells person and background apart."""

    def alpha(
        self, pixels: UInt8[np.ndarray, "H W 3"], crop: Crop, resolution: int, focal: float = FFHQ_FOCAL
    ) -> Float32[np.ndarray, "R R"]:
        """How much of each pixel of a crop shows the person whose head is in its middle.

        Args:
            pixels: the photograph.
            crop: where the head is.
            resolution: side of the mask, pixels.
            focal: of the crop's label, sides of the crop: how large the head is in it.

        Returns:
            0 to 1; 0 outside of the photograph, and 0 everywhere if no person is found.
        """
        ...


class SelfieMatting(Matting):
    """MediaPipe's selfie segmentation, its rim refined.

    Where a photograph ends, its last pixels are repeated for the segmenter: bodies go on, where they would end in a
    second head if they were reflected.
    """

    def __init__(self, segment: Callable[[UInt8[np.ndarray, "256 256 3"]], Float32[np.ndarray, "256 256"]]) -> None:
        """Takes the segmenter: pixels to probabilities that they show a person."""
        self._segment = segment

    def alpha(
        self, pixels: UInt8[np.ndarray, "H W 3"], crop: Crop, resolution: int, focal: float = FFHQ_FOCAL
    ) -> Float32[np.ndarray, "R R"]:
        size = min(resolution, max(SMALL_SIDE, resolution // 4))
        picture, inside = cut(pixels, crop, resolution, beyond="edge")
        head_side = focal / FFHQ_FOCAL  # FFHQ's square, sides of the crop
        probability = self._probability(pixels, crop, head_side, size)
        probability = _by_colors(probability, picture, inside)
        filtered = guided_filter(picture, probability, max(round(RADIUS * size), 1), EPSILON)
        alpha = ((filtered - CLEAR) / (SOLID - CLEAR)).clip(0, 1)
        return one_person(alpha * inside, FACE * head_side)

    def _probability(
        self, pixels: UInt8[np.ndarray, "H W 3"], crop: Crop, head_side: float, size: int
    ) -> Float32[np.ndarray, "S S"]:
        """That a pixel shows a person, by all squares together."""
        largest = max(*pixels.shape[:2], crop.side) / crop.side
        sides = [min(times * head_side, largest) for times in (NEAR, MIDDLE, FAR)]
        near, near_say = self._seen(pixels, crop, sides[0], size)
        middle, middle_say = self._seen(pixels, crop, max(sides[1], 1.0), size)
        far, _ = self._seen(pixels, crop, max(sides[2], 1.0), size)
        mean = (near_say * near + middle_say * middle) / (near_say + middle_say)
        low, high = VETO
        around = maximum_filter(far, 2 * round(VETO_REACH * size) + 1)
        return mean * ((around - low) / (high - low)).clip(0, 1)

    def _seen(
        self, pixels: UInt8[np.ndarray, "H W 3"], crop: Crop, side: float, size: int
    ) -> tuple[Float32[np.ndarray, "S S"], Float32[np.ndarray, "S S"]]:
        """Probabilities that the segmenter gives in a square around a crop's centre, and how much they count."""
        picture, _ = cut(pixels, crop.widened(side), SEGMENTER_SIDE, beyond="edge")
        mirrored = self._segment(np.ascontiguousarray(picture[:, ::-1]))[:, ::-1]
        say = _say(side, size)
        return read_square((self._segment(picture) + mirrored) / 2, side, size), say[:, None] * say


def read_square(values: Float32[np.ndarray, "N N"], side: float, size: int) -> Float32[np.ndarray, "S S"]:
    """What a network saw in a square, at the pixels of a crop with the same centre, by linear interpolation.

    Args:
        values: the square's, at least 2 x 2.
        side: of the square, sides of the crop; beyond it are the values at its edge.
        size: pixels along the crop.
    """
    wanted = ((_places(side, size) + 0.5) * len(values) - 0.5).clip(0, len(values) - 1)
    first = np.minimum(wanted.astype(int), len(values) - 2)
    share = (wanted - first).astype(np.float32)
    rows = values[first] * (1 - share[:, None]) + values[first + 1] * share[:, None]
    return rows[:, first] * (1 - share) + rows[:, first + 1] * share


def _say(side: float, size: int) -> Float32[np.ndarray, " S"]:
    """How much a square counts along a crop: nearly nothing outside of it."""
    return ((0.5 - np.abs(_places(side, size))) / FEATHER).clip(1e-3, 1).astype(np.float32)


def _places(side: float, size: int) -> Float[np.ndarray, " S"]:
    """Centres of a crop's pixels along one of its sides, from the common centre, sides of the square."""
    return ((np.arange(size) + 0.5) / size - 0.5) / side


def _by_colors(
    probability: Float32[np.ndarray, "S S"], picture: UInt8[np.ndarray, "R R 3"], inside: Bool[np.ndarray, "R R"]
) -> Float32[np.ndarray, "S S"]:
    """Steeper probabilities, 1/2 at `THRESHOLD`, moved to where each pixel's colour is found more often.

    Source of the idea: Rother, Kolmogorov and Blake 2004, "GrabCut", here without its graph.
    """
    size = (len(probability), len(probability))
    small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
    known = np.asarray(Image.fromarray(inside.astype(np.uint8)).resize(size, Image.Resampling.NEAREST))
    limited = probability.clip(0.02, 0.98)
    logits = np.log(limited / (1 - limited)) - np.float32(np.log(THRESHOLD / (1 - THRESHOLD)))
    sureness = np.tanh(logits / 2) * known  # -1 background, 1 person
    bins = small.astype(np.int64) * COLOR_BINS // 256
    index = (bins[..., 0] * COLOR_BINS + bins[..., 1]) * COLOR_BINS + bins[..., 2]
    person, background = (_color_shares(index, part.clip(0) ** 2) for part in (sureness, -sureness))
    ratio = np.log(person / background).clip(-COLOR_LIMIT, COLOR_LIMIT).astype(np.float32)
    logits += COLOR_WEIGHT * gaussian_filter(ratio[index], 0.75)
    return 1 / (1 + np.exp(-GAIN * logits))


def _color_shares(index: Int[np.ndarray, "S S"], weights: Float32[np.ndarray, "S S"]) -> Float[np.ndarray, " B"]:
    """How frequent each colour is, by weighted pixels, none less than 1e-4."""
    counts = np.bincount(index.ravel(), weights.ravel(), COLOR_BINS**3)
    blurred = gaussian_filter(counts.reshape((COLOR_BINS,) * 3), COLOR_BLUR, mode="nearest")
    return blurred.ravel() / (blurred.sum() + 1) + 1e-4
