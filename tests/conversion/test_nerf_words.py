"""transforms.json: every word is understood, harmless, told or refused; a frame's own words stand above the file's."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from gghead.conversion.conversion import Converted, convert
from gghead.conversion.nerf_cameras import read_nerf
from gghead.conversion.nerf_words import HARMLESS
from gghead.conversion.picture_sizes import PictureSizes
from gghead.data.conventions import Convention
from gghead.data.dataset import HeadDataset
from gghead.media.images import encode_png
from head_cameras import head_labels, written_as
from tolerances import EXACT_FLOAT32

SIDE = 64
FOCAL = 4.0
ANGLE = 2 * math.atan(0.5 / FOCAL)
PIXELS = {"w": SIDE, "h": SIDE, "fl_x": FOCAL * SIDE, "fl_y": FOCAL * SIDE, "cx": SIDE / 2, "cy": SIDE / 2}
POSE = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 2.7], [0, 0, 0, 1]]
DISTORTED = [0.2, 0.05, 0, 0, 0, 0]


def write(folder: Path, content: dict, frame: dict | None = None, count: int = 1, encoding: str = "utf-8") -> Path:
    """A scene with pictures of 64 x 64."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    frames = []
    for i in range(count):
        (folder / "images" / f"{i}.png").write_bytes(encode_png(np.full((SIDE, SIDE, 3), i, np.uint8)))
        frames.append({"file_path": f"images/{i}.png", "transform_matrix": POSE, **(frame or {})})
    (folder / "transforms.json").write_text(json.dumps({"frames": frames, **content}), encoding=encoding)
    return folder


def converted(folder: Path) -> tuple[np.ndarray, Converted]:
    """The first label, and what was said."""
    result = convert(folder, folder / "out.json", Convention())
    rows = json.loads((folder / "out.json").read_text())["labels"]
    return np.array(rows[0][1]), result


def intrinsics(folder: Path) -> list[float]:
    """fx, fy, cx, cy."""
    return converted(folder)[0][[16, 20, 18, 21]].tolist()


def test_cameras_there_and_back(tmp_path: Path) -> None:
    labels = head_labels(3, 5)
    labels[:, [18, 21]] += np.random.default_rng(0).uniform(-0.2, 0.2, (5, 2))
    frames = []
    for i, row in enumerate(written_as(labels, ("opengl",))):
        own = {"fl_x": SIDE * row[16], "fl_y": SIDE * row[20], "cx": SIDE * row[18], "cy": SIDE * row[21]}
        pose = row[:16].reshape(4, 4)[: 3 + i % 2]  # some tools leave the last row away
        frames.append({"file_path": f"./images\\{i}.png", "transform_matrix": pose.tolist(), **own})
    for encoding in ("utf-8", "utf-8-sig"):
        write(tmp_path, {"w": SIDE, "h": SIDE, "camera_model": "OPENCV", "frames": frames}, count=5, encoding=encoding)
        convert(tmp_path, tmp_path / "out.json", Convention())
        rows = dict(json.loads((tmp_path / "out.json").read_text())["labels"])
        assert list(rows) == [f"images/{i}.png" for i in range(5)]
        np.testing.assert_allclose(list(rows.values()), labels, **EXACT_FLOAT32._asdict())


LENSES = {
    "is_fisheye": True,
    "fisheye": 1,
    "distortion_params": DISTORTED,
    "ftheta_p1": 0.001,
    "latlong": True,
    "orthographic": True,
    "equirectangular": True,
    "rolling_shutter": [0, 0.1, 0, 0],
    "lens_mode": "OpenCVFisheye",
    "camera_type": "spherical",
    "k1": 0.1,
    "k4": 1e-6,
    "p2": 0.01,
    "camera_model": "OPENCV_FISHEYE",
    "intrinsic_matrix": [[256, 0, 32], [0, 256, 32], [0, 0, 1]],
    "focal_length": 50,
    "from_na": True,
    "K1": 0.1,
    "dist_coeffs": DISTORTED,
    "radial_distortion": DISTORTED,
    "distortion": {"k1": 0.1},
    "shift_x": 0.1,
    "camera_convention": "opencv",
    "coordinate_system": "OPENCV",
}


