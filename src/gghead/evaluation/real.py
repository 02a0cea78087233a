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
    """All pictures of a dataset in the order of their names, not mirrored, on a grey background."""

    def __init__(self, dataset: HeadDataset, background: float = 1.0) -> None:
        self._dataset = dataset
        self._background = background

    def labels(self, span: range) -> Float[Tensor, "B 25"]:
        """Camera labels of some pictures."""
        return torch.from_numpy(self._dataset.labels[span.start : span.stop])

    def batches(self, spans: Iterable[range]) -> Iterator[DrawnPictures]:
        """The pictures of each span, fetched by threads a little ahead."""
        for pixels in self._dataset.stream(map(Selection.of, spans)):
            # One after the other: compositing takes several times the memory of its result.
            pictures = torch.cat([composite(picture, self._background) for picture in pixels.split(1)])
            channels_first = pictures.permute(0, 3, 1, 2).contiguous()
            yield DrawnPictures(channels_first, torch.ones(len(pictures), dtype=torch.bool))
