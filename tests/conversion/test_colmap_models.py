"""COLMAP models in every form: by its documentation, by COLMAP itself, several in a project, and broken ones."""

import math
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from gghead.conversion.colmap_cameras import read_colmap
from gghead.conversion.colmap_lenses import MODELS
from gghead.conversion.conversion import convert
from gghead.conversion.foreign_cameras import ForeignCameras
from gghead.data.conventions import Convention
from gghead.media.images import encode_png
from head_cameras import head_labels
from tolerances import EXACT_FLOAT32, EXACT_FLOAT64

REAL = Path(__file__).parent / "colmap_model"
"""Three images of one OPENCV camera without distortion, written by COLMAP 4.2.1 (pycolmap) as text and as bytes."""
SIDE = 100
CAMERA = f"1 PINHOLE {SIDE} {SIDE} 300 310 50 40\n"
IMAGE = "{id} 0 1 0 0 {x} 0 2 1 {name}\n"
Row = tuple[str, np.ndarray]
"""Name and label of a picture."""


def write_text(
    folder: Path, images: str, cameras: str = CAMERA, encoding: str = "utf-8", newline: str | None = None
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cameras.txt").write_text(cameras, encoding=encoding, newline=newline)
    (folder / "images.txt").write_text(images, encoding=encoding, newline=newline)
    return folder


def write_images(folder: Path, count: int, cameras: str = CAMERA) -> Path:
    return write_text(
        folder, "".join(IMAGE.format(id=i + 1, x=i, name=f"{i}.png") + "\n" for i in range(count)), cameras
    )


def quaternion(rotation: np.ndarray) -> np.ndarray:
    """w x y z: the eigenvector of the largest eigenvalue of the symmetric matrix of Bar-Itzhack."""
    (a, b, c), (d, e, f), (g, h, i) = rotation
    matrix = [
        [a + e + i, h - f, c - g, d - b],
        [h - f, a - e - i, d + b, c + g],
        [c - g, d + b, e - a - i, h + f],
        [d - b, c + g, h + f, i - a - e],
    ]
    return np.linalg.eigh(np.array(matrix))[1][:, -1]


def as_colmap(labels: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Quaternion and translation from the world to the camera of each label."""
    poses = np.linalg.inv(labels[:, :16].reshape(-1, 4, 4))
    return [(quaternion(pose[:3, :3]), pose[:3, 3]) for pose in poses]


def binary_model(folder: Path, names: list[str], labels: np.ndarray, points: int = 2) -> Path:
    """As the documentation of COLMAP describes it: one PINHOLE camera a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    cameras, images = [struct.pack("<Q", len(names))], [struct.pack("<Q", len(names))]
    for number, (name, row, (q, t)) in enumerate(zip(names, labels, as_colmap(labels), strict=True), start=7):
        cameras.append(struct.pack("<IiQQ4d", number, 1, SIDE, SIDE, *(SIDE * row[[16, 20, 18, 21]])))
        images.append(struct.pack("<I7dI", 3 * number, *q, *t, number) + name.encode() + b"\0")
        images.append(struct.pack("<Q", points) + struct.pack("<2dq", 3.5, 4.5, -1) * points)
    (folder / "cameras.bin").write_bytes(b"".join(cameras))
    (folder / "images.bin").write_bytes(b"".join(images))
    return folder


def text_model(folder: Path, names: list[str], labels: np.ndarray, points: str = "\n") -> Path:
    cameras, images = "# comment\n", "# comment\n"
    for number, (name, row, (q, t)) in enumerate(zip(names, labels, as_colmap(labels), strict=True), start=7):
        numbers = " ".join(repr(float(SIDE * value)) for value in row[[16, 20, 18, 21]])
        cameras += f"{number} PINHOLE {SIDE} {SIDE} {numbers}\n"
        images += f"{3 * number} {' '.join(repr(float(value)) for value in [*q, *t])} {number} {name}\n{points}"
    return write_text(folder, images, cameras)


def eg3d(cameras: ForeignCameras) -> dict[str, np.ndarray]:
    return dict(zip(cameras.names, Convention(cameras.words).to_eg3d(cameras.values), strict=True))


@pytest.mark.parametrize("write", [text_model, binary_model])
def test_cameras_there_and_back(write: object, tmp_path: Path) -> None:
    labels = head_labels(4, 6)
    names = ["b.png", "a.png", "sub/a picture.jpg", "9", "äö.png", "#1.png"]
    found = eg3d(read_colmap(write(tmp_path / "model", names, labels)))
    assert list(found) == names
    for name, row in zip(names, labels, strict=True):
        np.testing.assert_allclose(found[name], row, **EXACT_FLOAT32._asdict())


@pytest.mark.parametrize("endings", [(".txt",), (".bin",), (".txt", ".bin")])
def test_what_colmap_itself_writes(endings: tuple[str, ...], tmp_path: Path) -> None:
    model = tmp_path / "sparse" / "0"
    shutil.copytree(REAL, model)
    for path in model.iterdir():
        if path.suffix not in endings:
            path.unlink()
    cameras = read_colmap(tmp_path)
    assert cameras.names == ("head 1/view.png", "head 2/view.png", "head 3/view.png")
    assert not cameras.notes
    pose = eg3d(cameras)["head 3/view.png"][:16].reshape(4, 4)
    # As COLMAP's own Python binding gives the inverse of cam_from_world.
    expected = [[0.166773, 0.581377, 0.796359, -3.981796], [0.581377, 0.59435, -0.555653, 2.778263]]
    np.testing.assert_allclose(pose[:2], expected, atol=1e-6)
    intrinsics = [200 / 64, 0, 0.5, 0, 210 / 64, 30 / 64, 0, 0, 1]
    np.testing.assert_allclose(cameras.values[0, 16:], intrinsics, **EXACT_FLOAT64._asdict())


SECOND_LINES = {
    "empty": "\n",
    "none": "",
    "points": "10.5 20.5 -1 30 40 7\n",
    "many points": "1 20.5 -1 3.5 4.5 7 4 5 -1 1 2 3\n",
    "points like an image": "1 0 3 0 0 5 0 2 1 40 50 -1\n",
    "blanks": "   \n",
    "two empty lines": "\n\n",
    "a comment": "# no points\n\n",
}


@pytest.mark.parametrize("second", SECOND_LINES.values(), ids=SECOND_LINES.keys())
@pytest.mark.parametrize("names", [("a.png", "b c.png", "d.png", "10 20 30.png"), ("7", "8", "9", "12 13 14")])
def test_images_are_found_whatever_their_second_lines_are(names: tuple[str, ...], second: str, tmp_path: Path) -> None:
    images = "".join(IMAGE.format(id=9 - i, x=i, name=name) + second for i, name in enumerate(names))
    found = read_colmap(write_text(tmp_path, images))
    assert found.names == names
    assert found.values[:, 3].tolist() == [0, 1, 2, 3]


def test_lines_of_both_kinds_may_be_mixed(tmp_path: Path) -> None:
    seconds = ("", "\n", "1 2 3\n", "")
    images = "\n\n".join(IMAGE.format(id=i, x=i, name=f"{i}.png") + second for i, second in enumerate(seconds))
    assert read_colmap(write_text(tmp_path, images)).names == ("0.png", "1.png", "2.png", "3.png")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_ends_of_lines_and_byte_order_marks(encoding: str, newline: str, tmp_path: Path) -> None:
    images = IMAGE.format(id=1, x=0, name=".\\kopf ä.png") + "\n" + IMAGE.format(id=2, x=0, name="./b.png").rstrip()
    found = read_colmap(write_text(tmp_path, images, encoding=encoding, newline=newline))
    assert found.names == ("kopf ä.png", "b.png")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_camera_model_is_a_pinhole_or_refused_by_name(model: object, tmp_path: Path) -> None:
    focals = [300, 310][: model.focals]
    coefficients = model.parameters - model.focals - 2
    image = IMAGE.format(id=1, x=0, name="a.png")
    for value in (0, 0.01):
        parameters = ([*focals, 50, 40] + [value] * max(coefficients, 0))[: model.parameters]
        line = f"1 {model.name} {SIDE} {SIDE} {' '.join(map(str, parameters))}\n"
        folder = write_text(tmp_path, image, line)
        if model.is_pinhole and (value == 0 or not coefficients):
            expected = [focals[0] / SIDE, 0, 0.5, 0, focals[-1] / SIDE, 0.4, 0, 0, 1]
            np.testing.assert_allclose(read_colmap(folder).values[0, 16:], expected)
        else:
            with pytest.raises(ValueError, match=rf"cameras.txt line 1 is a camera of model {model.name} with"):
                read_colmap(folder)
    assert model.is_pinhole == (model.name in {
        "SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV", "SIMPLE_DIVISION", "DIVISION"
    })  # fmt: skip


@pytest.mark.parametrize(
    ("cameras", "message"),
    [
        ("1 PINHOLE 100 100 300 310 50\n", "model PINHOLE with 3 parameters; expected 4"),
        ("1 LENSBABY 100 100 300 50 50\n", "model LENSBABY"),
        ("1 PINHOLE 100 80 300 310 50 40\n", "100 x 80 pixels"),
        ("1 PINHOLE 100 100 nan 310 50 40\n", "line 1 is no camera"),
        ("1 PINHOLE inf inf 300 310 50 40\n", "line 1 is no camera"),
        ("1 PINHOLE 0 0 300 310 50 40\n", "0 x 0 pixels"),
        (CAMERA + CAMERA, "line 2 is a second camera 1"),
        ("", "images.txt line 1 is no image of a known camera"),
    ],
)
def test_cameras_that_are_refused(cameras: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read_colmap(write_images(tmp_path, 1, cameras))


@pytest.mark.parametrize("line", ["1 0 1 0 0 0 0 2 1", "1 0 1 0 0 0 0 2 5 a.png", "1 2", "1 2 3", "x", "\0"])
def test_a_line_that_is_neither_is_never_skipped(line: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"images.txt line 1 is no"):
        read_colmap(write_text(tmp_path, line + "\n" + IMAGE.format(id=1, x=0, name="a.png")))


LAYOUTS = [
    {"sparse/0": 2, "sparse/1": 8},
    {"sparse/0": 8, "sparse/1": 2, "sparse/2": 3},
    {"colmap/sparse/0": 4},
    {"sparse/1": 5},
    {"sparse": 3},
    {"dense/0/sparse": 6, "sparse/0": 5},
    {"distorted/sparse/0": 1, "text": 2},
]


@pytest.mark.parametrize("counts", LAYOUTS, ids=lambda counts: " ".join(counts))
def test_the_largest_model_is_taken_and_the_others_are_named(counts: dict[str, int], tmp_path: Path) -> None:
    for place, count in counts.items():
        write_images(tmp_path / place, count)
    largest = max(counts, key=counts.__getitem__)
    converted = convert(tmp_path, tmp_path / "out.json", Convention())
    assert converted.pictures == counts[largest]
    notes = "".join(converted.notes)
    for place, count in counts.items():
        assert (f"{place} ({count} images)" in notes or f"{place} is taken ({count} images)" in notes) == (
            len(counts) > 1
        )
    for place, count in counts.items():  # each of them when it is named
        assert convert(tmp_path / place, tmp_path / "out.json", Convention()).pictures == count


@pytest.mark.parametrize("name", ["images.txt", "cameras.txt"])
def test_a_file_of_a_model_stands_for_it(name: str, tmp_path: Path) -> None:
    model = write_images(tmp_path / "model", 2)
    assert convert(model / name, tmp_path / "out.json", Convention()).pictures == 2


def test_a_linked_model_is_found(tmp_path: Path) -> None:
    write_images(tmp_path / "elsewhere" / "0", 2)
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "sparse").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert len(read_colmap(tmp_path / "project").names) == 2


def test_undistorted_models_come_before_distorted_ones_of_the_same_size(tmp_path: Path) -> None:
    distorted = f"1 SIMPLE_RADIAL {SIDE} {SIDE} 300 50 40 0.1\n"
    write_images(tmp_path / "sparse" / "0", 3, distorted)
    write_images(tmp_path / "dense" / "sparse", 3)
    for folder in (tmp_path / "images", tmp_path / "dense" / "images"):
        folder.mkdir()
        for i in range(3):
            (folder / f"{i}.png").write_bytes(encode_png(np.full((8, 8, 3), len(folder.parts), np.uint8)))
    cameras = read_colmap(tmp_path)
    assert cameras.pictures == tmp_path / "dense" / "images"
    assert "sparse/0 (3 images)" in cameras.notes[0]
    assert read_colmap(tmp_path / "dense").pictures == tmp_path / "dense" / "images"
    write_images(tmp_path / "sparse" / "0", 4, distorted)
    with pytest.raises(ValueError, match=r"distorted by 0.1.*dense/sparse \(3 images\)"):
        read_colmap(tmp_path)


def test_text_and_bytes_that_differ_are_refused(tmp_path: Path) -> None:
    names, labels = [f"{i}.png" for i in range(4)], head_labels(1, 4)
    binary_model(text_model(tmp_path, names, labels), names, labels)
    assert len(read_colmap(tmp_path).names) == 4
    binary_model(tmp_path, names[:3], labels[:3])
    with pytest.raises(ValueError, match=r"different models \(4 and 3 images\)"):
        read_colmap(tmp_path)
    binary_model(tmp_path, names, labels[::-1])
    with pytest.raises(ValueError, match="different models"):
        read_colmap(tmp_path)


def test_a_model_without_images_or_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no images"):
        read_colmap(write_text(tmp_path / "empty", "# none\n"))
    with pytest.raises(FileNotFoundError, match=r"no COLMAP model in .*expected cameras.txt and images.txt"):
        read_colmap(tmp_path / "nowhere")
    folder = write_images(tmp_path / "half", 1)
    (folder / "cameras.txt").rename(folder / "cameras.bin")
    with pytest.raises(FileNotFoundError, match=r"no cameras.txt beside"):
        read_colmap(folder)


def test_counts_of_a_binary_file_are_not_believed(tmp_path: Path) -> None:
    binary_model(tmp_path, ["a.png"], head_labels(0, 1))
    whole = {name: (tmp_path / name).read_bytes() for name in ("cameras.bin", "images.bin")}
    points = len(whole["images.bin"]) - 48 - 8
    for name, place in (("cameras.bin", 0), ("images.bin", 0), ("images.bin", points)):
        lie = bytearray(whole[name])
        lie[place : place + 8] = struct.pack("<Q", 2**62)
        (tmp_path / name).write_bytes(lie)
        with pytest.raises(ValueError, match=f"{name} is no such file of COLMAP, or cut off .*declares"):
            read_colmap(tmp_path)
        (tmp_path / name).write_bytes(whole[name])
    for name, content in whole.items():
        for length in range(0, len(content), 5):
            (tmp_path / name).write_bytes(content[:length])
            with pytest.raises(ValueError, match=name):
                read_colmap(tmp_path)
        (tmp_path / name).write_bytes(content + b"\0")
        with pytest.raises(ValueError, match=f"{name}.*1 bytes are left over"):
            read_colmap(tmp_path)
        (tmp_path / name).write_bytes(content)
    assert len(read_colmap(tmp_path).names) == 1


WORDS = st.sampled_from(
    ["1", "0", "-1", "0.5", "nan", "1e999", "PINHOLE", "OPENCV", "a.png", "#", "\ufeff", "\x85", "x" * 50]
)
LINES = st.lists(st.lists(WORDS, max_size=12).map(" ".join), max_size=5).map("\n".join)


def outcome(folder: Path) -> str:
    """Empty if the model was read."""
    try:
        cameras = read_colmap(folder)
    except (ValueError, FileNotFoundError) as error:
        return str(error)
    assert len(cameras.names) == len(cameras.values) > 0
    assert all(map(math.isfinite, cameras.values[:, [16, 18, 20, 21]].reshape(-1)))
    return ""


@settings(max_examples=60, deadline=None)
@given(LINES, LINES)
def test_any_text_is_read_or_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, cameras: str, images: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "text"
    good = IMAGE.format(id=1, x=0, name="a.png")
    for first, second in ((cameras, images), (CAMERA, good + images), (CAMERA + cameras, images)):
        message = outcome(write_text(folder, second, first))
        assert not message or "text" in message


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["cameras.bin", "images.bin"]), st.data())
def test_any_bytes_are_read_or_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "bytes"
    binary_model(folder, ["a.png", "b.png"], head_labels(0, 2))
    content = bytearray((folder / name).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    (folder / name).write_bytes(content)
    message = outcome(folder)
    assert not message or "bytes" in message