@pytest.mark.parametrize("word", LENSES)
@pytest.mark.parametrize("of_frame", [False, True])
def test_what_is_no_pinhole_is_refused_by_name(word: str, of_frame: bool, tmp_path: Path) -> None:
    own = {word: LENSES[word]}
    folder = write(tmp_path, PIXELS if of_frame else PIXELS | own, own if of_frame else {})
    with pytest.raises(ValueError, match=rf"frame 0 of .*\(images/0.png\) has .*{word}"):
        converted(folder)


@pytest.mark.parametrize("model", ["EQUIRECTANGULAR", "FISHEYE624", "ORTHOPHOTO", "", 5, ["OPENCV"], {}])
def test_other_camera_models_are_refused(model: object, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has the camera_model"):
        converted(write(tmp_path, PIXELS | {"camera_model": model}))


def test_words_that_say_there_is_no_such_lens_are_fine(tmp_path: Path) -> None:
    nothing = {
        "is_fisheye": False,
        "k1": 0,
        "k2": 0.0,
        "p1": 0,
        "distortion_params": [0, 0.0, 0],
        "rolling_shutter": [],
        "distortion": {"k1": 0.0},
        "camera_model": None,
        "camera_convention": "OpenGL",
    }
    models = [{"camera_model": model} for model in ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "opencv", "RADIAL", "PERSP")]
    for own in [nothing, *models, {"camera_type": "perspective"}]:
        row, result = converted(write(tmp_path, PIXELS | own))
        assert row[16] == FOCAL
        assert not result.notes
    # A frame's own word stands above the file's.
    assert converted(write(tmp_path, PIXELS | {"k1": 0.1}, {"k1": 0}))[0][16] == FOCAL


def test_harmless_words_are_passed_over_and_others_told(tmp_path: Path) -> None:
    row, result = converted(write(tmp_path, PIXELS | dict.fromkeys(HARMLESS, 1), dict.fromkeys(HARMLESS, 2)))
    assert row[16] == FOCAL
    assert not result.notes
    folder = write(tmp_path, PIXELS | {"glow\x1b[2J": 1}, {"depth_file_path": "depth/0.png"})
    assert converted(folder)[1].notes == ("entries that are not used: depth_file_path, glow\\x1b[2J",)


SPELLINGS = {
    "fl_x": {"fl_x": 3.0 * SIDE},
    "camera_angle_x": {"camera_angle_x": 2 * math.atan(0.5 / 3)},
    "camera_angle_y": {"camera_angle_y": 2 * math.atan(0.5 / 3)},
    "x_fov": {"x_fov": math.degrees(2 * math.atan(0.5 / 3))},
    "fov": {"fov": math.degrees(2 * math.atan(0.5 / 3))},
}


@pytest.mark.parametrize("own", SPELLINGS.values(), ids=SPELLINGS.keys())
@pytest.mark.parametrize("common", [PIXELS, {"camera_angle_x": ANGLE}, PIXELS | {"camera_angle_x": ANGLE}, {}])
def test_a_frames_own_focal_length_wins_in_any_spelling(own: dict, common: dict, tmp_path: Path) -> None:
    np.testing.assert_allclose(intrinsics(write(tmp_path, common, own)), [3, 3, 0.5, 0.5], rtol=1e-6)


def test_a_frames_own_sizes_and_centers_win(tmp_path: Path) -> None:
    assert intrinsics(write(tmp_path, PIXELS, {"cx": 16})) == [FOCAL, FOCAL, 0.25, 0.5]
    assert intrinsics(write(tmp_path, PIXELS, {"w": 128, "h": 128})) == [FOCAL / 2, FOCAL / 2, 0.25, 0.25]
    assert intrinsics(write(tmp_path, PIXELS, {"fl_y": None})) == [FOCAL, FOCAL, 0.5, 0.5]
    with pytest.raises(ValueError, match="128 x 64 pixels"):
        converted(write(tmp_path, PIXELS, {"w": 128}))


