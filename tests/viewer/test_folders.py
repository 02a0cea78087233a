"""What paths hold, and what a run in them shows of itself while it goes on."""

import json
from pathlib import Path

import numpy as np
import pytest

from gghead.viewer.follow import POINTS, RunWatch, read_curves
from gghead.viewer.library import BUNDLED, open_library


def run_in(folder: Path, *images: int) -> Path:
    (folder / "snapshots").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    for count in images:
        (folder / "snapshots" / f"{count:09d}.safetensors").write_bytes(b"")
    return folder


def test_a_folder_of_runs_models_and_plys(tmp_path: Path) -> None:
    run_in(tmp_path / "first", 8, 16)
    run_in(tmp_path / "second")
    for name in ("a.safetensors", "b.ply", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    library = open_library((tmp_path,))
    assert [entry.name for entry in library] == ["a.safetensors", "b.ply", "first", "second"]
    assert [path.stem for path in library[2].snapshots()] == ["000000016", "000000008"]
    assert library[3].snapshots() == ()


def test_names_are_unique(tmp_path: Path) -> None:
    runs = [run_in(tmp_path / side / "run", 8) for side in ("left", "right")]
    assert [entry.name for entry in open_library((*runs, runs[0]))] == [str(run) for run in runs]


def test_without_paths_the_bundled_model(tmp_path: Path) -> None:
    assert [entry.path for entry in open_library(())] == [BUNDLED]


def test_refusals(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(FileNotFoundError, match="there is nothing at"):
        open_library((tmp_path / "missing",))
    with pytest.raises(FileNotFoundError, match="holds no runs"):
        open_library((tmp_path,))
    with pytest.raises(ValueError, match="can't be looked at"):
        open_library((tmp_path / "notes.txt",))


def test_news_come_when_something_is_new(tmp_path: Path) -> None:
    watch = RunWatch(tmp_path / "run")
    news = watch.poll()
    assert news is not None
    assert news.snapshot is None
    assert watch.poll() is None
    run = run_in(tmp_path / "run", 8)
    assert watch.poll().snapshot.stem == "000000008"
    (run / "log.jsonl").write_text(json.dumps({"images": 8000, "generator": 1.5, "discriminator": 0.5}) + '\n{"ima')
    news = watch.poll()
    assert news.images.tolist() == [8.0]
    assert {name: values.tolist() for name, values in news.curves.items()} == {
        "generator": [1.5],
        "discriminator": [0.5],
    }
    assert watch.poll() is None
    (run / "snapshots" / "000000016.safetensors").write_bytes(b"")
    (run / "snapshots" / "000000016.safetensors.tmp").write_bytes(b"")
    assert watch.poll().snapshot.name == "000000016.safetensors"


def test_long_logs_are_thinned_and_gaps_are_gaps(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    lines = [{"images": i, "generator": 1.0} | ({"discriminator": 2.0} if i % 3 else {}) for i in range(3001)]
    log.write_text("\n".join(map(json.dumps, lines)))
    images, curves = read_curves(log)
    assert len(images) <= POINTS
    assert np.isnan(curves["discriminator"]).any()
    assert (curves["generator"] == 1).all()
