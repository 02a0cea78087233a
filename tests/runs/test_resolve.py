"""Every command answers in the same way which model an argument means."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from earlier_runs import make_earlier
from gghead.checkpoint.store import Checkpoint, save_checkpoint
from gghead.checkpoint.tensors import TensorFile
from gghead.cli.main import main
from gghead.config.presets import PRESETS, Preset
from gghead.inference.loading import load
from gghead.model.generator import build_generator
from gghead.model.storage import generator_content, load_generator, save_generator
from gghead.runs.places import BUNDLED_MODEL
from gghead.runs.resolve import choose_models, find_model, find_snapshots, find_start
from gghead.runs.run_folder import RunFolder
from gghead.training.checkpoints import EMA_NAME
from tiny_run import MODEL, TRAINING, tiny_config, write_tiny_dataset

NAME = "GGHEAD-4_better-hair"
SNAPSHOT = "snapshots/000000008.safetensors"
CHECKPOINT = "checkpoints/000000012"
KINDS = {
    "name": "GGHEAD-4",
    "run": f"runs/{NAME}",
    "checkpoint": f"runs/{NAME}/{CHECKPOINT}",
    "checkpoint by name": f"GGHEAD-4/{CHECKPOINT}",
    "older checkpoint": f"runs/{NAME}/checkpoints/000000008",
    "snapshot": f"runs/{NAME}/{SNAPSHOT}",
    "snapshot by name": f"GGHEAD-4/{SNAPSHOT}",
    "file in a checkpoint": f"runs/{NAME}/{CHECKPOINT}/{EMA_NAME}.safetensors",
    "file": "model.safetensors",
    "nothing": None,
}
"""Arguments, and below what each of them means."""
NEWEST = f"runs/{NAME}/{CHECKPOINT}/{EMA_NAME}.safetensors"
MEANT = dict.fromkeys(["name", "run", "checkpoint", "checkpoint by name", "file in a checkpoint"], NEWEST) | {
    "older checkpoint": f"runs/{NAME}/checkpoints/000000008/{EMA_NAME}.safetensors",
    "snapshot": f"runs/{NAME}/{SNAPSHOT}",
    "snapshot by name": f"runs/{NAME}/{SNAPSHOT}",
    "file": "model.safetensors",
    "nothing": BUNDLED_MODEL,
}


class Loaded(BaseException):
    """Ends a command at the moment at which it reads a model; nobody catches it."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with a snapshot, and a newer checkpoint as Ctrl-C leaves it; a model file beside runs/."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GGHEAD_MODELS_PATH", "runs")
    generator = build_generator(MODEL.generator, seed=0)
    save_generator(tmp_path / "model.safetensors", generator)
    run = RunFolder.create(tmp_path / "runs" / NAME, tiny_config(tmp_path / "blobs.zip"))
    content = {EMA_NAME: generator_content(generator), "generator": TensorFile(generator.state_dict(), {})}
    save_checkpoint(run.checkpoint(8), Checkpoint(content, 8), {EMA_NAME: run.snapshot(8, ".safetensors")})
    save_checkpoint(run.checkpoint(12), Checkpoint(content, 12))
    return tmp_path


def same(found: object, meant: object) -> bool:
    return Path(str(found)).absolute() == Path(str(meant)).absolute()


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_argument_means(kind: str, place: Path) -> None:
    assert same(find_model(KINDS[kind]), MEANT[kind])
    assert [same(model, MEANT[kind]) for model in choose_models(KINDS[kind], "last")] == [True]


def words(command: str, argument: str | None) -> list[str]:
    """The command line that reads a model."""
    given = [] if argument is None else [argument]
    data = ["--data", "blobs.zip", "--detector", "efficientnet-lite0"]
    return {
        "sample": ["sample", *given, "--out", "heads.png"],
        "interpolate": ["interpolate", *given, "--out", "loop.mp4"],
        "export": ["export", *given, "--out", "head.ply"],
        "view": ["view", *given, "--port", "18080"],
        "info": ["info", *given],
        "evaluate": ["evaluate", *given, *data],
    }[command] + (["--device", "cpu"] if command != "info" else [])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", ["load", "sample", "interpolate", "export", "view", "info", "evaluate"])
def test_all_commands_read_the_model_that_is_meant(
    command: str, kind: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command == "view":
        pytest.importorskip("viser", reason="the viewer needs the extra `viewer`")
    if command == "info" and kind in ("name", "run"):
        pytest.skip("tells of the run")
    read: list[Path] = []

    def note(path: Path) -> None:
        read.append(path)
        raise Loaded

    monkeypatch.setattr("gghead.model.storage.load_generator", note)
    monkeypatch.setattr("gghead.inference.loading.load_generator", note)
    monkeypatch.setattr("gghead.evaluation.session.evaluate_all", lambda candidates, *more: note(candidates[0].path))
    write_tiny_dataset(place / "blobs.zip")
    with pytest.raises(Loaded):
        load(KINDS[kind]) if command == "load" else CliRunner().invoke(main, words(command, KINDS[kind]))
    (path,) = read
    assert same(path, MEANT[kind])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "nothing"])