def test_pixels_without_sizes_are_those_of_the_picture(tmp_path: Path) -> None:
    folder = write(tmp_path, {"camera_angle_x": ANGLE, "cx": 40.0, "cy": 24.0})
    np.testing.assert_allclose(intrinsics(folder), [FOCAL, FOCAL, 0.625, 0.375], rtol=1e-6)
    assert intrinsics(write(tmp_path, {"fl_x": 256})) == [4, 4, 0.5, 0.5]
    shots = tmp_path / "shots"
    (tmp_path / "images").rename(shots)
    with pytest.raises(ValueError, match=r"no w and h, and there is no images/0.png .*--pictures"):
        converted(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    shots.rename(tmp_path / "elsewhere" / "images")
    convert(tmp_path, tmp_path / "out.json", Convention(), pictures=tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "images" / "0.png").write_bytes(encode_png(np.zeros((48, SIDE, 3), np.uint8)))
    with pytest.raises(ValueError, match="64 x 48 pixels; expected a square picture"):
        convert(tmp_path, tmp_path / "out.json", Convention(), pictures=tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PIXELS | {"camera_angle_x": 1.0}, "fl_x and camera_angle_x contradict each other .*4 and 0.915"),
        (PIXELS | {"camera_angle_y": 1.0}, "fl_y and camera_angle_y contradict"),
        ({"camera_angle_x": 0}, "camera_angle_x is 0; expected the angle"),
        ({"camera_angle_x": 40}, "camera_angle_x is 40; expected the angle of a lens in radians"),
        ({"fov": 0.5}, "fov is 0.5; expected the angle of a lens in degrees"),
        ({"camera_angle_x": float("nan")}, "camera_angle_x is nan; expected a number"),
        ({"camera_angle_x": True}, "camera_angle_x is True; expected a number"),
        (PIXELS | {"cx": 0.5, "cy": 0.5}, "cx and cy are 0.5 and 0.5; expected pixels"),
        (PIXELS | {"cx": None}, "one of cx and cy"),
        (PIXELS | {"fl_x": 0}, "positive focal lengths"),
        (PIXELS | {"fl_y": -256}, "positive focal lengths"),
        (PIXELS | {"fl_y": 0}, "positive focal lengths"),
        (PIXELS | {"cx": 5000}, "principal point at 78.1"),
        (PIXELS | {"w": 0, "h": 0}, "0 x 0 pixels"),
        (PIXELS | {"w": "64"}, "w is '64'; expected a number"),
        ({}, "no intrinsics; expected camera_angle_x in radians, or fl_x"),
    ],
)
def test_intrinsics_that_make_no_camera_are_refused(content: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"images/0.png.*{message}"):
        converted(write(tmp_path, content))


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.full((4, 4), np.nan), r"images/0.png\) has no transform_matrix of 4 x 4 finite numbers"),
        (np.diag([1.0, 1, np.inf, 1]), r"images/0.png\) has no transform_matrix"),
        (np.eye(3), r"images/0.png\) has no transform_matrix"),
        (np.zeros((2, 4, 4)), r"images/0.png\) has no transform_matrix"),
        (np.diag([-1.0, 1, 1, 1]), "images/0.png has a pose that is no rotation .*mirrored"),
        (np.diag([2.0, 2, 2, 1]), "images/0.png has a pose that is no rotation"),
        (np.eye(4) + np.eye(4, k=1) * 0.1, "images/0.png has a pose that is no rotation"),
        (np.diag([1.0, 1, 1, 2]), "images/0.png has a pose whose last row is not 0 0 0 1"),
    ],
)
def test_matrices_that_make_no_camera_are_refused(matrix: np.ndarray, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"(?s){message}"):
        converted(write(tmp_path, PIXELS, {"transform_matrix": matrix.tolist()}))


def test_pictures_without_declared_sizes_are_square(tmp_path: Path) -> None:
    folder = write(tmp_path, {"camera_angle_x": ANGLE})
    assert intrinsics(folder)[0] == pytest.approx(FOCAL)
    (folder / "images" / "0.png").write_bytes(encode_png(np.zeros((SIDE, SIDE + 1, 3), np.uint8)))
    with pytest.raises(ValueError, match=r"0\.png is 65 x 64 pixels; expected a square picture"):
        converted(folder)


