"""Which discriminator a run has."""

from gghead.config.model import DiscriminatorConfig
from gghead.metrics.efficientnet import LITE1, load_efficientnet
from gghead.model.discriminator import Discriminator
from gghead.training.discriminators.feature_discriminator import FeatureDiscriminator

AnyDiscriminator = Discriminator | FeatureDiscriminator


def require_weights(config: DiscriminatorConfig) -> None:
    """Finds out before a run is made whether its discriminator can be.

    Raises:
        FileNotFoundError, ValueError: the network that it looks through is not installed, or not the published one.
    """
    if config.looks_at == "features":
        load_efficientnet(LITE1)


def new_discriminator(config: DiscriminatorConfig, seed: int | None) -> AnyDiscriminator:
    """The discriminator that a configuration asks for; its weights follow from the seed, None leaves them unset.

    Raises:
        FileNotFoundError, ValueError: the network that it looks through is not installed, or not the published one.
    """
    return FeatureDiscriminator(config, seed) if config.looks_at == "features" else Discriminator(config, seed)
