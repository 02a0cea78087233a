import gc
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from gghead.checkpoint.growing_zip import GrowingZip

FILES = [(f"0000{i}/img.png", bytes([i + 1]) * (13 * i + 1)) for i in range(7)]


def fill(archive: GrowingZip) -> None:
    for name, data in FILES[len(archive) :]:
        archive.add(name, data)
    archive.finish()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("zip") / "whole.zip"
    fill(GrowingZip(path))
    return path.read_bytes()


def test_it_is_a_zip_that_others_read(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(whole)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        assert [(name, archive.read(name)) for name in archive.namelist()] == FILES


@given(data=st.data())
def test_cut_off_or_damaged_anywhere_it_goes_on_to_the_same_bytes(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory, whole: bytes
) -> None:
    left = bytearray(whole[: data.draw(st.integers(0, len(whole)), label="bytes left")])
    if left and data.draw(st.booleans(), label="zeros at the end, as after a power cut"):
        zeros = data.draw(st.integers(1, len(left)), label="zeros")
        left[-zeros:] = bytes(zeros)
    path = tmp_path_factory.mktemp("cut") / "a.zip"
    path.write_bytes(left)
    fill(GrowingZip(path))
    assert path.read_bytes() == whole


def test_what_is_added_is_there_without_an_orderly_end(tmp_path: Path) -> None:
    first = GrowingZip(tmp_path / "a.zip")
    for name, data in FILES[:3]:
        first.add(name, data)
    first.flush()
    again = GrowingZip(tmp_path / "a.zip")  # while the first was never closed
    assert len(again) == 3
    again.abandon()
    first.abandon()


def test_more_than_wanted_is_forgotten(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(whole)
    archive = GrowingZip(tmp_path / "a.zip")
    archive.keep(2)
    assert len(archive) == 2
    fill(archive)
    assert (tmp_path / "a.zip").read_bytes() == whole


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limits of files")
def test_a_full_disk_leaves_what_was_whole(tmp_path: Path, whole: bytes) -> None:
    import resource

    archive = GrowingZip(tmp_path / "a.zip")
    archive.add(*FILES[0])
    archive.flush()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))  # as if the disk was full after so many bytes
    try:
        with pytest.raises(OSError, match="too large"):
            archive.add("large", bytes(1000))
        archive.abandon()
        del archive
        gc.collect()  # whose finaliser says nothing
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    again = GrowingZip(tmp_path / "a.zip")
    assert len(again) == 1
    fill(again)
    assert (tmp_path / "a.zip").read_bytes() == whole
