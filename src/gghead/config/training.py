"""Hyperparameters of a training run, and the run as a whole. Defaults are the official stage 1 (SIGGRAPH Asia 2024)."""

from dataclasses import dataclass
from typing import Literal

from gghead.config.model import ModelConfig
from gghead.config.numbers import require_finite, require_whole

Adversarial = Literal["logistic", "hinge"]
"""Goodfellow et al. 2014, section 3; Lim and Ye 2017, "Geometric GAN"."""
MAX_NUMBER = 10**12
"""No number of pictures or steps, and no rate or weight, is larger."""
MAX_BATCH = 2**20
"""No machine takes more pictures at once."""


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. "Images" counts real pictures shown to the discriminator; kimg are thousands of them."""

    total_images: int = 6_400_000
    """Length of the run."""
    batch_size: int = 32
    """Pictures of a step."""
    generator_lr: float = 2.5e-3
    """Learning rate of Adam for the generator."""
    discriminator_lr: float = 2e-3
    """Learning rate of Adam for the discriminator before the correction for lazy regularisation."""
    adversarial: Adversarial = "logistic"
    """Loss of the discriminator and of the generator on its pictures."""
    r1_gamma: float = 1.0
    """Weight of the R1 penalty on real pictures (its half multiplies the squared gradient norm)."""
    r1_every: int = 16
    """Steps between two R1 penalties; each is multiplied by this number."""
    ema_half_life: int = 10_000
    """Half-life of the weights of the EMA generator, images."""
    ema_rampup: float = 0.05
    """The half-life is at most this share of the images so far; 0 for no ramp-up."""
    blur_sigma: float = 10.0
    """Standard deviation of the blur of the discriminator's pictures at the start, pixels."""
    blur_fade_images: int = 200_000
    """Images over which the blur fades to nothing; 0 for none."""
    swap_fade_images: int = 1_000_000
    """Images over which the probability of a swapped conditioning camera falls from 1 to `swap_probability`."""
    swap_probability: float = 0.5
    """Probability at the end that the conditioning camera is another than the rendered one."""
    growth_fade_images: int = 1_000_000
    """Images over which the blocks that a discriminator was grown by are faded in; 0 for at once."""
    position_weight: float = 0.1
    """Factor of the mean norm of the raw positions."""
    saturation_weight: float = 0.0
    """Factor of the mean squared excess of raw positions, scales and opacities, beyond which their activations are
    nearly flat: no picture brings back what is there; 0 for none."""
    scale_weight: float = 0.05
    """Factor of the mean norm of the raw scales; without it training collapses."""
    beta_weight: float = 0.0
    """Factor of the beta loss on opacities (1 from stage 2 on)."""
    uv_variation_weight: float = 0.0
    """Factor of the total variation of rendered UV coordinates (100 from stage 2 on)."""
    mirrored: bool = False
    """Whether pictures are mirrored at random, with their cameras."""
    views: int = 1
    """Pictures of each generated head, from as many cameras; a step draws batch_size / views heads."""
    random_background: bool = False
    """Whether each picture, real and generated, has a field of random colours behind it; the data need masks."""
    wrong_label_weight: float = 0.0
    """Weight of real pictures with cameras of others, shown to the discriminator as if generated; 0 for none."""
    augmentation: float = 0.0
    """Probability that a picture, real or generated, is changed at random before the discriminator sees it: a part of
    it, other colours, a grey square. For small datasets; 0 for none."""
    background: float = 1.0
    """Grey value behind the heads, 0 black to 1 white."""
    snapshot_every: int = 200_000
    """Images between two sample grids and checkpoints."""
    log_every: int = 4_000
    """Images between two lines of the log: the official tick."""
    metrics_every: int = 200_000
    """Images between two evaluations of the EMA generator; 0 for none."""
    metrics_images: int = 10_000
    """Generated pictures of a measurement."""
    metrics_detector: str = "inception"
    """Detector that measures: inception, efficientnet-lite0, or the path of a TorchScript file."""
    kept_checkpoints: int = 2
    """Newest checkpoints that stay; besides them the best by the metrics. All snapshots stay."""
    milestone_every: int = 10
    """Snapshots between two checkpoints that stay for good; 0 for none."""
    seed: int = 0
    """All randomness of the run follows from it."""
    precision: Literal["mixed", "full"] = "mixed"
    """On GPUs, mixed computes the four highest-resolution blocks of both networks in bfloat16 and other matrix products
    in TF32; full computes everything in float32, as the CPU always does."""

    def __post_init__(self) -> None:
        counts = {"total_images", "batch_size", "r1_every", "snapshot_every", "log_every", "kept_checkpoints", "views"}
        shares = {"swap_probability", "background", "ema_rampup", "augmentation"}
        for name, value in vars(self).items():
            if name != "seed" and not isinstance(value, bool | str):
                require_finite(name, value, 1 if name in counts else 0, 1 if name in shares else MAX_NUMBER)
        require_whole("seed", self.seed, 0, 2**63 - 1)
        require_finite("batch_size", self.batch_size, 1, MAX_BATCH)
        require_finite("metrics_images", self.metrics_images, 2, 10**7)
        if self.batch_size % self.views:
            raise ValueError(
                f"views is {self.views} and batch_size {self.batch_size}; expected a multiple of views as batch size"
            )
        if self.snapshot_every % self.batch_size:
            raise ValueError(
                f"snapshot_every is {self.snapshot_every} and batch_size {self.batch_size}; a snapshot falls between "
                "two steps, so expected a multiple of the batch size"
            )


@dataclass(frozen=True)
class RunConfig:
    """A run: written once beside its results and never changed."""

    preset: str
    """Name of the preset it started from."""
    data: str
    """Path of the archive of pictures, as given."""
    template: str | None = None
    """Path of the OBJ of the head template as given, or of a model whose template it has; None for the built-in one."""
    init_from: str | None = None
    """Path of the checkpoint whose weights it started from, or None for fresh weights."""
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
