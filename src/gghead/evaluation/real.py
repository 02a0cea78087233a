"""Real pictures as a measurement sees them."""

from collections.abc import Iterable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.data.dataset import HeadDataset
from gghead.data.pixels import composite
from gghead.data.sampler import Selection
from gghead.inference.generated import DrawnPictures


class RealPictures:
    """All pictures of a dataset in the order of their names, not mirrored, on a grey background; on a device."""

    def __init__(self, dataset: HeadDataset, background: float = 1.0, device: torch.device | str = "cpu") -> None:
        self._dataset = dataset
        self._background = background
        self._device = torch.device(device)

    def labels(self, span: range) -> Float[Tensor, "B 25"]:
        """Camera labels of some pictures."""
        return torch.from_numpy(self._dataset.labels[span.start : span.stop])

    def batches(self, spans: Iterable[range]) -> Iterator[DrawnPictures]:
        """The pictures of each span, fetched by threads a little ahead; a GPU composites them itself."""
        pinned = self._device.type == "cuda"
        for pixels in self._dataset.stream(map(Selection.of, spans), pinned):
            # One after the other: compositing takes several times the memory of its result.
            parts = pixels.to(self._device, non_blocking=pinned).split(1)
            pictures = torch.cat([composite(picture, self._background) for picture in parts])
            usable = torch.ones(len(pictures), dtype=torch.bool, device=self._device)
            yield DrawnPictures(pictures.permute(0, 3, 1, 2).contiguous(), usable)
