"""The discriminator: a picture and the label of its camera -> a logit."""

from jaxtyping import Float
from torch import Tensor, nn

from gghead.config.model import LABEL_SIZE, DiscriminatorConfig
from gghead.stylegan.discriminator import DiscriminatorNetwork
from gghead.stylegan.layers import initialize


class Discriminator(nn.Module):
    """Tells real pictures of heads from generated ones.

    Args:
        config: sizes.
        seed: the initial weights follow from it alone; None leaves them unset for a loader to fill.

    Source: Karras et al. 2020 (StyleGAN2); Kirschstein et al. 2024, "GGHead", section 3.
    """

    def __init__(self, config: DiscriminatorConfig, seed: int | None) -> None:
        super().__init__()
        self.config = config
        self.critic = DiscriminatorNetwork(
            config.resolution,
            3,
            LABEL_SIZE,
            config.channel_base,
            config.channel_max,
            config.mapping_layers,
            config.group_size,
            config.grown_from,
        )
        if seed is not None:
            initialize(self, seed)

    def forward(self, pictures: Float[Tensor, "B 3 R R"], labels: Float[Tensor, "B 25"]) -> Float[Tensor, " B"]:
        """Evaluates pictures, colours in [-1, 1] of the configured resolution; high logits mean real.

        Raises:
            ValueError: pictures of another size, or a batch that does not split into groups.
        """
        expected = (3, self.config.resolution, self.config.resolution)
        if pictures.shape[1:] != expected:
            raise ValueError(f"pictures of shape {tuple(pictures.shape[1:])}; this discriminator takes {expected}")
        return self.critic(pictures, labels)

    def fade_in(self, share: float) -> None:
        """Sets how much the newest blocks of a discriminator that was grown count: 0 not at all, 1 fully."""
        if self.config.grown_from:
            self.critic.fade.fill_(share)
