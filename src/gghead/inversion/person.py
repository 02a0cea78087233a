"""A person as a generator's head: what an inversion finds, and what stands in a person file."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.checkpoint.tensors import content_hash
from gghead.config.printable import printable
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.inference.residuals import Residuals, decode
from gghead.inversion.residual_maps import resized
from gghead.model.generator import Generator
from gghead.model.storage import generator_content
from gghead.stylegan.folding import folded_network


@dataclass(frozen=True, eq=False)
class Person:
    """A head that was fitted to pictures of a person; means nothing to another generator.

    Attributes:
        styles: of all layers.
        residual: what is added to the generator's UV maps.
        expressions: what single pictures have beside it, coarse; zeros of a single picture.
        gains: factors of the pictures' colours, geometric mean 1.
        labels: of the pictures' cameras, refined.
        pictures: their names.
        model: name of the generator's file.
        model_hash: of the generator, see `generator_hash`.
    """

    styles: Float[Tensor, "L W"]
    residual: Float[Tensor, "C R R"]
    expressions: Float[Tensor, "P C s s"]
    gains: Float[Tensor, "P 3"]
    labels: Float[Tensor, "P 25"]
    pictures: tuple[str, ...]
    model: str
    model_hash: str

    def __repr__(self) -> str:
        """How many pictures of which model; never the numbers."""
        return f"Person(fitted to {len(self.pictures)} pictures, of {self.model})"

    def to(self, device: torch.device | str) -> "Person":
        """The same on a device."""
        return replace(
            self,
            styles=self.styles.to(device),
            residual=self.residual.to(device),
            expressions=self.expressions.to(device),
            gains=self.gains.to(device),
            labels=self.labels.to(device),
        )

    def cameras(self, resolution: int) -> Cameras:
        """The pictures' cameras, batch [P].

        Args:
            resolution: side of the pictures, pixels.
        """
        return Cameras.from_labels(self.labels, resolution)

    @torch.no_grad()
    def decode(self, generator: Generator, picture: int | None = None) -> Gaussians:
        """The head, batch [1].

        Args:
            generator: that it was fitted with; the head is on its device.
            picture: number of the picture whose expression it has; None for what all have in common.

        Raises:
            ValueError: another generator.
        """
        require_model(self, generator)
        person = self.to(generator.device)
        residual = person.residual
        if picture is not None:
            residual = residual + resized(person.expressions[picture], residual.shape[-1])
        return decode(generator, person.styles[None], Residuals(residual[None], residual.new_ones(1, 1)))


def generator_hash(generator: Generator) -> str:
    """SHA-256 of a generator's weights and configuration, whether its file had 16 or 32 bits."""
    return folded_network(generator, "hash", lambda: content_hash(generator_content(generator)))


def require_model(person: Person, generator: Generator, name: str = "this person") -> None:
    """Fails unless a person was fitted with this generator.

    Raises:
        ValueError: another one; says which is expected.
    """
    found = generator_hash(generator)
    if found != person.model_hash:
        raise ValueError(
            f"{name} was fitted with another model, {printable(person.model)} (SHA-256 "
            f"{printable(person.model_hash[:12])}, this one has "
            f"{found[:12]}); expected the same: name that one as MODEL, or invert the photographs again with this one"
        )
