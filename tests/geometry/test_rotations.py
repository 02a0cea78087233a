"""Rotations against scipy, which knows nothing of ours."""

import numpy as np
import torch
from hypothesis import given, strategies as st
from scipy.spatial.transform import Rotation

from gghead.geometry.rotations import matrices_from_quats, quats_from_axis_angles, quats_from_matrices

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
