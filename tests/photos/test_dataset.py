"""A dataset of photographs is the same bytes with any number of threads and after any interruption."""

import json
import multiprocessing
import os
import signal
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import Image

from gghead.data.check.inspection import inspect
from gghead.data.dataset import HeadDataset
from gghead.photos.dataset import Prepared, write_dataset
from gghead.photos.heads import Head
from gghead.photos.refusal import Reason, Refused
from gghead.photos.sources.finding import Shots
from gghead.photos.sources.naming import KEPT
from gghead.photos.sources.shots import Shot
from photos.painted_photographs import SIDE, Painted, find_painted, painted

NAMES = ["heads.zip", "heads_masks_modnet.zip", "heads_photos.json", "heads_sheet.jpg"]
PHOTOGRAPHS = [
    painted("a", color=1),
    painted("b", heads=0, refused=(Reason.NO_FACE,), color=2),
    painted("c/d", heads=3, refused=(Reason.SMALL, Reason.BLURRED), color=3),
    painted("e", heads=-1),
    painted("f", color=1),
    painted("g", color=7, frame=30),
    painted("h", heads=0, refused=(Reason.SEVERAL_FACES,), color=8),
    painted("i", color=9),
]
SETTINGS = '{"resolution": 16}'


def write(folder: Path, photographs: list[Painted] = PHOTOGRAPHS, **keywords: object) -> Prepared:
    album, given = Shots(tuple(photographs)), {"settings": SETTINGS, "workers": 2, **keywords}
    return write_dataset(album, find_painted, folder / "heads.zip", **given)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photographs")
    counts: list[tuple[int, int]] = []
    write(path, workers=1, on_progress=lambda done, total: counts.append((done, total)))
    assert counts == [(done, 8) for done in range(9)]
    assert sorted(content(path)) == NAMES
    return path


def photographs_of(folder: Path) -> list[dict]:
    return json.loads((folder / "heads_photos.json").read_text())["photographs"]


def test_the_archive_is_a_dataset_without_problems(folder: Path) -> None:
    assert inspect(folder / "heads.zip", SIDE).problems == ()
    with HeadDataset.open(folder / "heads.zip", SIDE) as dataset:
        assert dataset.names == ("a.png", "c/d.png", "c/d~2.png", "c/d~3.png", "g.png", "i.png")
        labels = dict(zip(dataset.names, dataset.labels, strict=True))
        for name, color in (("a.png", 1), ("i.png", 9)):
            (head,) = find_painted(painted("", color=color).read())
            assert np.array_equal(labels[name], head.label)
            assert np.array_equal(dataset.read(dataset.names.index(name))[8, 8], head.image[8, 8])
            assert (dataset.read(dataset.names.index(name), background=0.0)[0] == 0).all(), "the mask is beside it"


def test_what_became_of_each_photograph_stands_in_their_order(folder: Path) -> None:
    entries = photographs_of(folder)
    assert [entry["name"] for entry in entries] == [shot.name for shot in PHOTOGRAPHS]
    assert [entry["source"] for entry in entries] == [shot.source for shot in PHOTOGRAPHS]
    assert [[left["reason"] for left in entry["refusals"]] for entry in entries] == [
        [], ["no face"], ["small face", "blurred"], ["unreadable"], ["duplicate"], [], ["several faces"], [],
    ]  # fmt: skip
    assert entries[5]["frame"] == 30
    assert entries[3]["refusals"][0]["text"] == "the file is no picture; copy it again"
    assert "holiday/a.jpg" in entries[4]["refusals"][0]["text"]
    assert [entry["size"] for entry in entries[:5]] == [[24, 20], [24, 20], [24, 20], None, None]
    assert "~" not in KEPT, "names of further heads are no other photograph's"
    head = entries[2]["heads"][1]
    assert (head["picture"], head["score"]) == ("c/d~2.png", 0.6)
    assert head["crop"] == {"center": [12.0, 10.0], "side": 11.0, "roll": 0.1}
    expected = find_painted(PHOTOGRAPHS[2].read())[1]
    assert np.array_equal(np.float32(head["label"]), expected.label)
    assert np.abs(np.array(head["landmarks"]) - expected.landmarks).max() <= 0.0501


def test_what_is_refused_changes_nothing_for_its_neighbors(folder: Path, tmp_path: Path) -> None:
    write(tmp_path, [shot for shot in PHOTOGRAPHS if shot.heads > 0])
    assert (tmp_path / "heads.zip").read_bytes() == (folder / "heads.zip").read_bytes()


