"""Loads the generator behind a path or a name."""

from pathlib import Path

import torch

from gghead.geometry.devices import require_device
from gghead.model.generator import Generator
from gghead.model.storage import load_generator
from gghead.runs.resolve import find_model
from gghead.stylegan.folding import freeze


def load(path: str | Path | None = None, device: str | torch.device = "cpu", *, trainable: bool = False) -> Generator:
    """Loads a generator, to sample from it or to train it further.

    Args:
        path: a .safetensors model; a run's folder or name ("GGHEAD-4"), whose newest model is taken; a checkpoint's
            folder; by default the bundled model.
        device: where to put it: "cpu", "cuda" or "cuda:1".
        trainable: whether the weights take gradients. Without, the network is frozen: in evaluation mode, no weight
            takes a gradient, and what follows from weights alone is computed once on a GPU. With, it is in training
            mode and nothing is kept.

    Returns:
        The generator, frozen unless it is to be trained: `backward()` on what a frozen one makes raises an error.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: what is there is no model, or is damaged, or there is no such device here.

    Example:
        >>> import gghead
        >>> gghead.load().sample(seeds=[0, 1])
        Gaussians(batch [2], 147,042 each, 1 SH coefficients, float32 on cpu)
    """
    file = find_model(path)
    require_device(device)
    generator = load_generator(file).to(device)
    if not trainable:
        freeze(generator.eval())
    return generator