def test_pictures_of_names_without_ending_may_be_written_in_capitals(tmp_path: Path) -> None:
    folder = write(tmp_path, PIXELS, {"file_path": "images/0"})
    (folder / "images" / "0.png").rename(folder / "images" / "0.PNG")
    converted(folder)
    assert b'"images/0.PNG"' in (folder / "out.json").read_bytes()


def test_masks_that_the_file_names_come_along(tmp_path: Path) -> None:
    folder = write(tmp_path / "scene", PIXELS, count=2)
    content = json.loads((folder / "transforms.json").read_text())
    (folder / "mattes").mkdir()
    for i, frame in enumerate(content["frames"]):
        frame["mask_path"] = f"./mattes/of_{i}.png"
        (folder / "mattes" / f"of_{i}.png").write_bytes(encode_png(np.full((SIDE, SIDE), 100 + i, np.uint8)))
    (folder / "transforms.json").write_text(json.dumps(content))
    assert "mask_path" in converted(folder)[1].notes[0]
    out = tmp_path / "heads.zip"
    assert convert(folder, out, Convention()).files == (out, tmp_path / "heads_masks_modnet.zip")
    with HeadDataset.open(out, SIDE) as dataset:
        # 0 and 1 on white, as transparent as the masks say.
        assert [int(dataset.read(i)[0, 0, 0]) for i in range(2)] == [155, 154]
    (folder / "mattes" / "of_1.png").unlink()
    with pytest.raises(ValueError, match=r"images/1\.png has no mask"):
        convert(folder, out, Convention())


def test_files_beside_the_one_that_is_read_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path, PIXELS)
    for name in ("transforms_val.json", "transforms_test.json", "dataset.json"):
        (folder / name).write_text("{}")
    (note,) = converted(folder)[1].notes
    assert note.startswith("transforms.json is read, not dataset.json, transforms_test.json, transforms_val.json")
    (folder / "transforms.json").rename(folder / "transforms_train.json")
    assert "transforms_train.json is read" in converted(folder)[1].notes[0]


def test_paths_below_the_file(tmp_path: Path) -> None:
    inside = str(tmp_path / "images" / "0.png")
    convert(write(tmp_path, PIXELS, {"file_path": inside}), tmp_path / "out.zip", Convention())
    for name in ("0.png/0.png", "x" * 300, "images"):
        with pytest.raises(ValueError, match="there is no "):
            converted(write(tmp_path, {"fl_x": 256}, {"file_path": name}))
    with pytest.raises(ValueError, match="lies outside of"):
        converted(write(tmp_path, PIXELS, {"file_path": "/somewhere/0.png"}))
    with pytest.raises(ValueError, match=r"two cameras have the same picture, images/0.png"):
        converted(write(tmp_path, {"frames": [{"file_path": "images/0", "transform_matrix": POSE}] * 2} | PIXELS))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
WORDS = ("file_path", "transform_matrix", "fl_x", "fl_y", "cx", "w", "h", "camera_angle_x", "fov", "k1", "is_fisheye",
         "camera_model", "mask_path", "frames")  # fmt: skip
ENTRIES = st.dictionaries(st.sampled_from(WORDS), JSON, max_size=3)


@settings(max_examples=60, deadline=None)
@given(JSON, ENTRIES, ENTRIES)
def test_any_json_is_read_or_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, whole: object, top: dict, own: dict
) -> None:
    path = tmp_path_factory.getbasetemp() / "transforms.json"
    frame = {"file_path": "a.png", "transform_matrix": POSE}
    for content in (whole, PIXELS | top | {"frames": [frame | own]}, {"frames": [frame | own]} | top):
        path.write_text(json.dumps(content))
        message, cameras = "", None
        try:
            cameras = read_nerf(path, PictureSizes(path.parent))
        except ValueError as error:
            message = str(error)
        assert ("transforms.json" in message) == (cameras is None)
        assert cameras is None or len(cameras.names) == len(cameras.values) == 1
