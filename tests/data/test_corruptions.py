"""500 ways in which an archive can be broken or hostile: each ends in a named error or in data that are whole."""

import io
import json
import shutil
import struct
import tempfile
import threading
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from gghead.conversion.conversion import convert
from gghead.data.check.inspection import inspect
from gghead.data.check.inspection_page import page
from gghead.data.conventions import Convention
from gghead.data.dataset import HeadDataset
from gghead.data.loader import open_batches
from gghead.data.sampler import Order
from gghead.media.images import encode_png
from head_cameras import head_labels
from tiny_archive import COUNT, SIDE, labels_json, picture_name

Files = dict[str, bytes]
Rng = np.random.Generator
NAMES = [picture_name(index) for index in range(COUNT)]
RESOLUTION = 8
BOMB_SIZE = 300 * 2**20
HOSTILE_NAMES = [
    "../evil.png",
    "/evil.png",
    "C:\\evil.png",
    "a/../../evil.png",
    "..\\evil.png",
    "evil\0.png",
    "~/e.png",
]
WRONG_VALUES = [None, True, "x", [], {}, float("nan"), float("inf"), -(10**40), 1e308, [[1]], "", 0]
OTHER_FORMATS = ["GIF", "BMP", "TIFF", "PPM", "ICO", "EPS", "PDF"]


