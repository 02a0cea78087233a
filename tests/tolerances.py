"""The one table of tolerances. Every comparison of numbers in the tests takes its bound from here."""

from typing import NamedTuple


class Tolerance(NamedTuple):
    """Bounds for torch.testing.assert_close."""

    rtol: float
    atol: float


EXACT_FLOAT32 = Tolerance(rtol=1e-5, atol=1e-6)
"""Two orders of the same float32 arithmetic."""
EXACT_FLOAT64 = Tolerance(rtol=1e-10, atol=1e-12)
"""Two orders of the same float64 arithmetic."""
