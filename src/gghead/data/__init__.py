"""Pictures with cameras and masks: archives, labels, the dataset, the order of a run, batches, synthetic heads."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.data.archive import Archive as Archive, open_archive as open_archive
    from gghead.data.conventions import Convention as Convention, recognize as recognize
    from gghead.data.dataset import HeadDataset as HeadDataset
    from gghead.data.labels import Labels as Labels, parse_labels as parse_labels
    from gghead.data.loader import Batch as Batch, open_batches as open_batches
    from gghead.data.pixels import composite as composite
    from gghead.data.sampler import Order as Order
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
