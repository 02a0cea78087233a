"""What a discriminator knows by heart: it says more of the few pictures that it learned from than of others."""

from pathlib import Path

import pytest

from gghead.runs.run_folder import RunFolder
from gghead.training.loop import train
from gghead.training.observe.telemetry import Monitor
from studies.discriminator_memory import measure
from tiny_run import tiny_config, write_tiny_dataset


def test_few_pictures_shown_often_are_learned_by_heart(tmp_path: Path) -> None:
    own, others = (write_tiny_dataset(tmp_path / f"{seed}.zip", count=8, seed=seed) for seed in (0, 1))
    config = tiny_config(own, total_images=480, snapshot_every=480, log_every=240, blur_fade_images=0, r1_gamma=0.01)
    run = RunFolder.create(tmp_path / "run", config)
    train(run, Monitor())
    memory, of_its_own = (measure(run, held_out, count=8, device="cpu") for held_out in (others, own))
    assert memory.images == 480
    assert memory.learned > memory.held_out
    assert memory.by_heart > 0.05
    assert of_its_own.by_heart == pytest.approx(0, abs=1e-4)


def test_a_run_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    data = write_tiny_dataset(tmp_path / "data.zip")
    run = RunFolder.create(tmp_path / "run", tiny_config(data))
    with pytest.raises(FileNotFoundError, match="expected a run that has been trained"):
        measure(run, data, count=4, device="cpu")
