import multiprocessing
import os
import struct
import sys
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gghead.data.archive import canonical_name, open_archive


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


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files where Linux lists them")
def test_threads_that_come_and_go_leave_no_open_files(tmp_path: Path, contents: dict[str, bytes]) -> None:
    names = sorted(contents)
    with open_archive(zipped(tmp_path / "set.zip", contents)) as archive:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            with ThreadPoolExecutor(2) as pool:
                assert list(pool.map(archive.read, names)) == [contents[name] for name in names]
        assert len(os.listdir("/proc/self/fd")) <= before + 2
    assert len(os.listdir("/proc/self/fd")) <= before


def test_an_archive_that_is_gone_is_not_called_damaged(tmp_path: Path, contents: dict[str, bytes]) -> None:
    with open_archive(zipped(tmp_path / "set.zip", contents)) as archive:
        archive.path.rename(tmp_path / "moved.zip")
        with pytest.raises(FileNotFoundError, match=r"set\.zip"):
            archive.read("00000/file0.bin")


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


def zip_of(path: Path, names: list[str], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in names:
            info = zipfile.ZipInfo("placeholder")
            info.filename, info.compress_type = name, method
            archive.writestr(info, b"content of " + name.encode())
    return path


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "C:\\x", "C:x", "..\\x", "x\0y", "x\x1b[2J"])
def test_names_that_lead_out_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"(?s)1 files that cannot be .* trusted.*leads out of the archive"):
        open_archive(zip_of(tmp_path / "set.zip", ["good.png", name]))


@pytest.mark.parametrize("name", ["a..b/c..d", "~/x", "ab:c", "x../y"])
def test_names_that_only_look_strange_are_names(name: str, tmp_path: Path) -> None:
    with open_archive(zip_of(tmp_path / "set.zip", [name])) as archive:
        assert archive.read(name) == b"content of " + name.encode()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["a/x.png", "a\\x.png", "./a/x.png", "a//x.png", "a/./x.png"])
def test_two_files_of_one_name_are_refused(second: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a/x\.png is there twice"):
        open_archive(zip_of(tmp_path / "set.zip", ["a/x.png", second]))


def test_what_systems_leave_behind_is_not_there(tmp_path: Path) -> None:
    junk = [
        "@eaDir/x.png/thumb.jpg",
        "__MACOSX/a/._x.png",
        ".DS_Store",
        "a/.hidden.png",
        "a/Thumbs.db",
        "a/desktop.ini",
    ]
    with open_archive(zip_of(tmp_path / "set.zip", ["a/x.png", *junk])) as archive:
        assert archive.names() == ("a/x.png",)
    with open_archive(unpacked(tmp_path / "set", dict.fromkeys(["a/x.png", *junk], b""))) as archive:
        assert archive.names() == ("a/x.png",)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_whose_memory_cannot_be_bounded_are_refused(method: int, tmp_path: Path) -> None:
    with (
        open_archive(zip_of(tmp_path / "set.zip", ["x"], method)) as archive,
        pytest.raises(ValueError, match=f"packed by method {method}; expected stored or deflated"),
    ):
        archive.read("x")


def test_large_files_are_refused_before_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    with (tmp_path / "set" / "large.png").open("wb") as file:
        file.truncate(2**40)  # takes no room on the disk
    path = zip_of(tmp_path / "set.zip", ["large.png"])
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.find(b"PK\1\2") + 24, 2**31)
    path.write_bytes(content)
    for place in (tmp_path / "set", path):
        with open_archive(place) as archive, pytest.raises(ValueError, match="expected at most 268435456"):
            archive.read("large.png")


