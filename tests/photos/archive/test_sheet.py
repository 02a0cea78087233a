"""The sheet shows what is doubtful: heads of low scores, some refusals of each reason, faces where cameras say."""

import io
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_cameras import posed_label
from gghead.media.images import encode_png
from gghead.photos.archive.records import LeftOut, PhotoRecord, TakenHead
from gghead.photos.archive.sheet import FACE, GAP, MARGIN, SIDE, ShownHead, ShownRefusal, draw_sheet, thumbnail
from gghead.photos.archive.sheet_contents import MAX_HEADS, MAX_REFUSALS, sheet_of, some_of_each_reason, worst
from gghead.photos.faces.template import face_template
from gghead.photos.refusal import Reason

TEMPLATE = face_template()


def record(name: str, *reasons: Reason) -> PhotoRecord:
    return PhotoRecord(name, name, None, None, (), tuple(LeftOut(reason, "") for reason in reasons))


def shown(name: str, image: np.ndarray, label: np.ndarray) -> ShownHead:
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[:, : len(mask) // 2] = 255
    return ShownHead(name, image, mask, label, 0.75)


def test_the_face_is_drawn_where_the_camera_of_the_label_sees_it() -> None:
    label = posed_label(0.5, -0.2)
    grey = np.full((SIDE, SIDE, 3), 128, np.uint8)
    sheet = draw_sheet(["t"], [shown("a", grey, label)], "", [], TEMPLATE)
    top = int(np.flatnonzero((sheet != 255).any(axis=(1, 2)) & (np.arange(len(sheet)) > 50))[0])
    tile = sheet[top : top + SIDE, MARGIN : MARGIN + SIDE].astype(int)
    blue = np.abs(tile - FACE).sum(axis=2) < 60
    camera = Cameras.from_labels(torch.from_numpy(label).double(), SIDE)
    points = camera.project(torch.from_numpy(TEMPLATE.points))[0].numpy()[33]  # a corner of an eye, where a line ends
    column, row = np.floor(points).astype(int)
    assert blue[row - 1 : row + 2, column - 1 : column + 2].any()
    assert 0.005 < blue.mean() < 0.3
    left, right = tile[5, 10].mean(), tile[5, -10].mean()
    assert left < right - 30, "what the mask leaves out is pale"


def test_heads_of_the_lowest_scores_are_shown_the_lowest_first() -> None:
    heads = [TakenHead(str(number), (), (number * 37 % 150) / 150) for number in range(150)]
    chosen = worst(heads)
    assert len(chosen) == MAX_HEADS
    assert [head.score for head in chosen] == [number / 150 for number in range(MAX_HEADS)]


def test_each_reason_is_shown_be_it_ever_so_rare() -> None:
    rare = [(record("x"), LeftOut(Reason.TURNED, ""))]
    many = [(record(str(number)), LeftOut(Reason.NO_FACE, "")) for number in range(100)]
    chosen = some_of_each_reason([*many, *rare])
    assert len(chosen) == MAX_REFUSALS
    assert chosen[-1] == rare[0]
    assert chosen[:-1] == many[: MAX_REFUSALS - 1]


def test_a_sheet_of_many_real_photographs_stays_small(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    coarse = Image.fromarray(random.integers(0, 256, (64, 64, 3), np.uint8))
    picture = encode_png(np.asarray(coarse.resize((512, 512), Image.Resampling.BICUBIC)))
    mask = encode_png(np.full((512, 512), 255, np.uint8))
    small = io.BytesIO()
    Image.fromarray(thumbnail(np.asarray(coarse.resize((640, 480), Image.Resampling.BICUBIC)))).save(small, "JPEG")
    label = tuple(posed_label(0.1, 0.1).tolist())
    taken = [
        PhotoRecord(str(n), f"ü{n}", n, None, (TakenHead(f"{n}.png", label, n / 200),), ())
        for n in range(MAX_HEADS + 20)
    ]
    refused = [record(f"r{n}", list(Reason)[n % 9]) for n in range(MAX_REFUSALS * 2)]
    paths = [tmp_path / name for name in ("heads.zip", "masks.zip", "thumbnails.zip")]
    files = ((taken, picture, "png"), (taken, mask, "png"), (refused[::2], small.getvalue(), "jpg"))
    for path, (records, data, suffix) in zip(paths, files, strict=True):
        with zipfile.ZipFile(path, "w") as archive:
            for entry in records:
                archive.writestr(f"{entry.name}.{suffix}", data)
    data = sheet_of("heads.zip", [*taken, *refused], *paths)
    assert len(data) < 5e6
    with Image.open(io.BytesIO(data)) as sheet:
        assert sheet.width == 2 * MARGIN + 10 * (SIDE + GAP) - GAP
        assert sheet.height > sheet.width


def test_names_of_any_length_and_script_fit_below_their_pictures() -> None:
    wide = draw_sheet(["t"], [], "left", [ShownRefusal("ü\x1b[2J日本" * 100, "no face", None)], TEMPLATE)
    plain = draw_sheet(["t"], [], "left", [ShownRefusal("a", "no face", None)], TEMPLATE)
    assert wide.shape == plain.shape
    beside = MARGIN + 128 + 1
    assert np.array_equal(wide[:, beside:], plain[:, beside:])
