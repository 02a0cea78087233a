"""Is the mean of models that began as one better than each of them? Weights averaged one by one, in 16 bits.

    python -m studies.mean_of_models runs/a runs/b --out mean.safetensors

Source: Wortsman et al. 2022, "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time".
"""

import argparse
from pathlib import Path

import torch

from gghead.inference.loading import load
from gghead.model.storage import save_generator


@torch.no_grad()
def main() -> None:
    """Writes the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+", help="runs or model files of one configuration and template")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    first, *others = [load(path) for path in options.models]
    for path, other in zip(options.models[1:], others, strict=True):
        if other.config != first.config or not torch.allclose(other.template_positions, first.template_positions):
            parser.error(
                f"{path} is of another configuration or template than {options.models[0]}; expected models that can "
                "be averaged"
            )
    states = [model.state_dict() for model in (first, *others)]
    for name, tensor in first.state_dict().items():
        tensor.copy_(torch.stack([state[name] for state in states]).mean(dim=0))
    save_generator(options.out, first, torch.float16)


if __name__ == "__main__":
    main()
