"""The head that a choice means: styles, Gaussians, and what is known of where they sit on the template."""

import time
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.inference.directions import Directions
from gghead.inference.mixing import Band, blend, mix_styles
from gghead.inference.residuals import Residuals, decode
from gghead.inference.smoothing_filter import close_gaps
from gghead.inversion.person import Person
from gghead.model.generator import Generator
from gghead.viewer.drawing.template_mesh import TemplateMesh
from gghead.viewer.state import HeadChoice, Viewpoint
from gghead.viewer.viewpoints import camera_of

PERSON_SEED = 0
"""The seed that means the person, where a person file is looked at; truncation does not change that head."""


@dataclass(frozen=True)
class Head:
    """A head as it is shown.

    Attributes:
        gaussians: a single scene.
        uvs: UV coordinate of each Gaussian, [-1, 1]; None where that is not known, as in a PLY.
        mesh: the template under it; None where there is none.
        generator: that made it; None where there is none.
        seconds: time that making it took.
    """

    gaussians: Gaussians
    uvs: Float[Tensor, "N 2"] | None
    mesh: TemplateMesh | None
    generator: Generator | None
    seconds: float

    @cached_property
    def closed(self) -> Gaussians:
        """Without the gaps that pictures finer than the model's would show; of a head that a generator made."""
        assert self.generator is not None, "heads that were read have no gaps to close"
        return close_gaps(self.gaussians, self.generator)


@torch.inference_mode()
def make_head(
    generator: Generator,
    directions: Directions,
    mesh: TemplateMesh,
    choice: HeadChoice,
    viewpoint: Viewpoint,
    person: Person | None = None,
) -> Head:
    """Makes the head of a choice; the viewpoint is what a following, camera-conditioned model is told."""
    start = time.perf_counter()
    styles = styles_of(generator, directions, choice, viewpoint, person)[None]
    residuals = None
    if person is not None:
        residuals = Residuals(person.residual[None], styles.new_tensor([[_person_share(choice)]]))
    gaussians = decode(generator, styles, residuals)[0]
    if generator.device.type == "cuda":
        torch.cuda.synchronize(generator.device)
    return Head(gaussians, generator.texel_uvs, mesh, generator, time.perf_counter() - start)


def styles_of(
    generator: Generator, directions: Directions, choice: HeadChoice, viewpoint: Viewpoint, person: Person | None = None
) -> Float[Tensor, "L W"]:
    """Styles of a choice: the seed or the place on the pad, then the walk, then the bands of other seeds."""
    bands: list[tuple[Band, int | None]]
    bands = [("coarse", choice.coarse), ("middle", choice.middle), ("fine", choice.fine)]
    seeds = list(choice.corners or (choice.seed,))
    others = [seed for _, seed in bands if seed is not None]
    conditioning = generator.default_conditioning()
    if conditioning is not None and choice.following:
        conditioning = replace(conditioning, viewmats=camera_of(viewpoint, 1, 1, generator.device).viewmats)
    styles = generator.map_styles(generator.latents(seeds + others), conditioning, choice.truncation)
    if person is not None:
        named = torch.tensor(seeds + others, device=styles.device) == PERSON_SEED
        styles = torch.where(named[:, None, None], person.styles, styles)
    mixed = blend(styles[: len(seeds)], *choice.pad) if choice.corners else styles[0]
    if any(choice.walk):
        mixed = mixed + directions.offset(mixed.new_tensor(choice.walk))
    rest = iter(styles[len(seeds) :])
    for band, seed in bands:
        if seed is not None:
            mixed = mix_styles(mixed, next(rest), band)
    return mixed


def _person_share(choice: HeadChoice) -> float:
    """How much of the head of a choice is the person; bands of other seeds leave what was fitted beside the styles."""
    if not choice.corners:
        return float(choice.seed == PERSON_SEED)
    return float(blend(torch.tensor([float(seed == PERSON_SEED) for seed in choice.corners])[:, None], *choice.pad))
