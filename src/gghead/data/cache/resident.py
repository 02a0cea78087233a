"""The whole dataset in the memory of the GPU, when it fits: no batch ever waits for the host."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from gghead.data.cache.decoded import DecodedPictures
from gghead.data.loader import Batch, BatchLoader, Order, batch_labels
from gghead.data.source import PictureSource

MAX_SHARE_OF_DEVICE = 0.4
"""Pictures stay on the GPU if they take at most this share of its free memory; the networks need the rest."""
UPLOAD_PICTURES = 256
"""Pictures that are copied to the GPU in one go."""


class ResidentBatches:
    """Endless batches from pictures on the device, bit for bit those of a BatchLoader with the same order."""

    def __init__(
        self,
        source: DecodedPictures,
        order: Order,
        start_images: int,
        device: torch.device | str,
        with_transparency: bool = False,
    ) -> None:
        """Copies all pictures to the device; arguments as of `BatchLoader`.

        Raises:
            ValueError: a picture was damaged in the cache and cannot be read from the archive either.
            torch.cuda.OutOfMemoryError: they do not fit.
        """
        self._order = order
        self._next_start = start_images
        self._device = torch.device(device)
        self._labels = source.labels
        self._pictures = _uploaded(source, self._device, with_transparency)

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        """The next batch; queued on the device without waiting for it."""
        indices, flipped = self._order.draw(len(self._labels), self._next_start)
        self._next_start += self._order.batch_size
        labels = torch.from_numpy(batch_labels(self._labels, indices, flipped))
        chosen, mirrored = self._to_device(torch.from_numpy(indices)), self._to_device(torch.from_numpy(flipped))
        batch = [_flip_some(pictures.index_select(0, chosen), mirrored) for pictures in self._pictures]
        return Batch(batch[0], self._to_device(labels), batch[1] if len(batch) > 1 else None)

    def _to_device(self, tensor: Tensor) -> Tensor:
        if self._device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self._device, non_blocking=True)


def open_batches(
    source: PictureSource,
    order: Order,
    start_images: int = 0,
    device: torch.device | str = "cpu",
    with_transparency: bool = False,
    on_event: Callable[[str], None] = lambda text: None,
) -> "BatchLoader | nullcontext[ResidentBatches]":
    """The fastest way from pictures to batches on a device; a context manager that gives the iterator.

    Args:
        source: where the pictures come from; stays open.
        order: which of them are seen when.
        start_images: pictures that the run has seen.
        device: where the batches are wanted.
        with_transparency: whether batches are to have it.
        on_event: is told when the pictures move to the device.
    """
    device = torch.device(device)
    if device.type == "cuda" and isinstance(source, DecodedPictures):
        size = source.rgb.nbytes + (source.transparency.nbytes if with_transparency else 0)
        free, _ = torch.cuda.mem_get_info(device)
        if size <= MAX_SHARE_OF_DEVICE * free:
            on_event(f"keeps all pictures on {device}: {size / 1e9:.1f} GB of {free / 1e9:.0f} free")
            return nullcontext(ResidentBatches(source, order, start_images, device, with_transparency))
    return BatchLoader(source, order, start_images, device, with_transparency)


def _uploaded(source: DecodedPictures, device: torch.device, with_transparency: bool) -> list[Tensor]:
    count, side = len(source.labels), source.resolution
    planes = [torch.empty((count, side, side, 3), dtype=torch.uint8, device=device)]
    if with_transparency:
        planes.append(torch.empty((count, side, side), dtype=torch.uint8, device=device))
    for first in range(0, count, UPLOAD_PICTURES):
        indices = np.arange(first, min(first + UPLOAD_PICTURES, count))
        parts = [torch.empty((len(indices), *plane.shape[1:]), dtype=torch.uint8) for plane in planes]
        # Through `fill`, because it verifies what the cache holds.
        source.fill(indices, np.zeros(len(indices), bool), *(part.numpy() for part in parts))
        for plane, part in zip(planes, parts, strict=True):
            plane[first : first + len(indices)] = part.to(device)
    return planes


def _flip_some(pictures: UInt8[Tensor, "B R R *C"], mirrored: Tensor) -> UInt8[Tensor, "B R R *C"]:
    mask = mirrored.reshape(-1, *[1] * (pictures.ndim - 1))
    return torch.where(mask, pictures.flip(2), pictures)
