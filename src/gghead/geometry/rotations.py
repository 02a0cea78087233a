"""Rotations as axis-angle vectors, quaternions (w, x, y, z) and matrices."""

import torch
from jaxtyping import Float
from torch import Tensor


def quats_from_axis_angles(vectors: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 4"]:
    """Unit quaternions (w, x, y, z) of axis-angle vectors in radians; smooth through the zero vector."""
    half = vectors / 2
    angle = half.square().sum(-1, keepdim=True).clamp_min(1e-24).sqrt()
    return torch.cat([angle.cos(), half * torch.sinc(angle / torch.pi)], dim=-1)


def matrices_from_quats(quats: Float[Tensor, "*B 4"]) -> Float[Tensor, "*B 3 3"]:
    """Rotation matrices of quaternions (w, x, y, z) of any length but zero."""
    # Squares of components far from 1 overflow or vanish; the rotation does not depend on the factor.
    largest = quats.detach().abs().amax(-1, keepdim=True)
    w, x, y, z = torch.nn.functional.normalize(quats / torch.where(largest > 0, largest, 1), dim=-1).unbind(-1)
    rows = [
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], dim=-1),
        torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], dim=-1),
        torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], dim=-1),
    ]
    return torch.stack(rows, dim=-2)


def quats_from_matrices(matrices: Float[Tensor, "*B 3 3"]) -> Float[Tensor, "*B 4"]:
    """Unit quaternions (w, x, y, z) of rotation matrices, by the largest of the four components, which is never small.

    Source: Shepperd 1978, "Quaternion from rotation matrix".
    """
    rows = matrices.unbind(-2)
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = (row.unbind(-1) for row in rows)
    candidates = torch.stack(
        [
            torch.stack([1 + xx + yy + zz, zy - yz, xz - zx, yx - xy], dim=-1),
            torch.stack([zy - yz, 1 + xx - yy - zz, xy + yx, xz + zx], dim=-1),
            torch.stack([xz - zx, xy + yx, 1 - xx + yy - zz, yz + zy], dim=-1),
            torch.stack([yx - xy, xz + zx, yz + zy, 1 - xx - yy + zz], dim=-1),
        ],
        dim=-2,
    )
    largest = candidates.diagonal(dim1=-2, dim2=-1).argmax(-1)
    chosen = torch.take_along_dim(candidates, largest[..., None, None], dim=-2)[..., 0, :]
    return torch.nn.functional.normalize(chosen, dim=-1)


def multiply_quats(first: Float[Tensor, "*B 4"], second: Float[Tensor, "*B 4"]) -> Float[Tensor, "*B 4"]:
    """Quaternions (w, x, y, z) of the second rotation followed by the first, as in a product of matrices."""
    a, u = first[..., :1], first[..., 1:]
    b, v = second[..., :1], second[..., 1:]
    real = a * b - (u * v).sum(-1, keepdim=True)
    return torch.cat([real, a * v + b * u + torch.cross(u, v, dim=-1)], dim=-1)


SWEEPS = 4
"""Of rotations about all three axes: after three, matrices are still off by 1e-5 of their norm, after four by
rounding."""


def principal_axes(matrices: Float[Tensor, "*B 3 3"]) -> tuple[Float[Tensor, "*B 3"], Float[Tensor, "*B 4"]]:
    """Eigenvalues of symmetric matrices in any order, and the rotations (w, x, y, z) whose columns are their axes.

    For many matrices: `torch.linalg.eigh` takes gigabytes of a GPU's memory for those of one head.

    Source: Jacobi's method, Golub and Van Loan, "Matrix Computations", section 8.5.
    """
    size = matrices.abs().amax(dim=(-2, -1)).clamp_min(torch.finfo(matrices.dtype).tiny)
    scaled = matrices / size[..., None, None]
    values = list(scaled.diagonal(dim1=-2, dim2=-1).unbind(-1))
    beside = [scaled[..., 1, 2], scaled[..., 0, 2], scaled[..., 0, 1]]
    quats = torch.cat([torch.ones_like(scaled[..., :1, 0]), torch.zeros_like(scaled[..., 0])], dim=-1)
    for axis in (0, 1, 2) * SWEEPS:
        i, j = (axis + 1) % 3, (axis + 2) % 3
        gap, off = values[j] - values[i], beside[axis]
        length = gap.abs() + (gap.square() + 4 * off.square()).sqrt()
        tangent = torch.where(gap < 0, -2.0, 2.0) * off / torch.where(length > 0, length, 1.0)
        cosine = (1 + tangent.square()).rsqrt()
        sine = tangent * cosine
        values[i], values[j] = values[i] - tangent * off, values[j] + tangent * off
        # Beside the diagonal, number k stands in the plane of the two other axes.
        beside[axis] = torch.zeros_like(off)
        beside[j], beside[i] = cosine * beside[j] - sine * beside[i], sine * beside[j] + cosine * beside[i]
        half = ((1 + cosine) / 2).sqrt()
        turn = [half, *(torch.zeros_like(half) for _ in range(3))]
        turn[1 + axis] = -sine / (2 * half)
        quats = multiply_quats(quats, torch.stack(turn, dim=-1))
    return torch.stack(values, dim=-1) * size[..., None], torch.nn.functional.normalize(quats, dim=-1)
