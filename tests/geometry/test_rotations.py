"""Rotations against scipy, which knows nothing of ours."""

import numpy as np
import torch
from hypothesis import given, strategies as st
from scipy.spatial.transform import Rotation

from gghead.geometry.rotations import matrices_from_quats, principal_axes, quats_from_axis_angles, quats_from_matrices
from tolerances import PRINCIPAL_AXES

angles = st.lists(st.floats(-7, 7), min_size=3, max_size=3)


@given(vector=angles)
def test_axis_angles_become_the_same_rotation_as_in_scipy(vector: list[float]) -> None:
    quats = quats_from_axis_angles(torch.tensor([vector], dtype=torch.float64))
    expected = Rotation.from_rotvec(vector).as_matrix()
    np.testing.assert_allclose(matrices_from_quats(quats)[0].numpy(), expected, atol=1e-12)


def test_gradient_is_finite_at_no_rotation() -> None:
    vector = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    quats_from_axis_angles(vector).sum().backward()
    torch.testing.assert_close(vector.grad, torch.full((1, 3), 0.5, dtype=torch.float64))


def test_quaternions_need_no_unit_length() -> None:
    quats = torch.tensor([[0.3, -0.2, 0.5, 0.1]])
    torch.testing.assert_close(matrices_from_quats(quats), matrices_from_quats(5 * quats))


@given(vector=angles)
def test_matrices_become_quaternions_of_the_same_rotation(vector: list[float]) -> None:
    matrix = torch.from_numpy(Rotation.from_rotvec(vector).as_matrix())
    torch.testing.assert_close(matrices_from_quats(quats_from_matrices(matrix)), matrix)


@given(vector=angles, exponents=st.lists(st.floats(-12, 4), min_size=3, max_size=3), alike=st.integers(0, 3))
def test_principal_axes_make_up_the_matrix(vector: list[float], exponents: list[float], alike: int) -> None:
    """Thin, flat and round ones: the first `alike` eigenvalues are one; numpy tells the others."""
    variances = 10.0 ** np.array(exponents)
    variances[:alike] = variances[0]
    axes = Rotation.from_rotvec(vector).as_matrix()
    matrix = torch.from_numpy(axes * variances @ axes.T).float()
    values, quats = principal_axes(matrix[None])
    turn = matrices_from_quats(quats)[0]
    size = float(variances.max())
    torch.testing.assert_close(turn @ turn.mT, torch.eye(3), rtol=0.0, atol=PRINCIPAL_AXES)
    torch.testing.assert_close(turn * values @ turn.mT / size, matrix / size, rtol=0.0, atol=PRINCIPAL_AXES)
    np.testing.assert_allclose(np.sort(values[0].numpy()) / size, np.sort(variances) / size, atol=PRINCIPAL_AXES)


def test_a_matrix_of_zeros_has_axes() -> None:
    values, quats = principal_axes(torch.zeros(2, 3, 3))
    assert torch.equal(values, torch.zeros(2, 3))
    assert torch.equal(quats, torch.tensor([[1.0, 0, 0, 0]] * 2))