def test_counts_and_paths_are_told(tmp_path: Path) -> None:
    prepared = write(tmp_path, workers=2)
    assert (prepared.photographs, prepared.heads) == (8, 6)
    assert dict(prepared.refused) == {
        Reason.NO_FACE: 1, Reason.SMALL: 1, Reason.BLURRED: 1, Reason.UNREADABLE: 1, Reason.DUPLICATE: 1,
        Reason.SEVERAL_FACES: 1,
    }  # fmt: skip
    assert prepared.paths[0] == tmp_path / "heads.zip"
    assert sorted(path.name for path in prepared.paths) == NAMES


@pytest.mark.parametrize("workers", [2, 7, None])
def test_the_number_of_threads_does_not_change_a_byte(folder: Path, tmp_path: Path, workers: int | None) -> None:
    write(tmp_path, workers=workers)
    assert content(tmp_path) == content(folder)


@pytest.mark.parametrize("stop", range(len(PHOTOGRAPHS) + 1))
def test_interrupted_anywhere_it_goes_on_to_the_same_bytes(folder: Path, tmp_path: Path, stop: int) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, on_progress=interrupt)
    assert list(content_names(tmp_path)) == [".heads.zip.unfinished"]
    counts: list[int] = []
    write(tmp_path, on_progress=lambda done, total: counts.append(done))
    assert counts == list(range(stop, len(PHOTOGRAPHS) + 1))
    assert content(tmp_path) == content(folder)


def content_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_what_a_power_cut_left_goes_on_to_the_same_bytes(
    data: st.DataObject, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("cut")
    with pytest.raises(KeyboardInterrupt):
        write(path, on_progress=interrupt_at(data.draw(st.integers(1, len(PHOTOGRAPHS)), label="done")))
    for name in ("heads.zip", "heads_masks_modnet.zip", "thumbnails.zip", "photographs.jsonl"):
        file = path / ".heads.zip.unfinished" / name
        left = bytearray(file.read_bytes())
        del left[data.draw(st.integers(0, len(left)), label=f"bytes of {name}") :]
        if left and data.draw(st.booleans(), label="zeros at its end"):
            zeros = data.draw(st.integers(1, len(left)), label="zeros")
            left[-zeros:] = bytes(zeros)
        file.write_bytes(left)
    write(path)
    assert content(path) == content(folder)


def interrupt_at(stop: int):
    def interrupt(done: int, total: int) -> None:
        if done == stop:
            raise KeyboardInterrupt

    return interrupt


def write_until_killed(folder: Path) -> None:
    def kill(done: int, total: int) -> None:
        if done == 4:
            time.sleep(0.05)  # the threads are at work on the next ones
            os.kill(os.getpid(), signal.SIGKILL)

    write(folder, on_progress=kill)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_killed_it_goes_on_to_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=write_until_killed, args=(tmp_path,))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    assert content_names(tmp_path) == [".heads.zip.unfinished"]
    counts: list[int] = []
    write(tmp_path, on_progress=lambda done, total: counts.append(done))
    assert counts[0] == 4
    assert content(tmp_path) == content(folder)


@pytest.mark.parametrize(
    ("now", "kept"),
    [
        pytest.param(PHOTOGRAPHS[:2] + PHOTOGRAPHS[3:], 2, id="one is gone"),
        pytest.param([*PHOTOGRAPHS[:4], painted("new", color=50), *PHOTOGRAPHS[4:]], 4, id="one came"),
        pytest.param([painted("new", color=50), *PHOTOGRAPHS], 0, id="one came at first"),
        pytest.param([*PHOTOGRAPHS, painted("new", color=50)], 6, id="one came at last"),
        pytest.param(PHOTOGRAPHS[:3], 3, id="those that are left were done"),
        pytest.param([*PHOTOGRAPHS[:5], replace(PHOTOGRAPHS[5], frame=60), *PHOTOGRAPHS[6:]], 5, id="another frame"),
    ],
)
def test_other_photographs_than_before_are_what_is_written(tmp_path: Path, now: list[Painted], kept: int) -> None:
    """It goes on from the first that is another one."""
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, on_progress=interrupt_at(6))
    counts: list[int] = []
    write(tmp_path, now, on_progress=lambda done, total: counts.append(done))
    assert counts[0] == kept
    (tmp_path / "fresh").mkdir()
    write(tmp_path / "fresh", now)
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (tmp_path / "fresh" / name).read_bytes()