def test_a_folder_gives_nothing_from_outside(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    with open_archive(unpacked(tmp_path / "set", {"x.png": b""})) as archive:
        for name in ("../secret.png", str(tmp_path / "secret.png")):
            with pytest.raises(FileNotFoundError, match="holds no"):
                archive.read(name)


@pytest.mark.skipif(os.name == "nt", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_processes_and_threads_share_no_position(tmp_path: Path, contents: dict[str, bytes]) -> None:
    """A handle that was inherited would be moved by the others while it reads."""
    with open_archive(zipped(tmp_path / "set.zip", contents)) as archive:
        archive.read("00000/file0.bin")  # the handle is there before the fork
        context = multiprocessing.get_context("fork")
        results = context.SimpleQueue()

        def read_all() -> None:
            good = all(archive.read(name) == contents[name] for _ in range(50) for name in contents)
            results.put(good)

        workers = [context.Process(target=read_all) for _ in range(3)]
        for worker in workers:
            worker.start()
        assert all(archive.read(name) == contents[name] for _ in range(50) for name in contents)
        assert [results.get() for _ in workers] == [True] * 3
        for worker in workers:
            worker.join()


def test_identity_follows_the_content_and_not_the_place(tmp_path: Path, contents: dict[str, bytes]) -> None:
    names = sorted(contents)
    with (
        open_archive(zipped(tmp_path / "a.zip", contents)) as first,
        open_archive(zipped(tmp_path / "b.zip", contents)) as copy,
        open_archive(zipped(tmp_path / "c.zip", contents | {names[3]: bytes(5000)})) as other,
    ):
        assert first.identity(names) == copy.identity(names)
        assert first.identity(names) != other.identity(names)
        assert first.identity(names[:3]) == other.identity(names[:3])
    folder = unpacked(tmp_path / "folder", contents)
    with open_archive(folder) as archive:
        before = archive.identity(names)
        assert archive.identity(names) == before
        os.utime(folder / names[0], ns=(0, 0))
        assert archive.identity(names) != before
    stat = (folder / names[1]).stat()
    with open_archive(folder) as archive:
        before = archive.identity(names)
        (folder / names[1]).write_bytes(bytes(stat.st_size))
        os.utime(folder / names[1], ns=(stat.st_atime_ns, stat.st_mtime_ns))
        if os.name != "nt":  # where nothing but the content tells
            assert archive.identity(names) != before


@pytest.mark.parametrize("pack", [zipped, unpacked])
def test_checksums_are_of_the_content_however_it_is_kept_and_named(
    pack: Callable[[Path, dict[str, bytes]], Path], tmp_path: Path
) -> None:
    with open_archive(pack(tmp_path / "data.zip", {DECOMPOSED: b"content", "nothing": b""})) as archive:
        known = archive.checksum(COMPOSED)
        assert (known.size, known.crc) == (7, zlib.crc32(b"content"))
        assert archive.checksum(COMPOSED, known) == known
        assert archive.checksum("nothing").content == "0-00000000"


COMPOSED, DECOMPOSED = unicodedata.normalize("NFC", "é/ü.png"), unicodedata.normalize("NFD", "é/ü.png")


@pytest.mark.parametrize("written", [COMPOSED, DECOMPOSED, f"./{DECOMPOSED}", f".\\{COMPOSED}"])
def test_names_have_one_spelling_whoever_wrote_them(written: str, tmp_path: Path) -> None:
    places = [zip_of(tmp_path / "set.zip", [written])]
    if "\\" not in written:
        places.append(unpacked(tmp_path / "set", {written: b"content of " + written.encode()}))
    for place in places:
        with open_archive(place) as archive:
            assert archive.names() == (COMPOSED,)
            assert archive.read(COMPOSED) == b"content of " + written.encode()
            assert archive.size(COMPOSED) >= len(archive.read(COMPOSED))
    assert canonical_name(written) == COMPOSED


def test_utf_8_names_that_a_zip_does_not_call_so(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "mac.zip", ["qq.png"])
    path.write_bytes(path.read_bytes().replace(b"qq.png", "é.png".encode()))
    with open_archive(path) as archive:
        assert archive.names() == ("é.png",)


def test_what_lies_in_one_folder_with_its_labels_begins_there(tmp_path: Path) -> None:
    names = ["heads/dataset.json", "heads/00000/x.png", "__MACOSX/heads/._x.png"]
    for place in (zip_of(tmp_path / "set.zip", names), unpacked(tmp_path / "set", dict.fromkeys(names, b""))):
        with open_archive(place) as archive:
            assert archive.names() == ("00000/x.png", "dataset.json")
    for others in (["heads/dataset.json", "masks/x.png"], ["heads/x.png"]):
        with open_archive(zip_of(tmp_path / "other.zip", others)) as archive:
            assert archive.names() == tuple(sorted(others)), "nothing is guessed"


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_linked_folders_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    unpacked(tmp_path / "scratch", {"x.png": b"x", "deeper/y.png": b"y"})
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "00000").symlink_to(tmp_path / "scratch")
    (tmp_path / "scratch" / "up").symlink_to(tmp_path / "set")
    (tmp_path / "scratch" / "itself").symlink_to(tmp_path / "scratch")
    (tmp_path / "scratch" / "gone.png").symlink_to(tmp_path / "nothing.png")
    with open_archive(tmp_path / "set") as archive:
        assert archive.names() == ("00000/deeper/y.png", "00000/x.png")
        assert archive.read("00000/x.png") == b"x"


def test_what_is_encrypted_is_not_called_damaged(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "set.zip", ["x.png"])
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with open_archive(path) as archive, pytest.raises(ValueError, match=r"x\.png in .* is encrypted; pack"):
        archive.read("x.png")
