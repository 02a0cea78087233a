"""The backward pass of the release's rasterizer, which took scales of other Gaussians: emulated on any backend.

There the scales of a head, [N, 3], are a transposed view of the sampled maps. The forward pass makes them contiguous,
the backward pass reads the memory as it lies, so that Gaussian i is given three numbers t of the [3, N] layout instead
of its own s. Only the step from the covariance R diag(s^2) R^T to scale and rotation uses them.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from gghead.gaussians.scene import Gaussians


def with_official_backward(heads: Gaussians) -> Gaussians:
    """The same heads; gradients of their scales and rotations become those of the release's rasterizer."""
    quats, scales = _OfficialBackward.apply(heads.quats, heads.scales)
    return Gaussians(heads.means, quats, scales, heads.opacities, heads.sh)


class _OfficialBackward(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, quats: Float[Tensor, "B N 4"], scales: Float[Tensor, "B N 3"]
    ) -> tuple[Float[Tensor, "B N 4"], Float[Tensor, "B N 3"]]:
        ctx.save_for_backward(quats, scales)
        return quats.view_as(quats), scales.view_as(scales)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: FunctionCtx, by_quats: Float[Tensor, "B N 4"], by_scales: Float[Tensor, "B N 3"]
    ) -> tuple[Float[Tensor, "B N 4"], Float[Tensor, "B N 3"]]:
        quats, scales = (tensor.double() for tensor in ctx.saved_tensors)
        taken = scales.mT.reshape(scales.shape)  # t
        # With H = R^T (dL/dSigma) R: dL/ds_i = 2 s_i H_ii, and turning by an angle about the k-th axis of the Gaussian
        # changes L by 2 H_ij (s_i^2 - s_j^2), i and j being the other two axes. So each changes by a factor.
        turned = scales.square().roll(-1, -1) - scales.square().roll(1, -1)  # [B, N, 3]
        turned_taken = taken.square().roll(-1, -1) - taken.square().roll(1, -1)
        tangents = _tangents(quats)  # [B, N, 3, 4]
        angles = (tangents @ by_quats.double()[..., None]).squeeze(-1) * turned_taken / turned
        by_quats = (angles[..., None, :] @ tangents).squeeze(-2).to(by_quats.dtype)
        return by_quats, (by_scales.double() * taken / scales).to(by_scales.dtype)


def _tangents(quats: Float[Tensor, "B N 4"]) -> Float[Tensor, "B N 3 4"]:
    """How a unit quaternion (w, x, y, z) moves when it is turned about the axes of what it turns, of length 1."""
    w, x, y, z = quats.unbind(-1)
    rows = [torch.stack(row, dim=-1) for row in ((-x, w, z, -y), (-y, -z, w, x), (-z, y, -x, w))]
    return torch.stack(rows, dim=-2)