def test_a_run_starts_from_the_full_checkpoint_where_there_is_one(
    kind: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def note(path: Path) -> None:
        read.append(path)
        raise Loaded

    monkeypatch.setattr("gghead.training.transfer.load_generator", note)
    monkeypatch.setattr("gghead.training.transfer.load_checkpoint", note)
    monkeypatch.setitem(PRESETS, "demo", Preset("", MODEL, TRAINING))
    with pytest.raises(Loaded):
        CliRunner().invoke(main, ["train", "demo", "--dry-run", "--init-from", str(KINDS[kind])])
    is_file = KINDS[kind].endswith(".safetensors")
    assert same(read[0], MEANT[kind] if is_file else Path(MEANT[kind]).parent)


def test_a_run_without_checkpoints_is_started_from_by_its_newest_snapshot(place: Path) -> None:
    shutil.rmtree(place / "runs" / NAME / "checkpoints")
    assert same(find_start("GGHEAD-4"), place / "runs" / NAME / SNAPSHOT)


def test_snapshots_of_a_run_are_chosen(place: Path) -> None:
    run = place / "runs" / NAME
    assert [(found.images, same(found.path, path)) for found, path in zip(
        find_snapshots(run), (run / SNAPSHOT, place / NEWEST), strict=True
    )] == [(8, True), (12, True)]  # fmt: skip
    assert len(choose_models("GGHEAD-4", "all")) == len(choose_models("GGHEAD-4", "remaining")) == 2
    assert choose_models("GGHEAD-4", "8") == [Path("runs") / NAME / SNAPSHOT]
    for name in ("000000008_backup", "favourite"):
        shutil.copy(run / SNAPSHOT, run / "snapshots" / f"{name}.safetensors")
    (run / "snapshots" / "000001000.safetensors").write_bytes(b"")
    assert len(find_snapshots(run)) == 3
    assert choose_models("GGHEAD-4", "1k") == [Path("runs") / NAME / "snapshots" / "000001000.safetensors"]
    with pytest.raises(FileNotFoundError, match="no snapshot or checkpoint at 9 images; it has 8, 12, 1000"):
        choose_models(run, "9")
    for argument in ("GGHEAD-4", "model.safetensors"):
        with pytest.raises(ValueError, match="no snapshot 'newest'; expected last, all, remaining, or images"):
            choose_models(argument, "newest")


def hide(folder: Path) -> None:
    """What retention does to a checkpoint first."""
    folder.rename(folder.with_name(f".{folder.name}.removed.tmp"))


def test_a_snapshot_outlives_its_checkpoint(place: Path) -> None:
    run = place / "runs" / NAME
    assert (run / SNAPSHOT).samefile(run / "checkpoints" / "000000008" / f"{EMA_NAME}.safetensors"), "stored once"
    hide(run / CHECKPOINT)
    assert same(find_model(run), run / SNAPSHOT)
    shutil.rmtree(run / "checkpoints")
    assert load_generator(find_model(run)).config == MODEL.generator


@pytest.mark.parametrize("find", [find_model, find_start, lambda path: choose_models(path, "all")])
def test_what_is_no_model_is_named(find: Callable[[Path], object], tmp_path: Path) -> None:
    for name in ("nothing", "nothing.safetensors"):
        with pytest.raises(FileNotFoundError, match=f"there is no model at .*{name}; expected"):
            find(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="holds no model: expected a run's folder"):
        find(tmp_path)
    (tmp_path / "config.json").touch()
    with pytest.raises(FileNotFoundError, match="a run that has kept no model yet; go on with `gghead resume"):
        find(tmp_path)
    (tmp_path / "official.pkl").write_bytes(b"")
    with pytest.raises(ValueError, match="gghead import"):
        find(tmp_path / "official.pkl")
    with pytest.raises(ValueError, match="the model is a int"):
        find(5)  # type: ignore[arg-type]


def test_checkpoints_of_earlier_versions_are_no_models(place: Path) -> None:
    run = make_earlier(place / "runs" / NAME)
    assert same(find_model(run), run / SNAPSHOT), "though there is a newer checkpoint"
    with pytest.raises(ValueError, match=r"a checkpoint of an earlier version.*take a snapshot of its run"):
        find_model(run / CHECKPOINT)
    assert same(find_start(run), run / CHECKPOINT)


def test_a_checkpoint_without_a_model_or_with_a_damaged_one_is_named(place: Path) -> None:
    model = place / NEWEST
    model.write_bytes(model.read_bytes()[:100])
    for argument in ("GGHEAD-4", f"GGHEAD-4/{CHECKPOINT}"):
        with pytest.raises(ValueError, match=rf"000000012.*{EMA_NAME}\.safetensors is no readable.*damaged"):
            load(argument)
    model.unlink()
    with pytest.raises(FileNotFoundError, match=rf"lacks {EMA_NAME}\.safetensors; take another one"):
        load(f"GGHEAD-4/{CHECKPOINT}")


def test_answers_come_without_torch() -> None:
    program = "import sys, gghead.runs.resolve; sys.exit('torch' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0
