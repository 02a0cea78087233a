"""The real pictures of a run: opened and decoded as its configuration says."""

from collections.abc import Callable
from pathlib import Path

from gghead.config.training import RunConfig
from gghead.data.dataset import HeadDataset


def open_dataset(config: RunConfig) -> HeadDataset:
    """The run's pictures at its resolution.

    Raises:
        FileNotFoundError, ValueError: they can't be used.
    """
    return HeadDataset.open(Path(config.data), config.model.discriminator.resolution)


def decode_pictures(config: RunConfig, dataset: HeadDataset, on_event: Callable[[str], None]) -> None:
    """Decodes all pictures of a run.

    Raises:
        ValueError: some can't be used, or the run wants random backgrounds and no picture says what is foreground.
    """
    dataset.decode(on_event)
    if config.training.random_background and dataset.num_cut_out == 0:
        raise ValueError(
            f"{config.data} has neither masks nor alpha, so its backgrounds can't be exchanged; add masks, or "
            "train with `--recipe paper`, which keeps one background"
        )


def check_data(config: RunConfig, on_event: Callable[[str], None] = lambda text: None) -> None:
    """Decodes every picture, so that damaged ones are told before a run has a folder.

    Raises:
        FileNotFoundError, ValueError: the data can't be used.
    """
    with open_dataset(config) as dataset:
        decode_pictures(config, dataset, on_event)
