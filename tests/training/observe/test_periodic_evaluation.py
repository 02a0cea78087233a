"""A run measures itself, and is the same run as without."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gghead.checkpoint.tensors import load_tensors
from gghead.runs.run_folder import RunFolder
from gghead.training.loop import train
from gghead.training.observe.periodic_evaluation import PeriodicEvaluator
from gghead.training.state import TrainingState
from tiny_run import SilentMonitor, tiny_config, write_tiny_dataset


class Means(nn.Module):
    """Mean colours as features."""

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.float().mean(dim=(2, 3))


class Greedy(nn.Module):
    """Wants more memory than there is."""

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.float().flatten()[:1].expand(2000000000, 1000000).clone()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GGHEAD_CACHE_PATH", str(tmp_path / "cache"))
    return write_tiny_dataset(tmp_path / "blobs.zip")


def test_measuring_changes_nothing_of_the_run(data: Path, tmp_path: Path) -> None:
    detector = tmp_path / "means.pt"
    torch.jit.script(Means()).save(str(detector))
    wanted = {"metrics_every": 8, "metrics_images": 6, "metrics_detector": str(detector)}
    states = []
    for name, settings in (("measured", wanted), ("plain", {"metrics_every": 0})):
        run = RunFolder.create(tmp_path / name, tiny_config(data, total_images=16, snapshot_every=16, **settings))
        torch.manual_seed(3)
        monitor = SilentMonitor()
        train(run, monitor)
        assert [images for images, _ in monitor.measured] == ([8, 16] if name == "measured" else [])
        states.append((load_tensors(run.checkpoint(16) / "generator.safetensors").tensors, torch.get_rng_state()))
    assert all(torch.equal(states[0][0][name], states[1][0][name]) for name in states[1][0])
    assert torch.equal(states[0][1], states[1][1])
    run = RunFolder.open(tmp_path / "measured")
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    assert [line["images"] for line in lines] == [8, 16]
    assert all(line["Frechet distance (means) 6"] > 0 for line in lines)
    assert (run.evaluations / "000000016.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("at", [8, 16])
def test_a_measurement_that_was_cut_off_is_made_up_for(
    at: int, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = tmp_path / "means.pt"
    torch.jit.script(Means()).save(str(detector))
    wanted = {"metrics_every": 8, "metrics_images": 6, "metrics_detector": str(detector)}
    config = tiny_config(data, total_images=16, snapshot_every=8, **wanted)
    whole, cut_off = (RunFolder.create(tmp_path / name, config) for name in ("whole", "cut_off"))
    train(whole, SilentMonitor())
    honest = PeriodicEvaluator.examine

    def examine(self: PeriodicEvaluator, state: TrainingState) -> None:
        if state.images == at:
            raise KeyboardInterrupt
        honest(self, state)

    with monkeypatch.context() as patch:
        patch.setattr(PeriodicEvaluator, "examine", examine)
        with pytest.raises(KeyboardInterrupt):
            train(cut_off, SilentMonitor())
    assert cut_off.checkpoints()[-1] == cut_off.checkpoint(at), "measuring costs nothing that was learned"
    assert train(cut_off, SilentMonitor()).images == 16
    assert cut_off.metrics.read_text() == whole.metrics.read_text()


def test_a_missing_detector_is_told_once_and_the_run_goes_on(data: Path, tmp_path: Path) -> None:
    config = tiny_config(data, total_images=16, snapshot_every=16, metrics_every=8, metrics_detector="nowhere.pt")
    run, monitor = RunFolder.create(tmp_path / "run", config), SilentMonitor()
    assert train(run, monitor).images == 16
    assert len([event for event in monitor.events if event.startswith("no metrics at 8 images")]) == 1
    assert not [event for event in monitor.events if "no metrics at 16" in event]


@pytest.mark.parametrize("obstacle", ["a cache that can't be written", "a detector that does not fit into the memory"])
def test_what_keeps_a_run_from_measuring_does_not_end_it(obstacle: str, data: Path, tmp_path: Path) -> None:
    detector = tmp_path / "detector.pt"
    torch.jit.script(Means() if "cache" in obstacle else Greedy()).save(str(detector))
    if "cache" in obstacle:
        (tmp_path / "cache").mkdir()
        (tmp_path / "cache" / "features").write_text("no folder")
    wanted = {"metrics_every": 8, "metrics_images": 6, "metrics_detector": str(detector)}
    config = tiny_config(data, total_images=16, snapshot_every=16, **wanted)
    run, monitor = RunFolder.create(tmp_path / "run", config), SilentMonitor()
    assert train(run, monitor).images == 16
    assert len([event for event in monitor.events if event.startswith("no metrics at 8 images")]) == 1
    assert train(run, monitor).images == 16
