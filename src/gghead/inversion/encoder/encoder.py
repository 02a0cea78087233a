"""An encoder as it is used: pictures of a person in, the head out at which a fit begins."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.checkpoint.tensors import TensorFile, content_hash
from gghead.config.printable import printable
from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_head import FFHQ_FOCAL
from gghead.inversion.encoder.features import PictureFeatures, scaled_pixels
from gghead.inversion.encoder.regression import StyleMap
from gghead.inversion.person import generator_hash
from gghead.inversion.targets import Targets
from gghead.model.generator import Generator


@dataclass(frozen=True, eq=False)
class Encoder:
    """A trained encoder of one generator; means nothing to another.

    Attributes:
        features: of pictures, the same for all encoders.
        style_map: from these to the generator's style coordinates.
        model: name of the generator's file.
        model_hash: of the generator, see `generator_hash`.
    """

    features: PictureFeatures
    style_map: StyleMap
    model: str
    model_hash: str

    def __repr__(self) -> str:
        """Which model it is of; never the numbers."""
        return f"Encoder(of {self.model})"

    def content_hash(self) -> str:
        """SHA-256 of the weights."""
        return content_hash(TensorFile(self.style_map.state_dict(), {}))

    @torch.no_grad()
    def encode(self, targets: Targets) -> Float[Tensor, "1 W"]:
        """Style coordinates of a person, see `StyleSpace`: the mean of what the pictures say.

        Args:
            targets: pictures of one person, of any side, on the encoder's device.
        """
        # It has learned from FFHQ's crops, which are the middle of wide ones.
        squares = torch.cat([scaled_pixels(targets.ffhq_square(index)) for index in range(len(targets))])
        cameras = targets.cameras
        Ks = cameras.Ks.clone()
        for axis in (0, 1):
            Ks[:, axis, axis].clamp_min_(FFHQ_FOCAL * cameras.width)
        labels = Cameras(cameras.viewmats, Ks, cameras.width, cameras.height).labels()
        return self.style_map(self.features(squares, labels)).mean(dim=0, keepdim=True)


def require_encoder(encoder: Encoder, generator: Generator, name: str = "this encoder") -> None:
    """Fails unless an encoder was trained for this generator.

    Raises:
        ValueError: another one; says which is expected.
    """
    found = generator_hash(generator)
    if found != encoder.model_hash:
        raise ValueError(
            f"{name} was trained for another model, {printable(encoder.model)} (SHA-256 "
            f"{printable(encoder.model_hash[:12])}, this one has "
            f"{found[:12]}); expected one of the same: train it with `gghead train-encoder MODEL`, or move it away"
        )
