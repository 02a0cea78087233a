"""A sheet that shows at a glance whether photographs were prepared well: crops with the face that their cameras see."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from gghead.config.printable import printable
from gghead.geometry.cameras import Cameras
from gghead.media.images import resize
from gghead.photos.faces.template import FaceTemplate

SIDE, SMALL_SIDE = 192, 128
"""Pixels of a crop, and of a photograph that was left out."""
GAP, MARGIN, LINE_HEIGHT = 8, 16, 16
COLUMNS, MIN_WIDTH = 10, 820
"""Crops of a row at most; pixels of a sheet of few crops, of which the header needs about as many."""
TITLE_SIZE, TEXT_SIZE = 22, 12
MAX_CHARACTERS = 200
"""Of a name that are considered; few of them fit."""
INK, FAINT, RIM, FACE = (30, 30, 30), (120, 120, 120), (255, 60, 160), (0, 210, 255)
BACKGROUND_SHARE = 0.45
"""Of a pixel outside of the mask; the rest is white."""
OUTLINES: tuple[tuple[int, ...], ...] = (
    (10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152),
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7, 33),
    (70, 63, 105, 66, 107),
    (168, 6, 197, 195, 5, 4, 1, 2),
    (2, 97, 98, 64),
    (0, 37, 39, 40, 185, 61, 146, 91, 181, 84, 17),
    (13, 82, 81, 80, 191, 78, 95, 88, 178, 87, 14),
)
"""Landmarks along the rim of the face, an eye, a brow, nose and lips: those of the middle and the person's right."""


@dataclass(frozen=True)
class ShownHead:
    """A head for the sheet.

    Attributes:
        name: of its picture.
        image: the crop.
        mask: 255 where the person is.
        label: its camera.
        score: how good it is, 0 to 1.
    """

    name: str
    image: UInt8[np.ndarray, "R R 3"]
    mask: UInt8[np.ndarray, "R R"]
    label: Float[np.ndarray, "25"]
    score: float


@dataclass(frozen=True)
class ShownRefusal:
    """A photograph that was left out, for the sheet.

    Attributes:
        name: its source.
        reason: why.
        pixels: of the photograph, from `thumbnail`; None where it can't be read.
    """

    name: str
    reason: str
    pixels: UInt8[np.ndarray, "h w 3"] | None


