"""Signs of collapse on made-up ticks, and which checkpoints stay."""

import json
from pathlib import Path

import pytest

from gghead.runs.retention import checkpoints_worth_keeping, worth_keeping
from gghead.runs.run_folder import RunFolder
from gghead.training.loop import train
from gghead.training.observe import health
from gghead.training.observe.health import CollapseWatch, signs_of_collapse
from tiny_run import SilentMonitor, tiny_config, write_tiny_dataset

HEALTHY = {"generator": 1.5, "real_logits": 1.0, "fake_logits": -1.2, "scale": 1.4, "opacity": 0.6}


@pytest.mark.parametrize(
    ("change", "sign", "remedy"),
    [
        ({"real_logits": 14.0, "fake_logits": -12.0, "generator": 12.0}, "discriminator", "larger r1_gamma"),
        ({"scale": 25.0}, "scales", "larger scale_weight"),
        ({"opacity": 0.004}, "opacities", "smaller beta_weight"),
    ],
)
def test_each_sign_is_told_with_its_remedy(change: dict[str, float], sign: str, remedy: str) -> None:
    signs = signs_of_collapse(HEALTHY | change)
    assert list(signs) == [sign]
    assert remedy in signs[sign]


@pytest.mark.parametrize("change", [{}, {"real_logits": 30.0}, {"generator": 10.0}, {"scale": 6.0}, {"opacity": 0.04}])
def test_a_healthy_run_is_left_in_peace(change: dict[str, float]) -> None:
    assert signs_of_collapse(HEALTHY | change) == {}


def test_a_sign_is_told_when_it_appears_and_when_it_comes_back() -> None:
    watch, ill = CollapseWatch(), HEALTHY | {"scale": 25.0}
    told = [len(watch.news(losses)) for losses in (HEALTHY, ill, ill, ill | {"opacity": 0.0}, HEALTHY, ill)]
    assert told == [0, 1, 0, 1, 0, 1]


def test_a_run_tells_its_monitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "SMALLEST_OPACITY", 2.0)
    config = tiny_config(write_tiny_dataset(tmp_path / "blobs.zip"), total_images=24)
    monitor = SilentMonitor()
    train(RunFolder.create(tmp_path / "run", config), monitor)
    assert len([event for event in monitor.events if event.startswith("WARNING: the Gaussians fade")]) == 1


def test_newest_milestones_and_the_best_stay() -> None:
    saved = list(range(0, 100, 10))
    assert worth_keeping(saved, 2, 0, {}) == {80, 90}
    assert worth_keeping(saved, 2, 40, {}) == {40, 80, 90}
    assert worth_keeping(saved, 1, 0, {30: 5.0, 50: 4.0, 60: 4.5, 55: 0.1}) == {50, 90}


def test_the_best_is_that_of_the_metrics(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", tiny_config(tmp_path / "none.zip", milestone_every=0))
    for images in range(0, 200, 24):
        run.checkpoint(images).mkdir(parents=True)
    lines = [{"images": images, "FID": value, "precision": 0.0} for images, value in ((24, 9), (48, 7), (72, 8))]
    lines.append({"images": 96, "FID": None})
    run.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"images": 120, "FI')
    assert checkpoints_worth_keeping(run) == {48, 168, 192}
    run.keep_only({48})
    assert [path.name for path in run.checkpoints()] == ["000000048"]


def test_leftovers_of_a_kill_are_swept_away(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", tiny_config(tmp_path / "none.zip"))
    run.checkpoint(8).mkdir(parents=True)
    (run.path / "checkpoints" / ".000000016.77.tmp").mkdir()
    (run.path / ".log.jsonl.77.tmp").write_text("half")
    run.sweep()
    assert sorted(path.name for path in run.path.rglob("*")) == ["000000008", "checkpoints", "config.json"]
