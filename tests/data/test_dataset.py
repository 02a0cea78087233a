import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gghead.data.check.inspection import inspect
from gghead.data.dataset import HeadDataset, MissingMasksWarning
from gghead.media.encoded import decode_picture
from gghead.media.images import encode_png
from tiny_archive import COUNT, SIDE, frontal_label, labels_json, picture_name, write_zip

Files = dict[str, bytes]
WriteSet = Callable[[Files], Path]


def test_reads_pictures_cut_out_in_the_order_of_names(files: Files, write_set: WriteSet) -> None:
    with HeadDataset.open(write_set(files), SIDE) as dataset:
        assert len(dataset) == COUNT
        assert dataset.names == tuple(picture_name(i) for i in range(COUNT))
        assert dataset.labels.shape == (COUNT, 25)
        assert dataset.labels.dtype == np.float32
        picture = dataset.read(3)
    expected = decode_picture(files[picture_name(3)]).rgb
    assert np.array_equal(picture[:, : SIDE // 2], expected[:, : SIDE // 2])
    assert (picture[:, SIDE // 2 :] == 255).all()


def test_a_picture_is_read_on_any_background(files: Files, write_set: WriteSet) -> None:
    with HeadDataset.open(write_set(files), SIDE) as dataset:
        backgrounds = [dataset.read(0), dataset.read(0, background=0.0), dataset.read(0, background=0.5)]
    assert [int(picture[0, -1, 0]) for picture in backgrounds] == [255, 0, 128]


@pytest.mark.parametrize("decoded", [False, True])
def test_flipped_pictures_are_those_of_a_mirror(decoded: bool, files: Files, write_set: WriteSet) -> None:
    with HeadDataset.open(write_set(files), SIDE) as dataset:
        if decoded:
            dataset.decode()
        pixels = dataset.pixels([1, 3, 1], np.array([True, False, False]))
        assert np.array_equal(pixels[0], pixels[2][:, ::-1])
        assert np.array_equal(pixels[1:], dataset.pixels([3, 1]))
        pixels[:] = 0
        assert dataset.pixels([1]).any()


def test_folder_with_folder_of_1_bit_masks(files: Files, tmp_path: Path) -> None:
    for name, data in files.items():
        (tmp_path / "heads" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "heads" / name).write_bytes(data)
    (tmp_path / "heads_masks_modnet" / "00000").mkdir(parents=True)
    for i in range(COUNT):
        (tmp_path / "heads_masks_modnet" / picture_name(i)).write_bytes(encode_png(np.eye(SIDE, dtype=bool)))
    with HeadDataset.open(tmp_path / "heads", SIDE) as dataset:
        picture = dataset.read(2, background=0.0)
    expected = decode_picture(files[picture_name(2)]).rgb
    assert np.array_equal(picture[np.eye(SIDE, dtype=bool)], expected[np.eye(SIDE, dtype=bool)])
    assert not picture[~np.eye(SIDE, dtype=bool)].any()


def test_masks_may_lie_elsewhere(files: Files, masks: Files, tmp_path: Path) -> None:
    path, elsewhere = write_zip(tmp_path / "heads.zip", files), write_zip(tmp_path / "people.zip", masks)
    with HeadDataset.open(path, SIDE, masks=elsewhere) as dataset:
        assert (dataset.read(0)[:, -1] == 255).all()
    with pytest.raises(FileNotFoundError, match=r"no .*none\.zip"):
        HeadDataset.open(path, SIDE, masks=tmp_path / "none.zip")


def test_masks_are_found_from_inside_and_through_links(
    files: Files, masks: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, data in files.items():
        (tmp_path / "heads" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "heads" / name).write_bytes(data)
    write_zip(tmp_path / "heads_masks_modnet.zip", masks)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "link").symlink_to(tmp_path / "heads", target_is_directory=True)
    for place, path in (("heads", "."), ("heads/00000", ".."), ("elsewhere", "link")):
        monkeypatch.chdir(tmp_path / place)
        with HeadDataset.open(path, SIDE) as dataset:
            assert (dataset.read(0)[:, -1] == 255).all()


def test_names_without_an_ending_have_masks_of_the_same_name(files: Files, masks: Files, tmp_path: Path) -> None:
    bare = {name.removesuffix(".png"): data for name, data in files.items() if name != "dataset.json"}
    bare["dataset.json"] = files["dataset.json"].replace(b".png", b"")
    write_zip(tmp_path / "heads_masks_modnet.zip", {name.removesuffix(".png"): data for name, data in masks.items()})
    with HeadDataset.open(write_zip(tmp_path / "heads.zip", bare), SIDE) as dataset:
        assert (dataset.read(0)[:, -1] == 255).all()


def test_without_masks_it_warns_and_keeps_the_picture(files: Files, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "heads.zip", files)
    with pytest.warns(MissingMasksWarning, match="background becomes a part"):
        dataset = HeadDataset.open(path, SIDE)
    with dataset:
        assert np.array_equal(dataset.read(0), decode_picture(files[picture_name(0)]).rgb)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def test_jpeg_grey_palette_and_transparent_pictures_with_masks(files: Files, masks: Files, write_set: WriteSet) -> None:
    ramp = np.tile(np.arange(0, 256, 16, dtype=np.uint8), (SIDE, 1))
    files[picture_name(0)] = encoded(Image.fromarray(ramp), "PNG")
    files[picture_name(1)] = encoded(Image.fromarray(np.full((SIDE, SIDE, 3), 90, np.uint8)), "JPEG", quality=95)
    rgba = np.dstack([np.full((SIDE, SIDE, 3), 120, np.uint8), np.zeros((SIDE, SIDE), np.uint8)])
    files[picture_name(2)] = encode_png(rgba)
    files[picture_name(3)] = encoded(Image.fromarray(ramp).convert("P"), "PNG")
    files[picture_name(4)] = encoded(Image.fromarray(rgba[..., :3]).convert("CMYK"), "JPEG", quality=95)
    half = slice(0, SIDE // 2)
    with HeadDataset.open(write_set(files), SIDE) as dataset:
        assert np.array_equal(dataset.read(0)[:, half], np.repeat(ramp[..., None], 3, 2)[:, half])
        assert np.abs(dataset.read(1)[:, half].astype(int) - 90).max() <= 2
        assert (dataset.read(2)[:, half] == 120).all(), "masks say what is foreground, not alpha"
        assert np.array_equal(dataset.read(3)[:, half], dataset.read(0)[:, half])
        assert np.abs(dataset.read(4)[:, half].astype(int) - 120).max() <= 3
        assert all((dataset.read(i)[:, SIDE // 2 :] == 255).all() for i in range(COUNT))


def test_masks_of_jpeg_pictures_are_png(files: Files, masks: Files, write_set: WriteSet) -> None:
    labels = labels_json([[picture_name(i).replace(".png", ".jpg"), frontal_label()] for i in range(COUNT)])
    renamed = {name.replace(".png", ".jpg"): content for name, content in files.items()} | {"dataset.json": labels}
    with HeadDataset.open(write_set(renamed), SIDE) as dataset:
        assert (dataset.read(0)[:, SIDE // 2 :] == 255).all()


def test_without_masks_the_alpha_of_a_picture_is_its_mask(files: Files, tmp_path: Path) -> None:
    alpha = np.zeros((SIDE, SIDE), np.uint8)
    alpha[:, :4], alpha[:, 4:8] = 255, 51
    files[picture_name(0)] = encode_png(np.dstack([np.full((SIDE, SIDE, 3), 100, np.uint8), alpha]))
    with HeadDataset.open(write_zip(tmp_path / "heads.zip", files), SIDE) as dataset:
        assert dataset.read(0, background=0.5)[0, ::4, 0].tolist() == [100, 122, 128, 128]
        assert dataset.pixels([0])[0, 0, ::4].tolist() == [[100] * 3 + [255], [20] * 3 + [51], [0] * 4, [0] * 4]
        assert np.array_equal(dataset.read(1), decode_picture(files[picture_name(1)]).rgb), (
            "an opaque picture is as it is"
        )


def test_intrinsics_in_pixels_are_refused(files: Files, write_set: WriteSet) -> None:
    label = frontal_label()
    label[16:22] = [2183.5, 0, 256, 0, 2183.5, 256]
    files["dataset.json"] = labels_json([[picture_name(i), label] for i in range(COUNT)])
    with pytest.raises(ValueError, match="focal length of 2184, in pixels it seems"):
        HeadDataset.open(write_set(files), SIDE)


@pytest.mark.parametrize("resolution", [0, 4, 12, 100])
def test_resolution_must_be_a_power_of_two(files: Files, write_set: WriteSet, resolution: int) -> None:
    with pytest.raises(ValueError, match=f"resolution is {resolution}; expected a power of two"):
        HeadDataset.open(write_set(files), resolution)


def test_archive_without_labels_is_refused(files: Files, write_set: WriteSet) -> None:
    del files["dataset.json"]
    with pytest.raises(ValueError, match=r"holds no dataset\.json"):
        HeadDataset.open(write_set(files), SIDE)


def test_labels_and_pictures_must_belong_together(files: Files, write_set: WriteSet) -> None:
    names = [picture_name(i) for i in range(1, COUNT)] + ["gone.png"]
    files["dataset.json"] = labels_json([[name, frontal_label()] for name in names])
    with pytest.raises(ValueError, match="1 labels without picture, 1 pictures without label") as caught:
        HeadDataset.open(write_set(files), SIDE)
    assert "gone.png has a label but there is no such picture" in str(caught.value)
    assert f"{picture_name(0)} has no label" in str(caught.value)


def test_every_picture_needs_its_mask(files: Files, masks: Files, tmp_path: Path) -> None:
    del masks[picture_name(2)]
    write_zip(tmp_path / "heads_masks_modnet.zip", masks)
    with pytest.raises(ValueError, match=f"(?s)1 of {COUNT} pictures have no mask.*{picture_name(2)} has no mask"):
        HeadDataset.open(write_zip(tmp_path / "heads.zip", files), SIDE)


def test_truncated_zip_is_refused(files: Files, write_set: WriteSet) -> None:
    path = write_set(files)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="cut off"):
        HeadDataset.open(path, SIDE)


def test_reading_names_every_kind_of_bad_picture(files: Files, masks: Files, write_set: WriteSet) -> None:
    files[picture_name(0)] = files[picture_name(0)][:60]
    files[picture_name(1)] = encode_png(np.zeros((SIDE, SIDE + 1, 3), np.uint8))
    files[picture_name(2)] = encode_png(np.zeros((SIDE // 2, SIDE // 2, 3), np.uint8))
    masks[picture_name(3)] = encode_png(np.zeros((SIDE + 2, SIDE + 2), np.uint8))
    facts = ["not a readable picture", "expected a square", "fewer than the resolution", "expected the same size"]
    with HeadDataset.open(write_set(files), SIDE) as dataset:
        for index, fact in enumerate(facts):
            with pytest.raises(ValueError, match=fact) as caught:
                dataset.read(index)
            assert picture_name(index) in str(caught.value)


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("/00000/img00000000.png", "expected a name relative to dataset.json, 00000/img00000000.png it seems"),
        ("C:\\data\\img00000000.png", "expected a name relative to dataset.json, 00000/img00000000.png it seems"),
        ("00000/IMG00000000.PNG", "there is 00000/img00000000.png - names must agree in folders, upper and lower case"),
        ("00000/img00000000.jpg", "there is 00000/img00000000.png"),
        ("img00000000.png", "there is 00000/img00000000.png"),
        (".hidden.png", "hidden files and those of operating systems are overlooked"),
    ],
)
def test_a_label_without_picture_says_why(label: str, reason: str, files: Files, write_set: WriteSet) -> None:
    names = [label, *(picture_name(i) for i in range(1, COUNT))]
    files["dataset.json"] = labels_json([[name, frontal_label()] for name in names])
    with pytest.raises(ValueError, match="1 labels without picture") as caught:
        HeadDataset.open(write_set(files), SIDE)
    assert reason in str(caught.value)


def test_foreign_names_cannot_draw_on_the_terminal(files: Files, write_set: WriteSet) -> None:
    files["dataset.json"] = labels_json([["\x1b[2J" + "x" * 10**6, frontal_label()]])
    with pytest.raises(ValueError, match="do not belong together") as caught:
        HeadDataset.open(write_set(files), SIDE)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize(
    "rename", ["{folder}/{stem}.png.png", "heads_masks_modnet/{folder}/{stem}.png", "{folder}/{stem}.webp"]
)
def test_masks_are_found_by_the_habits_of_other_tools(rename: str, files: Files, masks: Files, tmp_path: Path) -> None:
    renamed = {}
    for name, data in masks.items():
        folder, stem = name.removesuffix(".png").split("/")
        renamed[rename.format(folder=folder, stem=stem)] = data
    write_zip(tmp_path / "heads_masks_modnet.zip", renamed)
    with HeadDataset.open(write_zip(tmp_path / "heads.zip", files), SIDE) as dataset:
        assert (dataset.read(0)[:, SIDE // 2 :] == 255).all()


def test_a_mask_that_could_be_of_two_pictures_is_of_none(files: Files, masks: Files, write_set: WriteSet) -> None:
    first = picture_name(0)
    files[first.replace(".png", ".jpg")] = files[first]
    names = [*(picture_name(i) for i in range(COUNT)), first.replace(".png", ".jpg")]
    files["dataset.json"] = labels_json([[name, frontal_label()] for name in names])
    with pytest.raises(ValueError, match=r"img00000000\.jpg has no mask"):
        HeadDataset.open(write_set(files), SIDE)


@pytest.mark.parametrize("first_is_opaque", [False, True])
def test_no_picture_speaks_for_the_set(first_is_opaque: bool, files: Files, tmp_path: Path) -> None:
    alpha = np.zeros((SIDE, SIDE), np.uint8)
    alpha[:, :4] = 255
    cut_out = encode_png(np.dstack([np.full((SIDE, SIDE, 3), 100, np.uint8), alpha]))
    opaque = [0, 1] if first_is_opaque else [3, 4]
    files |= {picture_name(i): cut_out for i in range(COUNT) if i not in opaque}
    path, events = write_zip(tmp_path / "heads.zip", files), list[str]()
    with HeadDataset.open(path, SIDE) as dataset:
        assert dataset.num_cut_out is None
        dataset.decode(events.append)
        assert dataset.num_cut_out == COUNT - 2
        covered = [bool((dataset.pixels([i])[..., 3] < 255).any()) for i in range(COUNT)]
    assert covered == [i not in opaque for i in range(COUNT)]
    assert "2 of 5 pictures have neither a mask nor alpha" in events[-1]
    told = f"3 of 5 pictures are cut out by their alpha, the other 2 are opaque ({picture_name(opaque[0])} for one)"
    assert told in " ".join(inspect(path, SIDE).notes)
