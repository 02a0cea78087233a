"""Is the mean of models that began as one better than each of them? Weights averaged one by one, in 16 bits.

    python -m studies.mean_of_models runs/a runs/b --weights 0.85 0.15 --out mean.safetensors

Source: Wortsman et al. 2022, "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time".
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from gghead.inference.loading import load
from gghead.model.generator import Generator
from gghead.model.storage import save_generator


def bounds_of(model: Generator) -> dict[str, Tensor]:
    """Tensors of its style bounds, by their names in the model."""
    return {name: tensor for name, tensor in model.state_dict().items() if name.startswith("mapping.bounds.")}


@torch.no_grad()
def main() -> None:
    """Writes the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+", help="runs or model files of one configuration and template")
    parser.add_argument("--weights", type=float, nargs="+", help="of the models; all alike without")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    weights = torch.tensor(options.weights or [1.0] * len(options.models), dtype=torch.float64)
    if len(weights) != len(options.models):
        parser.error(f"--weights are {weights.tolist()} for {len(options.models)} models; expected one for each")
    if not (weights.isfinite().all() and (weights >= 0).all() and weights.sum() > 0):
        parser.error(f"--weights are {weights.tolist()}; expected shares of 0 or more, and one above 0")
    weights = weights / weights.sum()
    first, *others = [load(path) for path in options.models]
    for path, other in zip(options.models[1:], others, strict=True):
        if other.config != first.config or not torch.allclose(other.template_positions, first.template_positions):
            parser.error(
                f"{path} is of another configuration or template than {options.models[0]}; expected models that can "
                "be averaged"
            )
        if any(not torch.equal(known, first.state_dict()[name]) for name, known in bounds_of(other).items()):
            parser.error(f"{path} has other style bounds than {options.models[0]}; expected models of the same bounds")
    states = [model.state_dict() for model in (first, *others)]
    for name, tensor in first.state_dict().items():
        tensor.copy_(torch.tensordot(weights, torch.stack([state[name].double() for state in states]), dims=1))
    save_generator(options.out, first, torch.float16)


if __name__ == "__main__":
    main()
