"""The scene type that every part of the project exchanges."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from gghead.geometry.batches import Batched
from gghead.geometry.spherical_harmonics import degree_of


@dataclass(frozen=True, eq=False)
class Gaussians(Batched):
    """A batch of scenes of N Gaussians each; always activated values, never raw network output.

    Attributes:
        means: centres, world units.
        quats: rotations (w, x, y, z), unit length.
        scales: standard deviations along the rotated axes, world units, > 0.
        opacities: 0 to 1.
        sh: spherical-harmonic coefficients of the colour; display rgb in a direction = max(0, sh . basis + 0.5).

    Raises:
        ValueError: shapes, types or devices that do not fit together.

    Example:
        >>> import gghead
        >>> heads = gghead.load().sample(seeds=[0, 1])
        >>> heads.batch_shape, heads[0].batch_shape
        (torch.Size([2]), torch.Size([]))
    """

    ONE: ClassVar[str] = "a single scene (num_gaussians counts its Gaussians)"

    means: Float[Tensor, "*B N 3"]
    quats: Float[Tensor, "*B N 4"]
    scales: Float[Tensor, "*B N 3"]
    opacities: Float[Tensor, "*B N"]
    sh: Float[Tensor, "*B N K 3"]

    @property
    def num_gaussians(self) -> int:
        """N, the number of Gaussians of each scene."""
        return self.means.shape[-2]

    @property
    def sh_degree(self) -> int:
        """Degree of the colour's spherical harmonics."""
        return degree_of(self.sh.shape[-2])

    def __repr__(self) -> str:
        """Batch, number of Gaussians, degree, type and device; never the numbers."""
        return (
            f"Gaussians(batch {list(self.batch_shape)}, {self.num_gaussians:,} each, "
            f"{self.sh.shape[-2]} SH coefficients, "
            f"{str(self.means.dtype).removeprefix('torch.')} on {self.means.device})"
        )
