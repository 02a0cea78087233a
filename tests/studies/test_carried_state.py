"""A run carried in 16 bits goes on where it stopped, nearly as if it had not been."""

import shutil
import sys
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gghead.checkpoint.store import load_checkpoint
from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors
from gghead.runs.run_folder import RunFolder
from gghead.runs.run_log import read_log
from gghead.training.loop import train
from studies.carried_state import main, pack, unpack
from tiny_run import SilentMonitor, tiny_config, write_tiny_dataset
from tolerances import CARRIED_LOSS


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that ended early, by its total."""
    folder = tmp_path_factory.mktemp("stopped")
    data = write_tiny_dataset(folder / "blobs.zip")
    run = RunFolder.create(folder / "run", tiny_config(data, total_images=24, log_every=4, snapshot_every=24))
    train(run, SilentMonitor())
    return run


def go_on(run: RunFolder, total_images: int = 32) -> list[Mapping[str, float]]:
    """Trains on, and what the log says of the steps since."""
    before = run.config.training.total_images
    longer = replace(run.config, training=replace(run.config.training, total_images=total_images))
    train(RunFolder(run.path, longer), SilentMonitor())
    return [line.values for line in read_log(run.log) if line.images > before]


@pytest.mark.slow
def test_a_carried_run_goes_on_where_it_stopped(stopped: RunFolder, tmp_path: Path) -> None:
    parts = pack(stopped, tmp_path / "parts", part_bytes=20_000)
    assert len(parts) > 2
    assert max(part.stat().st_size for part in parts) <= 20_000
    run = unpack(tmp_path / "parts", tmp_path / "carried")
    before, after = load_checkpoint(stopped.checkpoint(24)), load_checkpoint(run.checkpoint(24))
    assert (after.images, after.numbers, after.texts) == (24, before.numbers, before.texts)
    for name, file in before.files.items():
        assert after.files[name].texts == file.texts
        for key, tensor in file.tensors.items():
            if not key.endswith("/exp_avg"):
                torch.testing.assert_close(after.files[name].tensors[key], tensor, rtol=2**-8, atol=1e-6)
    assert run.log.read_bytes() == stopped.log.read_bytes()
    carried = go_on(run)
    shutil.copytree(stopped.path, tmp_path / "original")
    original = go_on(RunFolder.open(tmp_path / "original"))
    assert len(carried) == len(original) > 0
    assert run.checkpoint(32).is_dir()
    for ours, theirs in zip(carried, original, strict=True):
        for name in ("generator", "discriminator"):
            assert ours[name] == pytest.approx(theirs[name], abs=CARRIED_LOSS)


@pytest.mark.slow
def test_without_optimizers_they_start_fresh(stopped: RunFolder, tmp_path: Path) -> None:
    parts = pack(stopped, tmp_path / "parts", part_bytes=10**6, with_optimizers=False)
    assert len(parts) == 1
    run = unpack(tmp_path / "parts", tmp_path / "carried", data=Path(stopped.config.data))
    for name in ("generator_optimizer", "discriminator_optimizer"):
        assert not any(tensor.any() for tensor in load_checkpoint(run.checkpoint(24)).files[name].tensors.values())
    assert go_on(run, 28)
    steps = load_checkpoint(run.checkpoint(28)).files["generator_optimizer"].tensors["position_bias/step"]
    assert float(steps) == 1


def test_a_part_that_is_missing_or_damaged_is_named(stopped: RunFolder, tmp_path: Path) -> None:
    parts = pack(stopped, tmp_path / "parts", part_bytes=20_000)
    parts[1].write_bytes(bytes(20_000))
    with pytest.raises(ValueError, match="damaged"):
        unpack(tmp_path / "parts", tmp_path / "carried")
    parts[1].unlink()
    with pytest.raises(FileNotFoundError, match=r"parts lacks state-00002-of-.*part; expected all"):
        unpack(tmp_path / "parts", tmp_path / "carried")
    assert not (tmp_path / "carried").exists()


def rewritten(parts: Path, **texts: str) -> TensorFile:
    """The state in the parts, with other texts, as the only part."""
    whole = parts / "whole.safetensors"
    whole.write_bytes(b"".join(part.read_bytes() for part in sorted(parts.glob("*.part"))))
    content = load_tensors(whole)
    for path in parts.iterdir():
        path.unlink()
    return TensorFile(content.tensors, {name: text for name, text in (dict(content.texts) | texts).items() if text})


@pytest.mark.parametrize(
    ("texts", "tensors", "told"),
    [
        ({"config": ""}, {}, "holds no state of a run"),
        ({"images": "many"}, {}, "holds no state of a run"),
        ({"files": "[]"}, {}, "holds no state of a run"),
        ({}, {"run/log.jsonl": torch.zeros(9, dtype=torch.uint8)}, "holds no state of a run"),
        (
            {},
            {"run/../../outside": torch.frombuffer(bytearray(zlib.compress(b"x")), dtype=torch.uint8)},
            "a file ../../outside, which no run",
        ),
    ],
)
def test_parts_of_something_else_make_no_run(
    texts: dict[str, str], tensors: dict[str, torch.Tensor], told: str, stopped: RunFolder, tmp_path: Path
) -> None:
    pack(stopped, tmp_path / "parts", part_bytes=10**6)
    content = rewritten(tmp_path / "parts", **texts)
    save_tensors(tmp_path / "state.safetensors", TensorFile({**content.tensors, **tensors}, content.texts))
    (tmp_path / "state.safetensors").rename(tmp_path / "parts" / "state-00001-of-00001.part")
    (tmp_path / "deep").mkdir()
    with pytest.raises(ValueError, match=told):
        unpack(tmp_path / "parts", tmp_path / "deep" / "carried")
    assert {path.name for path in tmp_path.rglob("*")} == {"deep", "parts", "state-00001-of-00001.part"}


def test_parts_of_two_states_are_told_apart(stopped: RunFolder, tmp_path: Path) -> None:
    parts = pack(stopped, tmp_path / "parts", part_bytes=20_000)
    parts[0].rename(tmp_path / "parts" / "state-00001-of-00001.part")
    with pytest.raises(ValueError, match=r"holds parts of 00001 and of 0\d+; expected those of one state"):
        unpack(tmp_path / "parts", tmp_path / "carried")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("pack", "nowhere", "parts"), "error: nowhere is no run"),
        (("unpack", "nowhere", "run"), "error: nowhere lacks state-00001-of-00001.part"),
        (("pack", "nowhere", "parts", "--parts-of", "infMB"), "a part of infMB is none"),
    ],
)
def test_mistakes_end_without_a_traceback(
    arguments: tuple[str, ...],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["carried_state", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code
    assert told in capsys.readouterr().err
