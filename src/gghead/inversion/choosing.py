"""Which heads a person means: seeds, and person files wherever a seed may stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.config.printable import printable
from gghead.gaussians.scene import Gaussians
from gghead.inference.loading import load
from gghead.inference.paths import loop
from gghead.inference.residuals import Residuals, decode
from gghead.inversion.person import Person, require_model
from gghead.inversion.person_file import load_person
from gghead.model.generator import Generator
from gghead.runs.places import BUNDLED_MODEL

HeadName = int | Path
"""A seed, or a person file."""


@dataclass(frozen=True)
class ChosenHeads:
    """Heads of a generator: styles, and what is added to the maps.

    Attributes:
        styles: of the heads.
        residuals: of those that are people; None if none is.
    """

    styles: Float[Tensor, "B L W"]
    residuals: Residuals | None

    @torch.no_grad()
    def decode(self, generator: Generator, number: int) -> Gaussians:
        """One of the heads, batch [1]."""
        piece = slice(number, number + 1)
        return decode(generator, self.styles[piece], None if self.residuals is None else self.residuals[piece])

    def looped(self, frames: int) -> "ChosenHeads":
        """A closed smooth path through the heads, as of `gghead.loop`."""
        if self.residuals is None:
            return ChosenHeads(loop(self.styles, frames), None)
        # A spline is linear in its keys.
        weights = loop(self.residuals.weights, frames)
        return ChosenHeads(loop(self.styles, frames), Residuals(self.residuals.maps, weights))


def choose_heads(generator: Generator, names: Sequence[HeadName], truncation: float = 0.7) -> ChosenHeads:
    """Heads of seeds and of person files.

    Args:
        generator: whose heads they are.
        names: seeds and paths of person files.
        truncation: of the seeds; a person stays as it was fitted.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file holds no person, or one of another model; a seed is out of its range.
    """
    seeds = [name for name in names if not isinstance(name, Path)]
    paths = list(dict.fromkeys(name for name in names if isinstance(name, Path)))
    people = {path: read_person(path, generator) for path in paths}
    drawn = iter(generator.styles(seeds, truncation) if seeds else ())
    styles = torch.stack([people[name].styles if isinstance(name, Path) else next(drawn) for name in names])
    if not paths:
        return ChosenHeads(styles, None)
    maps = torch.stack([people[path].residual for path in paths])
    weights = styles.new_tensor([[float(name == path) for path in paths] for name in names])
    return ChosenHeads(styles, Residuals(maps, weights))


def read_person(path: Path, generator: Generator) -> Person:
    """The person of a file, on a generator's device; errors as of `choose_heads`."""
    person = load_person(path)
    require_model(person, generator, str(path))
    size, layers = generator.config.style_size, generator.synthesis.num_styles
    side, channels = generator.config.map_resolution, generator.config.map_channels
    if person.styles.shape != (layers, size) or person.residual.shape != (channels, side, side):
        raise ValueError(f"{path} holds tensors of other sizes than its model's; invert the photographs again")
    return person.to(generator.device)


def open_person(path: Path, device: torch.device | str) -> tuple[Person, Generator]:
    """A person and the model that it was fitted with: the bundled one, or the one that lies beside the file.

    Raises:
        FileNotFoundError: the model is neither.
        ValueError: as of `choose_heads`.
    """
    name = load_person(path).model
    places = [BUNDLED_MODEL] if name == BUNDLED_MODEL.name else []
    places += [place for place in (path.parent / Path(name).name, Path(Path(name).name)) if place.is_file()]
    if not places:
        raise FileNotFoundError(
            f"{path} was fitted with the model {printable(name)}, which does not lie beside it; put it there"
        )
    generator = load(places[0], device)
    return read_person(path, generator), generator
