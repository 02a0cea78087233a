"""Converting cameras: golden cases by hand, round trips, clean copies, and what is refused."""

import json
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gghead.conversion.conversion import Converted, convert
from gghead.data.conventions import Convention
from gghead.data.dataset import HeadDataset
from gghead.data.labels import parse_labels, write_labels
from gghead.media.images import encode_png
from head_cameras import head_labels, written_as
from tiny_archive import COUNT, SIDE, frontal_label, labels_json, picture_name, write_zip
from tolerances import EXACT_FLOAT32

Files = dict[str, bytes]
EG3D = Convention()
SQUARE = encode_png(np.zeros((SIDE, SIDE, 3), np.uint8))


def labels_of(path: Path) -> dict[str, list[float]]:
    labels = parse_labels(path.read_bytes(), path)
    return dict(zip(labels.names, labels.values.astype(float).tolist(), strict=True))


def close(a: object, b: object) -> None:
    np.testing.assert_allclose(a, b, **EXACT_FLOAT32._asdict())


@pytest.fixture
def colmap(tmp_path: Path) -> Path:
    """Two cameras at distance 2: one looks along the world's -z, the other stands at the world's right."""
    model = tmp_path / "project" / "sparse" / "0"
    model.mkdir(parents=True)
    (model / "cameras.txt").write_text(
        "# cameras\n1 SIMPLE_PINHOLE 100 100 300 50 40\n2 PINHOLE 200 200 500 600 100 90\n"
    )
    half = math.sqrt(0.5)
    (model / "images.txt").write_text(
        "# images\n"
        # World to camera, y and z turned round: quaternion (0, 1, 0, 0), head 2 in front.
        "1 0 1 0 0 0 0 2 1 b.png\n"
        "\n"
        # Right = -z, down = -y, forward = -x of the world.
        f"2 0 {half} 0 {-half} 0 0 2 2 sub/a picture.png\n"
        "10.5 20.5 -1 30 40 7\n"
    )
    return tmp_path / "project"


def test_colmap_by_hand(colmap: Path, tmp_path: Path) -> None:
    out = tmp_path / "dataset.json"
    assert convert(colmap, out, EG3D) == Converted((out,), 2, ())
    labels = labels_of(out)
    first = [1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 2, 0, 0, 0, 1, 3, 0, 0.5, 0, 3, 0.4, 0, 0, 1]
    close(labels["b.png"], first)
    second = [0, 0, -1, 2, 0, -1, 0, 0, -1, 0, 0, 0, 0, 0, 0, 1, 2.5, 0, 0.5, 0, 3, 0.45, 0, 0, 1]
    close(labels["sub/a picture.png"], second)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("cameras.txt", "SIMPLE_PINHOLE 100 100 300 50 40", "FOV 100 100 300 300 50 40 1", "FOV.*image_undistorter"),
        ("cameras.txt", "100 100 300", "120 100 300", "line 2 has pictures of 120 x 100.*crop"),
        ("cameras.txt", "300 50 40", "x 50 40", "line 2 is no camera"),
        ("images.txt", "0 0 2 1 b.png", "0 0 2 7 b.png", "line 2 is no image of a known camera"),
        ("images.txt", "1 0 1 0 0", "1 0 q 0 0", "line 2 is no image"),
        ("images.txt", "1 0 1 0 0", "1 0 0 0 0", "line 2 is no image"),
    ],
)
def test_what_colmap_models_are_refused_for(
    file: str, old: str, new: str, message: str, colmap: Path, tmp_path: Path
) -> None:
    path = colmap / "sparse" / "0" / file
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=f"(?s){message}"):
        convert(colmap, tmp_path / "dataset.json", EG3D)
    assert not (tmp_path / "dataset.json").exists()


def transforms(**changes: object) -> dict:
    matrix = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 4], [0, 0, 0, 1]]
    frame = {"file_path": "./train/r_0", "transform_matrix": matrix}
    return {"camera_angle_x": 2 * math.atan(0.5 / 4.0), "frames": [frame]} | changes


