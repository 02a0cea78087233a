"""Wide filters on smaller pictures are the filters that they stand for."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from gghead.synthetic.hair.low_pass import low_pass
from tolerances import WIDE_FILTER


@pytest.mark.parametrize(("shape", "spread"), [((96, 64), 3.0), ((301, 250), 8.3), ((512, 512), 17.0)])
def test_a_wide_filter_is_the_gaussian_of_its_spread(shape: tuple[int, int], spread: float) -> None:
    image = np.random.default_rng(0).random(shape, dtype=np.float32)
    image[shape[0] // 3 :, : shape[1] // 2] += 2
    found, expected = low_pass(image, spread), gaussian_filter(image, spread)
    assert np.abs(found - expected).max() < WIDE_FILTER * np.ptp(expected)
