"""What a run is: the model, its training, presets and a strict JSON codec. Standard library only."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.config.codec import from_json as from_json, to_json as to_json
    from gghead.config.model import (
        DiscriminatorConfig as DiscriminatorConfig,
        GeneratorConfig as GeneratorConfig,
        ModelConfig as ModelConfig,
    )
    from gghead.config.presets import (
        PRESETS as PRESETS,
        from_preset as from_preset,
        with_batch_size as with_batch_size,
        with_recipe as with_recipe,
        with_settings as with_settings,
    )
    from gghead.config.training import RunConfig as RunConfig, TrainingConfig as TrainingConfig
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