def draw_sheet(
    header: Sequence[str],
    heads: Sequence[ShownHead],
    refusals_header: str,
    refusals: Sequence[ShownRefusal],
    face: FaceTemplate,
) -> UInt8[np.ndarray, "H W 3"]:
    """Crops with name, angles and score below them, then photographs that were left out with the reason.

    Args:
        header: a title and lines below it.
        heads: those that are shown.
        refusals_header: line above the others.
        refusals: the others; where there are none, their line is left out.
        face: is drawn through the camera of each head.
    """
    columns = min(COLUMNS, max(len(heads), 1))
    fonts = [ImageFont.load_default(size) for size in (TITLE_SIZE, *[TEXT_SIZE + 1] * (len(header) - 1))]
    longest = max(math.ceil(font.getlength(line)) for font, line in zip(fonts, header, strict=True))
    width = 2 * MARGIN + max(MIN_WIDTH, longest, columns * (SIDE + GAP) - GAP)
    tiles = [_head_tile(head, face) for head in heads]
    small = [_refusal_tile(refusal) for refusal in refusals]
    top = MARGIN + TITLE_SIZE + LINE_HEIGHT * len(header)
    middle = top + _grid_height(tiles, width)
    height = middle + MARGIN
    if small:
        height += 2 * LINE_HEIGHT + _grid_height(small, width)
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (line, font) in enumerate(zip(header, fonts, strict=True)):
        below = 0 if number == 0 else TITLE_SIZE + 8 + (number - 1) * LINE_HEIGHT
        draw.text((MARGIN, MARGIN + below), line, INK if number == 0 else FAINT, font)
    _paste_grid(sheet, tiles, top)
    if small:
        draw.text((MARGIN, middle + LINE_HEIGHT // 2), refusals_header, INK, ImageFont.load_default(TEXT_SIZE + 3))
        _paste_grid(sheet, small, middle + 2 * LINE_HEIGHT)
    return np.asarray(sheet)


def yaw_and_pitch(label: Float[np.ndarray, "25"]) -> tuple[float, float]:
    """Where a camera stands around the head: towards the person's left, and upwards; degrees."""
    x, y, z = (float(label[entry]) for entry in (3, 7, 11))
    return float(np.degrees(np.arctan2(x, z))), float(np.degrees(np.arctan2(y, np.hypot(x, z))))


def thumbnail(pixels: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """A photograph as the sheet shows one that was left out: at most `SMALL_SIDE` pixels a side."""
    photograph = Image.fromarray(pixels)
    photograph.thumbnail((SMALL_SIDE, SMALL_SIDE), reducing_gap=2)
    return np.array(photograph)


def _head_tile(head: ShownHead, face: FaceTemplate) -> Image.Image:
    inside = resize(head.mask, SIDE).astype(np.float32)[..., None] / 255
    colors = resize(head.image, SIDE).astype(np.float32)
    share = BACKGROUND_SHARE + (1 - BACKGROUND_SHARE) * inside
    canvas = Image.fromarray((share * colors + (1 - share) * 255).round().astype(np.uint8))
    canvas.paste(RIM, mask=Image.fromarray(_rim(inside[..., 0] > 0.5)))
    canvas = _with_face(canvas, head.label, face)
    yaw, pitch = yaw_and_pitch(head.label)
    return _captioned(canvas, [head.name, f"yaw {yaw:+.0f}  pitch {pitch:+.0f}  score {head.score:.2f}"])


def _rim(inside: np.ndarray) -> UInt8[np.ndarray, "S S"]:
    """255 at pixels of a region that have a neighbour outside of it."""
    padded = np.pad(inside, 1, mode="edge")
    surrounded = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.where(inside & ~surrounded, np.uint8(255), np.uint8(0))


def _with_face(canvas: Image.Image, label: np.ndarray, face: FaceTemplate) -> Image.Image:
    """Lines of a face through a camera, smooth: drawn at twice the size."""
    camera = Cameras.from_labels(torch.from_numpy(label.astype(np.float64)), 2 * SIDE)
    points = camera.project(torch.from_numpy(face.points.astype(np.float64)))[0].numpy()
    lines = Image.new("L", (2 * SIDE, 2 * SIDE))
    draw = ImageDraw.Draw(lines)
    for outline in OUTLINES:
        for side in (list(outline), face.mirrored[list(outline)]):
            draw.line([(float(x), float(y)) for x, y in points[side]], 255, 3, "curve")
    canvas.paste(FACE, mask=lines.resize((SIDE, SIDE), Image.Resampling.BOX))
    return canvas


def _refusal_tile(refusal: ShownRefusal) -> Image.Image:
    canvas = Image.new("RGB", (SMALL_SIDE, SMALL_SIDE), (238, 238, 238))
    if refusal.pixels is None:
        ImageDraw.Draw(canvas).line([0, 0, SMALL_SIDE, SMALL_SIDE], (205, 205, 205))
    else:
        photograph = Image.fromarray(refusal.pixels)
        canvas.paste(photograph, ((SMALL_SIDE - photograph.width) // 2, (SMALL_SIDE - photograph.height) // 2))
    return _captioned(canvas, [refusal.name, refusal.reason])


def _captioned(picture: Image.Image, lines: Sequence[str]) -> Image.Image:
    font = ImageFont.load_default(TEXT_SIZE)
    tile = Image.new("RGB", (picture.width, picture.height + LINE_HEIGHT * len(lines) + 4), "white")
    tile.paste(picture)
    draw = ImageDraw.Draw(tile)
    for number, line in enumerate(lines):
        place = (0, picture.height + 2 + number * LINE_HEIGHT)
        draw.text(place, _fitting(line, font, picture.width), INK if number == 0 else FAINT, font)
    return tile


def _fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """A text in a width: the end of it where it is too long, for that tells files of a folder apart."""
    text = printable(text[-MAX_CHARACTERS:], 10 * MAX_CHARACTERS)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength("..." + text) > width:
        text = text[1:]
    return "..." + text


def _grid_height(tiles: Sequence[Image.Image], width: int) -> int:
    if not tiles:
        return 0
    return -(-len(tiles) // _columns(tiles, width)) * (tiles[0].height + GAP)


def _paste_grid(sheet: Image.Image, tiles: Sequence[Image.Image], top: int) -> None:
    for number, tile in enumerate(tiles):
        row, column = divmod(number, _columns(tiles, sheet.width))
        sheet.paste(tile, (MARGIN + column * (tile.width + GAP), top + row * (tile.height + GAP)))


def _columns(tiles: Sequence[Image.Image], width: int) -> int:
    return (width - 2 * MARGIN + GAP) // (tiles[0].width + GAP)
