"""Keeps the styles of a model within bounds beyond which its heads come apart, and says how many did and do.

    python -m studies.style_bounds heads.safetensors bounded.safetensors >> benchmarks/results/style_bounds.jsonl

Two faults show in the Gaussians themselves: walls before throats and faces, and brims of hats that hang in the air.
Each is found along one direction of the styles, by a logistic regression on heads that were made and measured. Beyond
--limits standard deviations along it, styles are taken back (`stylegan.mapping.StyleBounds`). Bounds that a model has
stay and come first; further ones may move a style a little beyond them again. A fault of fewer than 10 heads gets none.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmarks.rows import commit
from gghead.gaussians.scene import Gaussians
from gghead.inference.loading import load
from gghead.model.generator import Generator
from gghead.model.storage import save_generator
from gghead.runs.places import BUNDLED_MODEL
from gghead.uv.samples import UVSamples

FIRST_FITTED, FIRST_TRIED = 10_000, 50_000
"""Seeds of the heads that directions are found with, and of those that they are tried on. Sheets show seeds from 0."""
COMPONENTS = 160
"""Principal components of the styles that a direction may have."""
RIDGE = 0.003
"""Weight of the squared length of a direction in whitened components."""
FEWEST = 10
"""Heads with a fault that a direction is found with, at least."""
BOUNDS = "normals", "steps", "limits"
BATCH = 16
"""Heads that are made at a time."""
OPAQUE, LARGE = 0.3, -4.6
"""Gaussians of a fault: opacity at least, and log of the largest standard deviation, log world units."""


class Fault(NamedTuple):
    """What can be wrong with a head.

    Attributes:
        name: of the fault.
        among: Gaussians that may be a part of it: offset [*B, N, 3] from the template, mean [*B, N, 3], and template
            [N, 3].
        least: so many are a fault.
    """

    name: str
    among: Callable[[Tensor, Tensor, Tensor], Bool[Tensor, "*B N"]]
    least: int

    def size(self, heads: Gaussians, template: Float[Tensor, "N 3"]) -> Int64[Tensor, "*B"]:
        """Gaussians of the fault in each head of a batch."""
        visible = (heads.opacities > OPAQUE) & (heads.scales.amax(dim=-1).log() > LARGE)
        return (visible & self.among(heads.means - template, heads.means, template)).sum(dim=-1)


FAULTS = (
    Fault(
        "wall",
        lambda offset, mean, template: (
            (mean[..., 0].abs() < 0.13) & (mean[..., 1] > -0.35) & (mean[..., 1] < 0.05) & (offset[..., 2] > 0.037)
        ),
        150,
    ),
    Fault("brim", lambda offset, mean, template: (template[:, 1] > 0.05) & (offset.norm(dim=-1) > 0.15), 800),
)


@torch.no_grad()
def measured(generator: Generator, first: int, count: int) -> tuple[Float[Tensor, "K W"], Bool[Tensor, "K F"]]:
    """Styles of seeds, and which faults their heads have."""
    styles, faults = [], []
    for seed in range(first, first + count, BATCH):
        found = generator.styles(list(range(seed, min(seed + BATCH, first + count))), 1.0)
        heads = generator.decode(found)
        styles.append(found[:, 0])
        faults.append(torch.stack([fault.size(heads, generator.template_positions) >= fault.least for fault in FAULTS]))
    return torch.cat(styles), torch.cat(faults, dim=1).T


def direction(components: Float[Tensor, "K C"], has_fault: Bool[Tensor, " K"]) -> Float[Tensor, " C"]:
    """The unit vector along which a fault becomes likelier, by a logistic regression with a ridge penalty."""
    weights = components.new_zeros(components.shape[1]).requires_grad_()
    bias = components.new_full((), -3).requires_grad_()
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=500, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = components @ weights + bias
        value = binary_cross_entropy_with_logits(logits, has_fault.to(logits)) + RIDGE * weights.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return (weights / weights.norm()).detach()


def bounded(
    generator: Generator, styles: Float[Tensor, "K W"], faults: Bool[Tensor, "K F"], limits: Sequence[float]
) -> Generator:
    """The same generator with a bound more for each fault that enough heads have, and the mean of its styles within.

    Args:
        generator: on the CPU; bounds that it has stay, and come first.
        styles: of its heads.
        faults: that these have.
        limits: standard deviations along the direction of each fault.

    Raises:
        ValueError: fewer than FEWEST heads have any of the faults.
    """
    frequent = [index for index in range(len(FAULTS)) if faults[:, index].sum() >= FEWEST]
    if not frequent:
        names = " or a ".join(fault.name for fault in FAULTS)
        raise ValueError(f"fewer than {FEWEST} of {len(faults)} heads have a {names}; measure more of them")
    mean = styles.double().mean(dim=0)
    variances, vectors = torch.linalg.eigh(torch.cov(styles.double().T))
    spread, axes = variances[-COMPONENTS:].sqrt(), vectors[:, -COMPONENTS:]
    components = (styles.double() - mean) @ axes / spread
    before = generator.config.style_bounds
    texels = UVSamples(generator.texel_uvs, generator.template_positions)
    result = Generator(replace(generator.config, style_bounds=before + len(frequent)), texels, seed=None)
    tensors = generator.state_dict()
    kept = {name: tensors.pop(f"mapping.bounds.{name}") for name in BOUNDS} if before else {}
    result.load_state_dict(tensors, strict=False)
    bounds = result.mapping.bounds
    assert bounds is not None
    for name, values in kept.items():
        getattr(bounds, name)[:before] = values
    for index, fault in enumerate(frequent, start=before):
        found = direction(components, faults[:, fault])
        normal = axes @ (found / spread)
        bounds.normals[index], bounds.steps[index] = normal, axes @ (found * spread)
        bounds.limits[index] = limits[fault] + mean @ normal
    result.mapping.mean_style.copy_(bounds(styles).mean(dim=0))
    return result


def main() -> None:
    """Writes the bounded model and prints one row of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", default=BUNDLED_MODEL)
    parser.add_argument("out", type=Path)
    parser.add_argument("--heads", type=int, default=4000, help="that directions are found with")
    parser.add_argument("--tried", type=int, default=1000, help="other heads, that the bounds are tried on")
    parser.add_argument(
        "--limits", type=float, nargs=len(FAULTS), default=(0.6, 0.6), help="of walls and brims, standard deviations"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    if options.tried < 1:
        parser.error(f"--tried is {options.tried}; expected 1 or more")
    if options.heads < 10 * COMPONENTS:
        parser.error(f"--heads {options.heads} are too few to find directions with; expected {10 * COMPONENTS} or more")
    generator = load(options.model, options.device)
    styles, faults = measured(generator, FIRST_FITTED, options.heads)
    result = bounded(generator.cpu(), styles.cpu(), faults, options.limits)
    assert result.mapping.bounds is not None
    save_generator(options.out, result, torch.float16)
    row = {"model": options.model.name, "heads": options.heads, "limits": list(options.limits), "tried": options.tried}
    for name, path in (("before", options.model), ("after", options.out)):
        _, found = measured(load(path, options.device), FIRST_TRIED, options.tried)
        row[name] = {fault.name: round(found[:, k].float().mean().item(), 4) for k, fault in enumerate(FAULTS)}
    new = slice(generator.config.style_bounds, None)
    beyond = styles.cpu() @ result.mapping.bounds.normals[new].T > result.mapping.bounds.limits[new]
    row["bounds"] = result.config.style_bounds
    row["moved"] = round(beyond.any(dim=1).float().mean().item(), 3)
    print(json.dumps(row | {"commit": commit(), "date": datetime.now(UTC).date().isoformat()}))


if __name__ == "__main__":
    main()
