"""How exactly a GPU multiplies matrices of 32-bit floats while a run trains."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch


@contextmanager
def multiplication(precision: Literal["mixed", "full"]) -> Iterator[None]:
    """As long as the block lasts: TF32 (10 bits of mantissa) where precision is mixed, 32 bits where it is full."""
    backends: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [backend.allow_tf32 for backend in backends]
    try:
        for backend in backends:
            backend.allow_tf32 = precision == "mixed"
        yield
    finally:
        for backend, allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = allowed