class Broken:
    """A dataset to be broken: the files of both zips, and what is done to the bytes of the zips afterwards."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.files = {name: encode_png(rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)) for name in NAMES}
        labels = head_labels(0, COUNT, yaw=0.5).tolist()
        self.files["dataset.json"] = labels_json([[name, row] for name, row in zip(NAMES, labels, strict=True)])
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[:, 4:12] = 255
        self.masks = {name: encode_png(mask) for name in NAMES}
        self.method = zipfile.ZIP_STORED
        self.after: Callable[[bytes], bytes] | None = None
        self.after_masks = False
        self.as_folder = False

    def some(self, rng: Rng) -> tuple[Files, str]:
        """The files of pictures or of masks, and the name of one of them."""
        return (self.files if rng.random() < 0.6 else self.masks), NAMES[rng.integers(COUNT)]

    def write(self, folder: Path) -> Path:
        """Writes <folder>/heads(.zip) and the masks beside it."""
        for stem, files in (("heads", self.files), ("heads_masks_modnet", self.masks)):
            if self.as_folder:
                for name, content in files.items():
                    (folder / stem / name).parent.mkdir(parents=True, exist_ok=True)
                    (folder / stem / name).write_bytes(content)
                continue
            content = self._zip(files)
            if self.after is not None and self.after_masks == (stem != "heads"):
                content = self.after(content)
            (folder / f"{stem}.zip").write_bytes(content)
        return folder / ("heads" if self.as_folder else "heads.zip")

    def _zip(self, files: Files) -> bytes:
        buffer = io.BytesIO()
        with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", self.method) as archive:
            warnings.simplefilter("ignore", UserWarning)  # of duplicate names
            for name, content in files.items():
                info = zipfile.ZipInfo("placeholder")
                info.filename, info.compress_type = name, self.method
                archive.writestr(info, content)
        return buffer.getvalue()


def truncated(broken: Broken, rng: Rng) -> None:
    broken.after = lambda data: data[: rng.integers(len(data))]


def flipped_bits(broken: Broken, rng: Rng) -> None:
    def flip(data: bytes) -> bytes:
        content = bytearray(data)
        for place in rng.integers(0, len(content), rng.integers(1, 20)):
            content[place] ^= 1 << rng.integers(8)
        return bytes(content)

    broken.after = flip


def damaged_directory(broken: Broken, rng: Rng) -> None:
    def damage(data: bytes) -> bytes:
        content = bytearray(data)
        start = content.rfind(b"PK\1\2") if rng.random() < 0.5 else content.find(b"PK\1\2")
        for place in rng.integers(start, len(content), rng.integers(1, 6)):
            content[place] = rng.integers(256)
        return bytes(content)

    broken.after = damage


def shuffled(broken: Broken, rng: Rng) -> None:
    def shuffle(data: bytes) -> bytes:
        cuts = np.sort(rng.integers(0, len(data), 4))
        parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        return b"".join(parts[index] for index in rng.permutation(len(parts)))

    broken.after = shuffle


def not_a_zip(broken: Broken, rng: Rng) -> None:
    broken.after = lambda data: rng.bytes(int(rng.integers(0, 3000)))


def damaged_picture(broken: Broken, rng: Rng) -> None:
    files, name = broken.some(rng)
    content = bytearray(files[name])
    how = rng.integers(4)
    if how == 0:
        files[name] = bytes(content[: rng.integers(len(content))])
    elif how == 1:
        files[name] = rng.bytes(int(rng.integers(0, 500)))
    elif how == 2:
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
        files[name] = bytes(content)
    else:
        files[name] = b"\x89PNG\r\n\x1a\n" + rng.bytes(200)
    broken.as_folder = bool(rng.integers(2))


def other_picture(broken: Broken, rng: Rng) -> None:
    """Other sizes, modes and formats; some of them are fine."""
    files, name = broken.some(rng)
    mode = str(rng.choice(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"]))
    size = (int(rng.choice([1, 8, SIDE, SIDE + 1, 64])), int(rng.choice([1, 8, SIDE, SIDE, 64])))
    kind = str(rng.choice(["PNG", "JPEG", "WEBP", *OTHER_FORMATS]))
    buffer = io.BytesIO()
    try:
        Image.new(mode, size, 1).save(buffer, kind)
    except (OSError, ValueError, KeyError):
        buffer = io.BytesIO()
        Image.new("RGB", size).save(buffer, kind)
    files[name] = buffer.getvalue()


def huge_dimensions(broken: Broken, rng: Rng) -> None:
    files, name = broken.some(rng)
    width, height = (int(rng.choice([8193, 30_000, 100_000, 2**31 - 1, 2**32 - 1, 0])) for _ in range(2))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    files[name] = (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + files[name][33:]
    )


def bomb(broken: Broken, rng: Rng) -> None:
    """A few kilobytes that unpack to 300 MB, declared or not."""
    files, name = broken.some(rng)
    name = "dataset.json" if files is broken.files and rng.random() < 0.4 else name
    plant_bomb(broken, files, name, declared=BOMB_SIZE if rng.random() < 0.5 else int(rng.integers(1, 5000)))


def plant_bomb(broken: Broken, files: Files, name: str, declared: int) -> None:
    files[name] = b"0" * 64
    broken.method = zipfile.ZIP_DEFLATED
    broken.after_masks = files is broken.masks

    def explode(data: bytes) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
            for info in old.infolist():
                if info.filename == name:
                    new.writestr(zipfile.ZipInfo(name), bomb_bytes())
                else:
                    new.writestr(zipfile.ZipInfo(info.filename), old.read(info))
        content = bytearray(buffer.getvalue())
        for signature, offset, at in ((b"PK\3\4", 8, 30), (b"PK\1\2", 10, 46)):
            place = content.find(signature)
            while bytes(content[place + at : place + at + len(name)]) != name.encode():
                place = content.find(signature, place + 1)
            struct.pack_into("<H", content, place + offset, zipfile.ZIP_DEFLATED)
            struct.pack_into("<I", content, place + offset + 14, declared)
        return bytes(content)

    broken.after = explode


def hostile_names(broken: Broken, rng: Rng) -> None:
    files, name = broken.some(rng)
    hostile = str(rng.choice(HOSTILE_NAMES))
    files[hostile] = files.pop(name) if rng.random() < 0.5 else files[name]
    if rng.random() < 0.5:
        entries = json.loads(broken.files["dataset.json"])["labels"]
        entries = [[hostile if entry == name else entry, label] for entry, label in entries]
        broken.files["dataset.json"] = labels_json(entries)


def twice_the_same_name(broken: Broken, rng: Rng) -> None:
    files, name = broken.some(rng)
    files[name.replace("/", "\\")] = files[name]


def names_that_are_no_text(broken: Broken, rng: Rng) -> None:
    def rename(data: bytes) -> bytes:
        name = NAMES[rng.integers(COUNT)].encode()
        wrong = bytes(rng.integers(128, 256, 3, np.uint8)) + name[3:]
        content = bytearray(data.replace(name, wrong))
        if rng.random() < 0.5:  # claims to be UTF-8
            place = content.find(wrong, content.find(b"PK\1\2")) - 46
            struct.pack_into("<H", content, place + 8, 0x800)
        return bytes(content)

    broken.after = rename


def lost_files(broken: Broken, rng: Rng) -> None:
    files, name = broken.some(rng)
    del files["dataset.json" if files is broken.files and rng.random() < 0.2 else name]
    broken.as_folder = bool(rng.integers(2))


def wrong_labels(broken: Broken, rng: Rng) -> None:
    content = json.loads(broken.files["dataset.json"])
    wrong = WRONG_VALUES[rng.integers(len(WRONG_VALUES))]
    entry = content["labels"][rng.integers(COUNT)]
    how = rng.integers(7)
    if how == 0:
        entry[1][rng.integers(25)] = wrong
    elif how == 1:
        entry[rng.integers(2)] = wrong
    elif how == 2:
        content["labels"][rng.integers(COUNT)] = wrong
    elif how == 3:
        content["labels"] = wrong
    elif how == 4:
        content = wrong
    elif how == 5:
        entry[1] = (entry[1] * 2)[: rng.integers(50)]
    else:
        content["labels"].append(content["labels"][0])
    broken.files["dataset.json"] = json.dumps(content).encode()


def damaged_json(broken: Broken, rng: Rng) -> None:
    text = broken.files["dataset.json"]
    place = int(rng.integers(len(text)))
    candidates = [
        text[:place],
        text[:place] + b"\xff\xfe" + text[place:],
        b"\xef\xbb\xbf" + text,
        b"[" * 100_000,
        b'{"labels": ' + b"9" * 10_000 + b"}",
        text.replace(b".", b"", 1),
        b"",
        b"null",
        text.decode().encode("utf-16"),
    ]
    broken.files["dataset.json"] = candidates[rng.integers(len(candidates))]


def odd_packing(broken: Broken, rng: Rng) -> None:
    if rng.random() < 0.6:
        broken.method = int(rng.choice([zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED]))
        return

    def encrypt(data: bytes) -> bytes:
        content = bytearray(data)
        place = content.find(b"PK\1\2")
        for _ in range(rng.integers(COUNT)):
            place = content.find(b"PK\1\2", place + 1)
        content[place + 8] |= 1
        return bytes(content)

    broken.after = encrypt


CORRUPTIONS = [
    truncated,
    flipped_bits,
    damaged_directory,
    shuffled,
    not_a_zip,
    damaged_picture,
    other_picture,
    huge_dimensions,
    bomb,
    hostile_names,
    twice_the_same_name,
    names_that_are_no_text,
    lost_files,
    wrong_labels,
    damaged_json,
    odd_packing,
]


def bomb_bytes(cache: list[bytes] = []) -> bytes:  # noqa: B006 - packed once
    if not cache:
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        cache.append(packer.compress(bytes(BOMB_SIZE)) + packer.flush())
    return cache[0]


@contextmanager
def nothing_written(folder: Path, but: Path) -> Iterator[None]:
    """No file of a folder is new or changed afterwards, except below `but`."""

    def state() -> dict[Path, int]:
        files = (path for path in folder.rglob("*") if but not in path.parents and path != but)
        return {path: path.lstat().st_mtime_ns for path in files if not path.is_dir()}

    before = state()
    yield
    assert state() == before


def training_error(path: Path) -> str | None:
    """What training says of a dataset when it refuses it; anything but these two kinds of errors goes through."""
    try:
        with HeadDataset.open(path, RESOLUTION) as dataset:
            dataset.decode()
            with open_batches(dataset, Order(seed=0, batch_size=4, mirrored=True)) as batches:
                batch = next(batches)
    except (ValueError, FileNotFoundError) as error:
        return str(error)
    assert np.isfinite(batch.labels.numpy()).all()
    return None


def clean_copy(path: Path, out: Path) -> bool:
    """Whether anything was left that could be copied; anything but a named error goes through."""
    try:
        return convert(path, out, Convention(), skip_damaged=True).pictures > 0
    except (ValueError, FileNotFoundError):
        return False


@pytest.mark.slow
@settings(max_examples=250, deadline=None, derandomize=True, database=None)
@given(corruption=st.sampled_from(CORRUPTIONS), on_masks=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_any_broken_archive_is_a_named_error_or_whole(
    corruption: Callable[[Broken, Rng], None], on_masks: bool, seed: int
) -> None:
    broken = Broken()
    broken.after_masks = on_masks
    corruption(broken, np.random.default_rng(seed))
    threads = threading.active_count()
    root = Path(tempfile.mkdtemp(prefix="gghead-corruptions-"))
    try:
        (root / "data").mkdir()
        path, out = broken.write(root / "data"), root / "out"
        with warnings.catch_warnings(), nothing_written(root, out):
            warnings.simplefilter("ignore", UserWarning)  # missing masks, and Pillow's of odd files
            refused = training_error(path)
            inspection = inspect(path, RESOLUTION)
            page(inspection)
            if refused is not None:
                assert "heads" in refused or any(name in refused for name in NAMES), "names the file"
                assert inspection.problems, f"the check did not find: {refused}"
            elif inspection.problems:
                assert "another convention" in inspection.problems[0] or "mask" in inspection.problems[0]
            copied = clean_copy(path, out / "clean.zip")
            assert copied or refused
            again = training_error(out / "clean.zip") if copied else None
            assert again is None or "fewer than the resolution" in again
        assert threading.active_count() == threads, "no thread stays"
    finally:
        shutil.rmtree(root)


@pytest.mark.parametrize("name", ["dataset.json", NAMES[1]])
@pytest.mark.parametrize("declared", [BOMB_SIZE, 100])
def test_a_bomb_takes_no_memory(name: str, declared: int, tmp_path: Path) -> None:
    broken = Broken()
    plant_bomb(broken, broken.files, name, declared)
    path = broken.write(tmp_path)
    tracemalloc.start()
    try:
        assert training_error(path) is not None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * 2**20
