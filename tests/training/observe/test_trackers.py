"""Weights & Biases and TensorBoard get what the log gets; the real packages write, their files are read back."""

import json
import struct
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from gghead.runs.run_folder import RunFolder
from gghead.training.loop import train
from gghead.training.observe.telemetry import Monitor
from gghead.training.observe.trackers import Monitors, open_trackers
from tiny_run import SilentMonitor, tiny_config, write_tiny_dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_dataset(tmp_path_factory.mktemp("data") / "blobs.zip")


@pytest.fixture
def run(data: Path, tmp_path: Path) -> RunFolder:
    return RunFolder.create(
        tmp_path / "GGHEAD-7", tiny_config(data, total_images=16, snapshot_every=16, metrics_every=0)
    )


def track(run: RunFolder, *names: str) -> list[dict[str, float]]:
    """Trains, and returns the lines of the log."""
    with open_trackers(names, run) as trackers:
        train(run, Monitors([SilentMonitor(), *trackers]))
        for tracker in trackers:
            assert isinstance(tracker, Monitor)
            tracker.metrics(16, {"FID": 12.5})
    return [json.loads(line) for line in run.log.read_text().splitlines()]


def events(folder: Path) -> Iterator[object]:
    """Reads event files: records of length, checksum, message, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    for path in sorted(folder.glob("events.*")):
        content = path.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            yield Event.FromString(content[12 : 12 + length])
            content = content[16 + length :]


def test_monitors_tell_all(tmp_path: Path) -> None:
    both = [SilentMonitor(), SilentMonitor()]
    monitors = Monitors(both)
    monitors.event("hello")
    monitors.advance(4)
    monitors.metrics(4, {"FID": 1.0})
    monitors.sheets(4, {"heads": tmp_path})
    for monitor in both:
        assert (monitor.events, monitor.images) == (["hello"], [4])
        assert (monitor.measured, monitor.pictures) == ([(4, {"FID": 1.0})], [(4, {"heads": tmp_path})])


@pytest.mark.skipif(find_spec("tensorboardX") is None, reason="needs the extra `tensorboard`")
def test_tensorboard_gets_curves_and_pictures(run: RunFolder) -> None:
    lines = track(run, "tensorboard", "tensorboard")
    values = [
        (value.tag, event.step, value) for event in events(run.path / "tensorboard") for value in event.summary.value
    ]
    curve = {step: value.simple_value for tag, step, value in values if tag == "loss/generator"}
    assert curve == pytest.approx({line["images"]: line["generator"] for line in lines}, rel=1e-4)
    assert [step for tag, step, _ in values if tag == "metrics/FID"] == [16]
    pictures = {tag: value.image for tag, _, value in values if tag.startswith("sheets/")}
    assert set(pictures) == {"sheets/heads", "sheets/depth", "sheets/maps"}
    assert (pictures["sheets/heads"].width, pictures["sheets/heads"].height) == (12 * 16, 4 * 16)


@pytest.mark.skipif(find_spec("wandb") is None, reason="needs the extra `wandb`")
def test_wandb_works_offline_and_goes_on_under_the_same_name(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    track(run, "wandb")
    (record,) = (run.path / "wandb").glob("offline-run-*/run-*.wandb")
    name = (run.path / "wandb_id.txt").read_text()
    assert record.stem == f"run-{name}"
    content = record.read_bytes()
    for text in (b"generative-gaussian-heads", b"GGHEAD-7", b"loss/generator", b"metrics/FID", b"sheets/maps"):
        assert text in content, text
    with open_trackers(["wandb"], run):
        pass
    assert (run.path / "wandb_id.txt").read_text() == name


def test_a_missing_package_is_named(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gghead.training.observe.trackers.find_spec", lambda name: None)
    with (
        pytest.raises(ValueError, match=r"--log tensorboard needs the package tensorboardX; pip install 'gghead\["),
        open_trackers(["tensorboard"], run),
    ):
        pass
