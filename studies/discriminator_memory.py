"""Does the discriminator of a run know its pictures by heart? Its logits for them, for pictures that it has never seen,
and for generated ones.

    python -m studies.discriminator_memory runs/mine held_out.zip

A discriminator that has learned what pictures look like says the same of both kinds of real ones. The less of the way
from generated pictures to its own it goes for the others, the more of what it teaches the generator is of single
pictures, and not of what these have in common: such a run has too few pictures, or shows them too often. Where the
discriminator can't tell generated pictures from its own yet, the share means nothing.

Source: Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", section 2, equation 1 (r_v).
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.data.dataset import HeadDataset
from gghead.data.pixels import composite
from gghead.media.images import to_network
from gghead.runs.run_folder import RunFolder
from gghead.training.checkpoints import restore_state
from gghead.training.losses.adversarial import mean_of_heads
from gghead.training.losses.backgrounds import random_fields
from gghead.training.losses.terms import render_samples, samples_to_network
from gghead.training.run_pictures import open_dataset
from gghead.training.state import TrainingState

BATCH = 8
SEED = 0


@dataclass(frozen=True)
class Memory:
    """Mean logits of as many pictures of each kind.

    Attributes:
        images: that the discriminator has been shown.
        learned: of pictures that it learned from.
        held_out: of others.
        generated: of heads of the EMA generator, from the cameras of the first.
    """

    images: int
    learned: float
    held_out: float
    generated: float

    @property
    def by_heart(self) -> float:
        """Share of the way from generated pictures to its own that it does not go for others: 0 none, 1 all of it."""
        return (self.learned - self.held_out) / (self.learned - self.generated)


@torch.no_grad()
def measure(run: RunFolder, held_out: Path, count: int, device: torch.device | str) -> Memory:
    """What a run's newest discriminator says of `count` pictures of each kind.

    Raises:
        FileNotFoundError, ValueError: the run has no checkpoint, or pictures can't be read.
    """
    newest = run.checkpoints()[-1:]
    if not newest:
        raise FileNotFoundError(f"{run.path} has no checkpoint; expected a run that has been trained")
    state, _ = restore_state(newest[0], run.config, device)
    draw = torch.Generator().manual_seed(SEED)
    with open_dataset(run.config) as own, HeadDataset.open(held_out, own.resolution) as others:
        sets = {}
        for name, dataset in (("learned", own), ("held_out", others)):
            chosen = torch.randperm(len(dataset), generator=draw)[:count].tolist()
            sets[name] = _real_logits(state, run, dataset, chosen, draw)
            if name == "learned":
                labels = torch.from_numpy(own.labels[chosen]).to(state.device)
                sets["generated"] = _generated_logits(state, run, labels, draw)
    return Memory(images=state.images, **{name: float(logits.mean()) for name, logits in sets.items()})


def _real_logits(
    state: TrainingState, run: RunFolder, dataset: HeadDataset, chosen: list[int], draw: torch.Generator
) -> Float[Tensor, " B"]:
    found = []
    for part in (chosen[first : first + BATCH] for first in range(0, len(chosen), BATCH)):
        pixels = torch.from_numpy(dataset.pixels(part)).to(state.device)
        behind = _background(run, len(part), state, draw)
        pictures = to_network(composite(pixels, behind if isinstance(behind, float) else behind.permute(0, 2, 3, 1)))
        found.append(_judged(state, pictures, torch.from_numpy(dataset.labels[part]).to(state.device)))
    return torch.cat(found)


def _generated_logits(
    state: TrainingState, run: RunFolder, labels: Float[Tensor, "B 25"], draw: torch.Generator
) -> Float[Tensor, " B"]:
    generator, resolution, found = state.generator_ema, state.discriminator.config.resolution, []
    for part in labels.split(BATCH):
        latents = torch.randn(len(part), generator.config.z_size, generator=draw).to(state.device)
        styles = generator.map_labels(latents, part if generator.config.camera_conditioned else None)
        samples = render_samples(generator, generator.decode(styles), part, resolution)
        behind = _background(run, len(part), state, draw)
        found.append(_judged(state, samples_to_network(generator, samples, behind), part))
    return torch.cat(found)


def _background(
    run: RunFolder, count: int, state: TrainingState, draw: torch.Generator
) -> float | Float[Tensor, "B 3 R R"]:
    training, side = run.config.training, state.discriminator.config.resolution
    return random_fields(count, side, draw).to(state.device) if training.random_background else training.background


def _judged(
    state: TrainingState, pictures: Float[Tensor, "B 3 R R"], labels: Float[Tensor, "B 25"]
) -> Float[Tensor, " B"]:
    return mean_of_heads(state.discriminator(pictures, labels))


def main() -> None:
    """Prints a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("held_out", type=Path, help="pictures of other people, drawn as the run's own")
    parser.add_argument("--count", type=int, default=1000, help="pictures of each kind")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    memory = measure(RunFolder.open(options.run), options.held_out, options.count, options.device)
    print(json.dumps({"run": options.run.name, **vars(memory), "by_heart": memory.by_heart}))


if __name__ == "__main__":
    main()
