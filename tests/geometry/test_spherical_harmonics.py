"""The basis against scipy's complex spherical harmonics."""

import numpy as np
import pytest
import torch
from scipy.special import sph_harm_y

from gghead.geometry.spherical_harmonics import basis, degree_of


def real_harmonic(degree: int, order: int, polar: np.ndarray, azimuth: np.ndarray) -> np.ndarray:
    """Real form with the Condon-Shortley phase kept, as 3D Gaussian Splatting has it."""
    value = sph_harm_y(degree, abs(order), polar, azimuth)
    if order == 0:
        return value.real
    return np.sqrt(2) * (value.imag if order < 0 else value.real)


def test_basis_is_that_of_scipy() -> None:
    directions = np.random.default_rng(0).normal(size=(50, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    polar, azimuth = np.arccos(directions[:, 2]), np.arctan2(directions[:, 1], directions[:, 0])
    expected = [real_harmonic(band, order, polar, azimuth) for band in range(4) for order in range(-band, band + 1)]
    values = basis(torch.from_numpy(directions), degree=3)
    np.testing.assert_allclose(values.numpy(), np.stack(expected, axis=1), atol=1e-12)


def test_degree_of_refuses_what_is_no_degree() -> None:
    assert [degree_of(n) for n in (1, 4, 9, 16)] == [0, 1, 2, 3]
    for count in (0, 2, 3, 15, 25):
        with pytest.raises(ValueError, match="expected 1, 4, 9 or 16"):
            degree_of(count)