def write_transforms(folder: Path, content: dict) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "transforms.json").write_text(json.dumps(content))
    return folder


def test_nerf_by_hand(tmp_path: Path) -> None:
    out = tmp_path / "dataset.json"
    convert(write_transforms(tmp_path / "scene", transforms()), out, EG3D)
    at_rest = [1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 4, 0, 0, 0, 1]
    close(labels_of(out)["train/r_0.png"], [*at_rest, 4, 0, 0.5, 0, 4, 0.5, 0, 0, 1])
    pixels = {"camera_angle_x": None, "w": 200, "h": 200, "fl_x": 600, "fl_y": 500, "cx": 90, "cy": 110}
    convert(write_transforms(tmp_path / "scene", transforms(**pixels)), out, EG3D)
    close(labels_of(out)["train/r_0.png"], [*at_rest, 3, 0, 0.45, 0, 2.5, 0.55, 0, 0, 1])


def test_the_world_of_nerf_may_have_z_up(tmp_path: Path) -> None:
    # Blender: in front of the face is -y; the camera looks along +y, its up is z.
    matrix = [[1, 0, 0, 0], [0, 0, -1, -3], [0, 1, 0, 0], [0, 0, 0, 1]]
    content = transforms(frames=[{"file_path": "a.jpg", "transform_matrix": matrix}])
    out = tmp_path / "dataset.json"
    convert(write_transforms(tmp_path / "scene", content), out, Convention.parse("nerf+z-up"))
    close(labels_of(out)["a.jpg"][:16], [1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 3, 0, 0, 0, 1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": []}, "holds no frames"),
        ({"frames": [{"transform_matrix": []}]}, "frame 0 .* has no file_path"),
        ({"frames": [{"file_path": "a", "transform_matrix": [[1, 2], [3]]}]}, "no transform_matrix of 4 x 4"),
        ({"camera_angle_x": None}, "no intrinsics"),
        ({"camera_angle_x": "wide"}, "camera_angle_x is 'wide'; expected a number"),
        ({"k1": 0.1}, "distortion"),
        ({"camera_model": "OPENCV_FISHEYE"}, "distortion"),
        ({"w": 1920, "h": 1080}, "1920 x 1080 pixels; expected square"),
    ],
)
def test_what_transforms_are_refused_for(changes: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        convert(write_transforms(tmp_path / "scene", transforms(**changes)), tmp_path / "dataset.json", EG3D)


@pytest.mark.parametrize("words", [("opengl",), ("world-to-camera",), ("transposed", "opengl", "z-up"), ("pixels",)])
def test_a_dataset_there_and_back(words: tuple[str, ...], files: Files, masks: Files, tmp_path: Path) -> None:
    names = [picture_name(i) for i in range(COUNT)]
    labels = head_labels(0, COUNT)
    files["dataset.json"] = json.dumps(
        {"labels": [[n, row] for n, row in zip(names, written_as(labels, words, SIDE).tolist(), strict=True)]}
    ).encode()
    write_zip(tmp_path / "old_masks_modnet.zip", masks)
    source, out = write_zip(tmp_path / "old.zip", files), tmp_path / "new.zip"
    converted = convert(source, out, Convention(words))
    assert converted == Converted((out, tmp_path / "new_masks_modnet.zip"), COUNT, ())
    with HeadDataset.open(out, 8) as dataset, HeadDataset.open(out, 16) as full:
        close(dataset.labels, labels)
        with zipfile.ZipFile(out) as new:
            assert all(new.read(name) == files[name] for name in names), "pictures are copied as they are"
        assert (full.read(0)[:, -1] == 255).all(), "masks came along"


def test_a_clean_copy_leaves_out_and_names_what_is_damaged(files: Files, masks: Files, tmp_path: Path) -> None:
    entries = [[picture_name(i), frontal_label()] for i in range(COUNT)]
    entries[1][1] = [0.0] * 25
    entries.append(["gone.png", frontal_label()])
    entries.append(["odd.png", "no label"])
    files["dataset.json"] = labels_json(entries)
    files[picture_name(2)] = files[picture_name(2)][:60]
    del masks[picture_name(3)]
    write_zip(tmp_path / "old_masks_modnet.zip", masks)
    source, out = write_zip(tmp_path / "old.zip", files), tmp_path / "new.zip"
    with pytest.raises(ValueError, match=r"4 of 7 pictures can't be used .*--skip-damaged"):
        convert(source, out, EG3D)
    assert not out.exists()
    converted = convert(source, out, EG3D, skip_damaged=True)
    assert converted.pictures == 2
    assert len(converted.skipped) == 5
    for reason in ("no rotation", "no such picture", "has no label", "not a readable picture", "has no mask"):
        assert any(reason in text for text in converted.skipped), reason
    with HeadDataset.open(out, 16) as dataset:
        assert dataset.names == (picture_name(0), picture_name(4))
        dataset.read(0)


def test_pictures_of_a_colmap_project_are_found_and_packed(colmap: Path, tmp_path: Path) -> None:
    (colmap / "images" / "sub").mkdir(parents=True)
    for name in ("b.png", "sub/a picture.png", "unused.png"):
        (colmap / "images" / name).write_bytes(SQUARE)
    for source in (colmap, colmap / "sparse", colmap / "sparse" / "0"):
        out = tmp_path / f"{source.name}.zip"
        converted = convert(source, out, EG3D)
        assert converted.pictures == 2
        assert converted.notes == ("1 of 3 pictures have no camera and are left out; unused.png for one",)
        with pytest.warns(UserWarning, match="no masks"), HeadDataset.open(out, 16) as dataset:
            assert dataset.names == ("b.png", "sub/a picture.png")


def test_a_model_may_be_named_from_where_it_lies(colmap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (colmap / "images" / "sub").mkdir(parents=True)
    for name in ("b.png", "sub/a picture.png"):
        (colmap / "images" / name).write_bytes(SQUARE)
    for place, source in (("", "."), ("sparse", "0"), ("sparse/0", "."), ("sparse/0", "images.txt")):
        monkeypatch.chdir(colmap / place)
        assert convert(Path(source), tmp_path / "new.zip", EG3D).pictures == 2


def test_pictures_of_nerf_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "shots" / "train").mkdir(parents=True)
    (tmp_path / "shots" / "train" / "r_0.png").write_bytes(SQUARE)
    content = transforms(frames=[{**transforms()["frames"][0], "file_path": "../train/r_0"}])
    scene = write_transforms(tmp_path / "scene", content)
    with pytest.raises(ValueError, match=r"no such picture in .*scene"):
        convert(scene, tmp_path / "new.zip", EG3D)
    assert convert(scene, tmp_path / "new.zip", EG3D, pictures=tmp_path / "shots").pictures == 1


def test_outputs_have_to_be_labels_or_a_zip_and_not_the_source(files: Files, tmp_path: Path) -> None:
    source = write_zip(tmp_path / "old.zip", files)
    with pytest.raises(ValueError, match=r"ending in \.json .* or \.zip"):
        convert(source, tmp_path / "new", EG3D)
    with pytest.raises(ValueError, match="SOURCE itself"):
        convert(source, tmp_path / "sub" / ".." / "old.zip", EG3D)
    masks = write_zip(tmp_path / "old_masks_modnet.zip", files)
    (tmp_path / "link.zip").symlink_to(masks)
    for out in (masks, tmp_path / "link.zip"):
        with pytest.raises(ValueError, match=r"would replace .*, which is read"):
            convert(source, out, EG3D)
    with pytest.raises(FileNotFoundError, match="there is no"):
        convert(tmp_path / "none", tmp_path / "new.zip", EG3D)


def in_pixels(folder: Path, sides: list[int], images: bool) -> tuple[Path, np.ndarray]:
    """Labels with intrinsics in the pixels of pictures of these sides; what they are in units of the side."""
    labels = head_labels(0, len(sides))
    labels[:, 18] = 0.625
    written = labels.copy()
    written[:, 16:22] *= np.array(sides)[:, None]
    folder.mkdir()
    (folder / "dataset.json").write_bytes(write_labels([f"{i}.png" for i in range(len(sides))], written))
    for i, side in enumerate(sides if images else []):
        (folder / f"{i}.png").write_bytes(encode_png(np.zeros((side, side, 3), np.uint8)))
    return folder, labels


@pytest.mark.parametrize("out", ["new.json", "new.zip"])
@pytest.mark.parametrize("of_json", [False, True])
def test_pixels_are_those_of_each_picture(out: str, of_json: bool, tmp_path: Path) -> None:
    folder, labels = in_pixels(tmp_path / "set", [16, 32, 16, 48], images=True)
    source = folder / "dataset.json" if of_json else folder
    convert(source, tmp_path / out, Convention(("pixels",)))
    if out.endswith(".json"):
        close(list(labels_of(tmp_path / out).values()), labels)
    else:
        with pytest.warns(UserWarning, match="no masks"), HeadDataset.open(tmp_path / out, 16) as dataset:
            close(dataset.labels, labels)


def test_pictures_of_a_folder_in_a_folder_are_measured(tmp_path: Path) -> None:
    (tmp_path / "outer").mkdir()
    _, labels = in_pixels(tmp_path / "outer" / "set", [16, 32], images=True)
    convert(tmp_path / "outer", tmp_path / "new.json", Convention(("pixels",)))
    close(list(labels_of(tmp_path / "new.json").values()), labels)


def test_sides_are_asked_for_and_never_guessed(tmp_path: Path) -> None:
    folder, labels = in_pixels(tmp_path / "set", [64] * 3, images=False)
    source, out, pixels = folder / "dataset.json", tmp_path / "new.json", Convention(("pixels",))
    for skip in (False, True):
        with pytest.raises(ValueError, match=r"(?s)3 of 3 .*no such picture in .*set .*--pictures.*--side"):
            convert(source, out, pixels, skip_damaged=skip)
    convert(source, out, pixels, side=64)
    close(list(labels_of(out).values()), labels)
    (tmp_path / "shots").mkdir()
    for i, side in enumerate((64, 64, 32)):
        (tmp_path / "shots" / f"{i}.png").write_bytes(encode_png(np.zeros((64, side, 3), np.uint8)))
    with pytest.raises(ValueError, match=r"1 of 3 .*\n2.png is 32 x 64 pixels; expected a square"):
        convert(source, out, pixels, pictures=tmp_path / "shots")
    converted = convert(source, out, pixels, pictures=tmp_path / "shots", skip_damaged=True)
    assert converted.pictures == 2
    assert "2.png is 32 x 64" in converted.skipped[0]
    with pytest.raises(ValueError, match="leave --side away"):
        convert(source, out, EG3D, side=64)
    scene = write_transforms(tmp_path / "scene", transforms())
    with pytest.raises(ValueError, match="leave pixels away"):
        convert(scene, out, pixels)


def test_a_broken_last_row_of_a_world_to_camera_matrix_is_found(tmp_path: Path) -> None:
    written = written_as(head_labels(0, 2), ("world-to-camera",))
    written[1, 15] = 2
    (tmp_path / "dataset.json").write_bytes(write_labels(["a.png", "b.png"], written))
    with pytest.raises(ValueError, match=r"b.png has a pose whose last row is not 0 0 0 1"):
        convert(tmp_path / "dataset.json", tmp_path / "new.json", Convention(("world-to-camera",)))
