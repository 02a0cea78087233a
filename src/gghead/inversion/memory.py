"""What to do where a fit has no room in the memory: which of its arguments lowers what a step needs."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gghead.inversion.fitting import AT_ONCE
from gghead.model.generator import Generator


@contextmanager
def explaining_full_memory(generator: Generator, pictures: int, side: int) -> Iterator[None]:
    """Says what lowers the memory of a fit.

    Args:
        generator: whose head is fitted.
        pictures: of the person.
        side: of the pictures, pixels.

    Raises:
        torch.OutOfMemoryError: the GPU has no room, or a MemoryError the machine has none; with the remedy.
    """
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        remedies = [f"fewer photographs (a step looks at {AT_ONCE} of them)"] if pictures > 1 else []
        if generator.device.type == "cuda":
            remedies.append("the processor, --device cpu")
        remedies.append("a model with smaller UV maps or pictures")
        kind = torch.OutOfMemoryError if isinstance(error, torch.OutOfMemoryError) else MemoryError
        raise kind(
            f"{generator.device} has no room to fit a head of {len(generator.texel_uvs):,} Gaussians to "
            f"{pictures} x {side} x {side} pixels; take {', or '.join(remedies)}"
        ) from error
