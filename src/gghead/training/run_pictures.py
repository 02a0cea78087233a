"""The real pictures of a run: opened and decoded as its configuration says."""

from collections.abc import Callable
from pathlib import Path

from gghead.config.training import RunConfig
from gghead.data.cache.decoded import DecodedPictures
from gghead.data.cache.decoding import decode
from gghead.data.dataset import HeadDataset
from gghead.data.source import PictureSource


def open_dataset(config: RunConfig) -> HeadDataset:
    """The run's pictures at its resolution, on its background.

    Raises:
        FileNotFoundError, ValueError: they can't be used.
    """
    resolution = config.model.discriminator.resolution
    return HeadDataset.open(Path(config.data), resolution, background=config.training.background)


def decode_pictures(config: RunConfig, dataset: HeadDataset, on_event: Callable[[str], None]) -> PictureSource:
    """All pictures of a run.

    Raises:
        ValueError: some can't be used, or the run wants random backgrounds and no picture says what is foreground.
    """
    pictures = decode(dataset, on_event)
    exchanged = config.training.random_background and isinstance(pictures, DecodedPictures)
    if exchanged and not pictures.cut_out():
        raise ValueError(
            f"{config.data} has neither masks nor transparency, so its backgrounds can't be exchanged; add masks, or "
            "train with `--recipe paper`, which keeps one background"
        )
    return pictures


def check_data(config: RunConfig, on_event: Callable[[str], None] = lambda text: None) -> None:
    """Decodes every picture, so that damaged ones are told before a run has a folder.

    Raises:
        FileNotFoundError, ValueError: the data can't be used.
    """
    with open_dataset(config) as dataset:
        decode_pictures(config, dataset, on_event)
