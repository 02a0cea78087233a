"""An encoder as it is used: pictures of a person in, the head out at which a fit begins."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from gghead.checkpoint.tensors import TensorFile, content_hash
from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_head import FFHQ_FOCAL
from gghead.inversion.encoder.network import EncoderNetwork, HeadEstimate
from gghead.inversion.person import generator_hash
from gghead.inversion.targets import Targets
from gghead.model.generator import Generator


@dataclass(frozen=True, eq=False)
class Encoder:
    """A trained encoder of one generator; means nothing to another.

    Attributes:
        network: frozen.
        model: name of the generator's file.
        model_hash: of the generator, see `generator_hash`.
    """

    network: EncoderNetwork
    model: str
    model_hash: str

    def __repr__(self) -> str:
        """Which model it is of; never the numbers."""
        return f"Encoder(of {self.model}, for pictures of {self.network.config.side} pixels)"

    def content_hash(self) -> str:
        """SHA-256 of the weights."""
        return content_hash(TensorFile(self.network.state_dict(), {}))

    @torch.no_grad()
    def encode(self, targets: Targets) -> HeadEstimate:
        """The head of a person, batch [1]: the mean of what the pictures say.

        Args:
            targets: pictures of one person, of any side, on the network's device.
        """
        # It has learned from FFHQ's crops, which are the middle of wide ones.
        squares = [scaled_pixels(targets.ffhq_square(index), self.network.config.side) for index in range(len(targets))]
        cameras = targets.cameras
        Ks = cameras.Ks.clone()
        for axis in (0, 1):
            Ks[:, axis, axis].clamp_min_(FFHQ_FOCAL * cameras.width)
        labels = Cameras(cameras.viewmats, Ks, cameras.width, cameras.height).labels()
        found = self.network(torch.cat(squares), labels)
        return HeadEstimate(*(part.mean(0, keepdim=True) for part in (found.shared, found.layers, found.residual)))


def require_encoder(encoder: Encoder, generator: Generator, name: str = "this encoder") -> None:
    """Fails unless an encoder was trained for this generator.

    Raises:
        ValueError: another one; says which is expected.
    """
    found = generator_hash(generator)
    if found != encoder.model_hash:
        raise ValueError(
            f"{name} was trained for another model, {encoder.model} (SHA-256 {encoder.model_hash[:12]}, this one has "
            f"{found[:12]}); expected one of the same: train it with `gghead train-encoder MODEL`, or move it away"
        )


def scaled_pixels(pixels: Float[Tensor, "B R R 4"], side: int) -> Float[Tensor, "B S S 4"]:
    """Pictures of another side."""
    if pixels.shape[1] == side:
        return pixels
    planes = pixels.permute(0, 3, 1, 2)
    return functional.interpolate(planes, (side, side), mode="bilinear", antialias=True).permute(0, 2, 3, 1)
