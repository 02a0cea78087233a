import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gghead.data.archive import open_archive


@pytest.fixture
def contents() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    return {f"{i % 2:05d}/file{i}.bin": rng.bytes(5000) for i in range(20)}


def zipped(path: Path, contents: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return path


def unpacked(path: Path, contents: dict[str, bytes]) -> Path:
    for name, data in contents.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


@pytest.mark.parametrize("write", [zipped, unpacked])
def test_zip_and_folder_read_alike_from_many_threads(write, tmp_path: Path, contents: dict[str, bytes]) -> None:
    with open_archive(write(tmp_path / "set", contents)) as archive, ThreadPoolExecutor(8) as pool:
        assert archive.names() == tuple(sorted(contents))
        names = sorted(contents) * 10
        assert list(pool.map(archive.read, names)) == [contents[name] for name in names]
        with pytest.raises(FileNotFoundError, match="holds no other"):
            archive.read("other")


def test_back_slashes_in_names_become_slashes(tmp_path: Path) -> None:
    path = zipped(tmp_path / "windows.zip", {"00000_img.png": b"pixels"})
    path.write_bytes(path.read_bytes().replace(b"00000_img.png", b"00000\\img.png"))
    with open_archive(path) as archive:
        assert archive.names() == ("00000/img.png",)
        assert archive.read("00000/img.png") == b"pixels"


def test_missing_archive_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gghead data synthetic"):
        open_archive(tmp_path / "none.zip")


def test_truncated_zip_is_refused(tmp_path: Path, contents: dict[str, bytes]) -> None:
    path = zipped(tmp_path / "set.zip", contents)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match="cut off"):
        open_archive(path)


def test_damaged_member_is_named(tmp_path: Path, contents: dict[str, bytes]) -> None:
    path = zipped(tmp_path / "set.zip", contents)
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo("00001/file3.bin").header_offset
    data = bytearray(path.read_bytes())
    data[offset + 500] ^= 255
    path.write_bytes(data)
    with open_archive(path) as archive:
        with pytest.raises(ValueError, match=r"00001/file3\.bin in .* is damaged"):
            archive.read("00001/file3.bin")
        assert archive.read("00000/file2.bin") == contents["00000/file2.bin"]
