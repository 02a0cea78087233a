"""The scene type that every part of the project exchanges."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.geometry.batches import batch_index
from gghead.geometry.devices import require_device
from gghead.geometry.spherical_harmonics import degree_of


@dataclass(frozen=True, eq=False)
class Gaussians:
    """A batch of scenes of N Gaussians each; always activated values, never raw network output.

    Attributes:
        means: centres, world units.
        quats: rotations (w, x, y, z), unit length.
        scales: standard deviations along the rotated axes, world units, > 0.
        opacities: 0 to 1.
        sh: spherical-harmonic coefficients of the colour; display rgb in a direction = max(0, sh . basis + 0.5).
    """

    means: Float[Tensor, "*B N 3"]
    quats: Float[Tensor, "*B N 4"]
    scales: Float[Tensor, "*B N 3"]
    opacities: Float[Tensor, "*B N"]
    sh: Float[Tensor, "*B N K 3"]

    @property
    def batch_shape(self) -> torch.Size:
        """Shape of the batch, the stars in *B."""
        return self.means.shape[:-2]

    @property
    def num_gaussians(self) -> int:
        """N, the number of Gaussians of each scene."""
        return self.means.shape[-2]

    @property
    def sh_degree(self) -> int:
        """Degree of the colour's spherical harmonics."""
        return degree_of(self.sh.shape[-2])

    def map(self, function: Callable[[Tensor], Tensor]) -> "Gaussians":
        """Applies a function to every tensor."""
        return Gaussians(**{field.name: function(getattr(self, field.name)) for field in fields(self)})

    def to(self, target: torch.device | torch.dtype | str) -> "Gaussians":
        """The same scenes on another device, or in another precision; raises ValueError if there is no such device."""
        if not isinstance(target, torch.dtype):
            require_device(target)
        return self.map(lambda tensor: tensor.to(target))

    def detach(self) -> "Gaussians":
        """The same values outside of the autograd graph."""
        return self.map(Tensor.detach)

    def __getitem__(self, index: object) -> "Gaussians":
        """Indexes the batch; raises IndexError on a single scene, whose tensors have no batch axis."""
        if not self.batch_shape:
            raise IndexError("these Gaussians are a single scene; there is no batch axis to index")
        at = batch_index(index, self.means, self.batch_shape, "these Gaussians")
        return self.map(lambda tensor: tensor[at])

    def __len__(self) -> int:
        """Length of the batch's first axis."""
        if not self.batch_shape:
            raise TypeError("these Gaussians are a single scene; num_gaussians counts its Gaussians")
        return len(self.means)

    def __iter__(self) -> "Iterator[Gaussians]":
        """The scenes along the batch's first axis."""
        return (self[place] for place in range(len(self)))

    def __repr__(self) -> str:
        """Batch, number of Gaussians, degree, type and device; never the numbers."""
        batch, count, coefficients = list(self.means.shape[:-2]), self.means.shape[-2:-1].numel(), self.sh.shape[-2:-1]
        return (
            f"Gaussians(batch {batch}, {count:,} each, {coefficients.numel()} SH coefficients, "
            f"{str(self.means.dtype).removeprefix('torch.')} on {self.means.device})"
        )