def test_with_other_settings_nothing_goes_on(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, on_progress=interrupt_at(3), settings='{"resolution": 32}')
    with pytest.raises(FileExistsError, match=r"unfinished heads\.zip of other settings .*32"):
        write(tmp_path)
    counts: list[int] = []
    write(tmp_path, overwrite=True, on_progress=lambda done, total: counts.append(done))
    assert counts[0] == 0
    assert content(tmp_path) == content(folder)


@pytest.mark.parametrize("existing", NAMES)
def test_existing_files_stay_unless_they_shall_not(folder: Path, tmp_path: Path, existing: str) -> None:
    (tmp_path / existing).write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=f"{existing} exists already; .*--force"):
        write(tmp_path)
    assert content(tmp_path) == {existing: b"mine"}
    write(tmp_path, overwrite=True)
    assert content(tmp_path) == content(folder)


def test_without_a_single_head_there_are_no_files_but_the_reasons(tmp_path: Path) -> None:
    bad = [painted(f"p{i}", heads=0, refused=(Reason.NO_FACE,), color=i) for i in range(7)] + [painted("q", heads=-1)]
    with pytest.raises(ValueError, match=r"none of the 8 photographs .*\(7 no face, 1 unreadable\)") as caught:
        write(tmp_path, bad)
    assert str(caught.value).splitlines()[1] == "holiday/p0.jpg: it is not as it should be"
    assert "... and 3 more" in str(caught.value)
    with pytest.raises(ValueError, match=r"^holiday/q\.jpg: the file is no picture; copy it again$"):
        write(tmp_path, bad[-1:])
    assert not list(tmp_path.iterdir())


def test_an_error_that_nobody_expects_keeps_what_is_done(folder: Path, tmp_path: Path) -> None:
    def find(pixels: np.ndarray) -> list:
        if pixels[-1, -1, 0] == 8:
            raise RuntimeError("a model broke")
        return find_painted(pixels)

    with pytest.raises(RuntimeError, match="a model broke"):
        write_dataset(Shots(tuple(PHOTOGRAPHS)), find, tmp_path / "heads.zip", SETTINGS, workers=2)
    counts: list[int] = []
    write(tmp_path, on_progress=lambda done, total: counts.append(done))
    assert counts[0] == 6
    assert content(tmp_path) == content(folder)


def test_a_crowd_does_not_keep_an_interrupted_command_waiting(tmp_path: Path) -> None:
    found = []

    def find_slowly(pixels: np.ndarray) -> Iterator[Head | Refused]:
        for _ in range(1000):
            found.append(time.sleep(0.01))
            yield find_painted(pixels)[0]

    album, out = Shots((PHOTOGRAPHS[3], PHOTOGRAPHS[0])), tmp_path / "heads.zip"
    with pytest.raises(KeyboardInterrupt):
        write_dataset(album, find_slowly, out, SETTINGS, 1, interrupt_at(1))
    assert len(found) < 100


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limits of files")
@pytest.mark.parametrize("limit", [1500, 3000, 6000, 12000])
def test_a_full_disk_keeps_what_is_done(folder: Path, tmp_path: Path, limit: int) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))  # as if the disk was full after so many bytes
    try:
        with pytest.raises(OSError, match=r"heads\.zip\.unfinished could not be written"):
            write(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert content_names(tmp_path) == [".heads.zip.unfinished"]
    write(tmp_path)
    assert content(tmp_path) == content(folder)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [("heads.tar", {}, r"does not end in \.zip"), ("heads.zip", {"workers": 0}, "workers is 0")],
)
def test_arguments_out_of_range_are_refused(tmp_path: Path, name: str, changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_dataset(Shots(tuple(PHOTOGRAPHS)), find_painted, tmp_path / name, SETTINGS, **changes)
    assert not list(tmp_path.iterdir())


def test_no_more_photographs_are_read_than_wait_for_their_turn(tmp_path: Path) -> None:
    taken = 0

    class Counted(Shots):
        def since(self, first: int) -> Iterator[Shot]:
            nonlocal taken
            for shot in super().since(first):
                taken += 1
                yield shot

    ahead = []
    many, out = Counted(tuple(painted(f"p{i}", color=i) for i in range(40))), tmp_path / "heads.zip"
    write_dataset(many, find_painted, out, SETTINGS, 2, lambda done, _: ahead.append(taken - done))
    assert max(ahead) <= 8


def test_the_sheet_is_a_picture(folder: Path) -> None:
    with Image.open(folder / "heads_sheet.jpg") as sheet:
        assert sheet.format == "JPEG"
        assert sheet.width >= 800
    with zipfile.ZipFile(folder / "heads.zip") as archive:
        assert archive.testzip() is None
