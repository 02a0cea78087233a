"""Which intrinsics can be those of a camera that took a square picture, and what is wrong with the others."""

import numpy as np
from jaxtyping import Float

SHORTEST_FOCAL, LARGEST_FOCAL = 0.2, 50.0
"""Of normalised intrinsics: lenses that see 136 and 1.1 degrees. FFHQ has 4.26; larger numbers are pixels."""
LARGEST_STRETCH = 1.5
"""Ratio of the two focal lengths: those of lenses differ by 2 %, of pictures of 4 x 3 squeezed into squares by 1.33."""
LARGEST_SKEW = 1e-3
"""Units of the side: half a pixel of 512. The renderer knows none."""
FARTHEST_OFF_AXIS = 1.75
"""Tangent of the angle between the optical axis and the middle of the picture: a crop at 60 degrees."""
TOLERANCE = 1e-3


def intrinsics_faults(intrinsics: Float[np.ndarray, "M 3 3"]) -> dict[int, str]:
    """Rows that are no pinhole camera's in units of the picture's side, and what they have instead.

    The principal point may lie outside of the picture: crops of wide photographs have such.
    """
    facts: dict[bytes, str | None] = {}  # most sets have one lens
    faults = {}
    for row, matrix in enumerate(intrinsics):
        key = matrix.tobytes()
        if key not in facts:
            facts[key] = _fault(matrix)
        if facts[key] is not None:
            faults[row] = facts[key]
    return faults


def _fault(matrix: Float[np.ndarray, "3 3"]) -> str | None:
    (fx, skew, cx), (shear, fy, cy), last = matrix.tolist()
    if min(fx, fy) <= 0 or max(abs(last[0]), abs(last[1]), abs(last[2] - 1)) > TOLERANCE:
        return "intrinsics without positive focal lengths and last row 0 0 1"
    if max(fx, fy) > LARGEST_FOCAL:
        return f"a focal length of {max(fx, fy):.4g}, in pixels it seems; expected units of the side"
    if min(fx, fy) < SHORTEST_FOCAL:
        return f"a focal length of {min(fx, fy):.4g} sides of the picture; expected {SHORTEST_FOCAL} or more"
    if max(fx, fy) > LARGEST_STRETCH * min(fx, fy):
        return f"focal lengths of {fx:.4g} and {fy:.4g}; expected nearly the same, as square pixels have"
    if max(abs(skew), abs(shear)) > LARGEST_SKEW:
        return f"intrinsics with skew ({skew:.4g}, {shear:.4g}); expected 0"
    if max(abs(cx - 0.5) / fx, abs(cy - 0.5) / fy) > FARTHEST_OFF_AXIS:
        return f"a principal point at {cx:.4g}, {cy:.4g}; expected units of the side, 0.5 in the middle"
    return None
