"""A run as a whole: it goes to its end, resumes bit for bit, survives interruptions and damage."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from gghead.checkpoint.tensors import load_tensors
from gghead.inference.loading import load
from gghead.processes.interruption import catch_interruption
from gghead.runs.run_folder import RunFolder
from gghead.training.loop import Outcome, train
from tiny_run import SignalAt, SilentMonitor, tiny_config, write_tiny_dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_dataset(tmp_path_factory.mktemp("data") / "blobs.zip")


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    run = RunFolder.create(tmp_path_factory.mktemp("runs") / "whole", tiny_config(data))
    assert train(run, SilentMonitor()) == Outcome(images=48, interrupted=False)
    return run


def same_state(a: Path, b: Path) -> bool:
    """Whether two checkpoints hold the same bits."""
    names = sorted(path.name for path in a.glob("*.safetensors"))
    assert names == sorted(path.name for path in b.glob("*.safetensors"))
    assert len(names) == 5
    for name in names:
        first, second = load_tensors(a / name).tensors, load_tensors(b / name).tensors
        assert first.keys() == second.keys()
        if not all(torch.equal(first[key], second[key]) for key in first):
            return False
    return True


def log_lines(run: RunFolder) -> list[dict[str, float]]:
    """What a run logged, but for the speed."""
    return [json.loads(line) | {"images_per_second": 0} for line in run.log.read_text().splitlines()]


def test_a_run_leaves_what_it_promises(finished: RunFolder) -> None:
    found = sorted(str(path.relative_to(finished.path)) for path in finished.path.rglob("*") if path.is_file())
    checkpoint = ["discriminator", "discriminator_optimizer", "generator", "generator_ema", "generator_optimizer"]
    expected = [".lock", "config.json", "data.json", "log.jsonl"]
    for images in ("000000024", "000000048"):
        expected += [f"checkpoints/{images}/{name}.safetensors" for name in checkpoint]
        expected += [f"checkpoints/{images}/manifest.json"]
        expected += [f"snapshots/{name}{images}.png" for name in ("", "depth_", "maps_")]
        expected += [f"snapshots/{images}.safetensors"]
    assert found == sorted(expected)
    lines = [json.loads(line) for line in finished.log.read_text().splitlines()]
    assert [line["images"] for line in lines] == [8, 16, 24, 32, 40, 48]
    assert all(abs(line["generator"]) < 100 for line in lines)
    for name, rows in (("heads", 4), ("depth", 4), ("maps", 2)):
        with Image.open(finished.sheet(48, name)) as sheet:
            assert sheet.size == (12 * 16, rows * 16)


def test_the_snapshot_is_the_ema_generator(finished: RunFolder) -> None:
    tensors = load_tensors(finished.checkpoint(48) / "generator_ema.safetensors").tensors
    for name, tensor in load(finished.path).state_dict().items():
        assert torch.equal(tensor, tensors[name]), name


def test_every_parameter_learns(finished: RunFolder) -> None:
    before = load_tensors(finished.checkpoint(24) / "generator.safetensors").tensors
    after = load_tensors(finished.checkpoint(48) / "generator.safetensors").tensors
    buffers = {"template_positions", "texel_uvs"}
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert {name for name in same if not name.endswith("noise")} == buffers


@pytest.mark.parametrize("at", [4, pytest.param(28, marks=pytest.mark.slow)])
def test_interrupted_and_resumed_is_bit_for_bit_the_same_run(
    at: int, data: Path, finished: RunFolder, tmp_path: Path
) -> None:
    run = RunFolder.create(tmp_path / "stopped", tiny_config(data))
    monitor = SignalAt(at, signal.SIGINT)
    assert train(run, monitor) == Outcome(images=at, interrupted=True)
    assert run.checkpoints()[-1] == run.checkpoint(at)
    assert monitor.events[-1] == f"interrupted; saved at {at} images"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert train(RunFolder.open(run.path), SilentMonitor()) == Outcome(images=48, interrupted=False)
    assert same_state(run.checkpoint(48), finished.checkpoint(48))
    assert log_lines(run) == log_lines(finished), "no line twice, and means of as many steps"
    again = SilentMonitor()
    assert train(RunFolder.open(run.path), again) == Outcome(images=48, interrupted=False)
    assert again.events[0].endswith("is complete with 48 images")


def test_a_second_signal_stops_at_once_but_not_its_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 10.0
    monkeypatch.setattr("gghead.processes.interruption.time.monotonic", lambda: now)
    with catch_interruption() as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.requested
        now += 2
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has none")
def test_a_hangup_saves_unless_it_is_ignored(data: Path, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", tiny_config(data, total_images=16))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert train(run, SignalAt(4, signal.SIGHUP)).interrupted is False, "as nohup has it"
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # who runs the tests may have started them by nohup
        other = RunFolder.create(tmp_path / "other", tiny_config(data, total_images=16))
        assert train(other, SignalAt(4, signal.SIGHUP)) == Outcome(images=4, interrupted=True)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert [path.name for path in other.checkpoints()] == ["000000004"]


CLOSED_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from gghead.cli.main import main
main(["resume", sys.argv[1], "--device", "cpu"])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="terminals are closed in another way elsewhere")
def test_a_terminal_that_is_closed_saves(data: Path, tmp_path: Path) -> None:
    import pty

    config = tiny_config(data, total_images=100_000, snapshot_every=100_000, log_every=4)
    run = RunFolder.create(tmp_path / "run", config)
    terminal, streams = pty.openpty()
    arguments = [sys.executable, "-c", CLOSED_TERMINAL, str(run.path)]
    process = subprocess.Popen(arguments, stdin=streams, stdout=streams, stderr=streams, start_new_session=True)
    os.close(streams)
    while process.poll() is None and not run.log.exists():
        select.select([terminal], [], [], 0.05)[0] and os.read(terminal, 4096)
    os.close(terminal)
    assert process.wait(60) == 130
    assert len(run.checkpoints()) == 1


def test_another_seed_is_another_run(data: Path, finished: RunFolder, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "other", tiny_config(data, seed=1, total_images=24))
    train(run, SilentMonitor())
    assert not same_state(run.checkpoint(24), finished.checkpoint(24))


def test_a_generator_that_sees_no_camera_trains(data: Path, tmp_path: Path) -> None:
    config = tiny_config(data, total_images=8, snapshot_every=8)
    blind = replace(config.model.generator, camera_conditioned=False)
    run = RunFolder.create(tmp_path / "run", replace(config, model=replace(config.model, generator=blind)))
    assert train(run, SilentMonitor()).images == 8


def test_only_numbers_name_checkpoints(data: Path, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", tiny_config(data))
    names = ["000000008", "000000008_backup", "8 of monday", "1000000000", "999999999", ".000000004.removed.tmp"]
    for name in names:
        (run.path / "checkpoints" / name).mkdir(parents=True)
    assert [path.name for path in run.checkpoints()] == ["000000008", "999999999", "1000000000"]
    run.keep_only({8})
    left = sorted(path.name for path in (run.path / "checkpoints").iterdir())
    assert left == [".000000004.removed.tmp", "000000008", "000000008_backup", "8 of monday"]


@pytest.mark.slow
def test_old_checkpoints_go_and_snapshots_stay(data: Path, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", tiny_config(data, snapshot_every=8, total_images=32, kept_checkpoints=2))
    train(run, SilentMonitor())
    assert [path.name for path in run.checkpoints()] == ["000000024", "000000032"]
    assert len(list((run.path / "snapshots").glob("*.safetensors"))) == 4


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize("harm", [damage, cut])
def test_a_damaged_checkpoint_is_named_with_the_remedy(
    harm: Callable[[Path], None], data: Path, tmp_path: Path
) -> None:
    run = RunFolder.create(tmp_path / "run", tiny_config(data, snapshot_every=8, total_images=16))
    train(run, SilentMonitor())
    harm(run.checkpoint(16) / "generator.safetensors")
    with pytest.raises(ValueError, match=r"generator\.safetensors is (damaged|no readable).*remove .*000000016"):
        train(run, SilentMonitor())


def test_a_full_disk_keeps_the_old_checkpoint(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder.create(tmp_path / "run", tiny_config(data, snapshot_every=8, total_images=16))
    train(run, SignalAt(8, signal.SIGINT))

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("gghead.training.checkpoints.save_checkpoint", fail)
        with pytest.raises(OSError, match="No space left"):
            train(run, SilentMonitor())
    assert [path.name for path in run.checkpoints()] == ["000000008"]
    assert train(run, SilentMonitor()).images == 16


def test_divergence_is_told_and_not_saved(data: Path, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", tiny_config(data, generator_lr=1e12, discriminator_lr=1e12))
    with pytest.raises(FloatingPointError, match="training has diverged in step 0, after 0 images: not finite: r1"):
        train(run, SilentMonitor())
    assert run.checkpoints() == []


def test_a_run_is_trained_by_one_at_a_time(data: Path, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", tiny_config(data, snapshot_every=8, total_images=8))
    with RunFolder.open(run.path).claim(), pytest.raises(ValueError, match="is trained by another process"):
        train(run, SilentMonitor())
    assert train(run, SilentMonitor()).images == 8


def test_an_existing_folder_is_not_taken(data: Path, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="gghead resume"):
        RunFolder.create(tmp_path, tiny_config(data))


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"is no run: it has no config\.json"):
        RunFolder.open(tmp_path)
