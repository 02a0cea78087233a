"""Batches of a run in their order: from pictures that live on the device, or fetched by threads ahead of their use."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import tee

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from gghead.data.dataset import HeadDataset
from gghead.data.labels import mirror_labels
from gghead.data.sampler import Order, Selection

MAX_SHARE_OF_DEVICE = 0.4
"""Pictures stay on the GPU if they take at most this share of its free memory; the networks need the rest."""
UPLOAD_PICTURES = 256
"""Pictures that are copied to the GPU in one go."""


@dataclass(frozen=True)
class Batch:
    """Real pictures and their cameras.

    Attributes:
        pixels: premultiplied foreground and alpha, see `pixels.composite`.
        labels: camera labels, see `geometry.cameras.Cameras.from_labels`.
    """

    pixels: UInt8[Tensor, "B R R 4"]
    labels: Float[Tensor, "B 25"]


@contextmanager
def open_batches(
    dataset: HeadDataset,
    order: Order,
    start_images: int = 0,
    device: torch.device | str = "cpu",
    on_event: Callable[[str], None] = lambda text: None,
) -> Iterator[Iterator[Batch]]:
    """Endless batches on a device by the fastest way, the same by each: a context that holds their memory and threads.

    Args:
        dataset: where the pictures come from; stays open.
        order: which of them are seen when.
        start_images: pictures that the run has seen; the stream goes on there.
        device: where the batches are wanted.
        on_event: is told when the pictures move to the device.

    Raises:
        FileNotFoundError, ValueError: raised by the iterator: a picture can't be used. Names it.

    Example:
        >>> with open_batches(dataset, Order(seed=0, batch_size=32)) as batches:  # doctest: +SKIP
        ...     batch = next(batches)
    """
    device, batches = torch.device(device), fetched_batches
    if device.type == "cuda" and dataset.decoded_bytes:
        free, _ = torch.cuda.mem_get_info(device)
        if dataset.decoded_bytes <= MAX_SHARE_OF_DEVICE * free:
            on_event(f"keeps all pictures on {device}: {dataset.decoded_bytes / 1e9:.1f} GB of {free / 1e9:.0f} free")
            batches = resident_batches
    with closing(batches(dataset, order, start_images, device)) as opened:
        yield opened


def fetched_batches(
    dataset: HeadDataset, order: Order, start_images: int, device: torch.device
) -> Generator[Batch, None, None]:
    """Batches through memory, for a GPU pinned memory, from which they are copied while the host goes on."""
    pinned = device.type == "cuda"
    now, ahead = tee(order.selections(len(dataset), start_images))
    for selection, pixels in zip(now, dataset.stream(ahead, pinned), strict=True):
        labels = _labels_of(dataset, selection, pinned)
        yield Batch(pixels.to(device, non_blocking=True), labels.to(device, non_blocking=True))


def resident_batches(
    dataset: HeadDataset, order: Order, start_images: int, device: torch.device
) -> Generator[Batch, None, None]:
    """Batches from pictures that are all on the device: queued there, no batch ever waits for the host.

    Raises:
        torch.cuda.OutOfMemoryError: they do not fit.
    """
    pinned = device.type == "cuda"
    resident = _uploaded(dataset, device)

    def moved(tensor: Tensor) -> Tensor:
        return (tensor.pin_memory() if pinned else tensor).to(device, non_blocking=True)

    for selection in order.selections(len(dataset), start_images):
        chosen, flipped = moved(torch.from_numpy(selection.indices)), moved(torch.from_numpy(selection.flipped))
        pixels = resident.index_select(0, chosen)
        pixels = torch.where(flipped[:, None, None, None], pixels.flip(2), pixels)
        yield Batch(pixels, _labels_of(dataset, selection, pinned).to(device, non_blocking=True))


def _labels_of(dataset: HeadDataset, selection: Selection, pinned: bool) -> Float[Tensor, "B 25"]:
    """Camera labels of pictures, those of the mirrored camera where they are flipped."""
    chosen = dataset.labels[selection.indices]
    labels = torch.from_numpy(np.where(selection.flipped[:, None], mirror_labels(chosen), chosen))
    return labels.pin_memory() if pinned else labels


def _uploaded(dataset: HeadDataset, device: torch.device) -> UInt8[Tensor, "M R R 4"]:
    count, side = len(dataset), dataset.resolution
    resident = torch.empty((count, side, side, 4), dtype=torch.uint8, device=device)
    for first in range(0, count, UPLOAD_PICTURES):
        part = range(first, min(first + UPLOAD_PICTURES, count))
        # Through `pixels`, because it verifies what the cache holds.
        resident[part.start : part.stop] = torch.from_numpy(dataset.pixels(part)).to(device)
    return resident
