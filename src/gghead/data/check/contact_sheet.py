"""Pictures with the head template drawn over them through their cameras: a wrong camera is seen at a glance."""

from contextlib import ExitStack

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageDraw

from gghead.data.archive import open_archive
from gghead.data.check.inspection import Inspection
from gghead.data.picture_files import PictureFiles, find_masks
from gghead.data.pixels import composite, foreground
from gghead.geometry.cameras import Cameras
from gghead.media.images import resize, tile
from gghead.uv.template import HeadTemplate

SIDE = 256
"""Pixels of each picture of a sheet."""
PICTURES = 15
"""One more tile, the plan of the cameras, makes a square."""
DIMMED = 0.75
"""Share of a picture's own colour; the rest is white, so that lines stand out."""
LINE = (0, 150, 255)
CAMERA = (60, 60, 60)
LANDMARKS: dict[str, tuple[tuple[float, float, float], tuple[int, int, int]]] = {
    "right eye": ((-0.085, 0.11, 0.09), (0, 170, 0)),
    "left eye": ((0.085, 0.11, 0.09), (230, 0, 0)),
    "nose": ((0.0, 0.02, 0.20), (255, 140, 0)),
    "mouth": ((0.0, -0.07, 0.155), (200, 0, 200)),
    "chin": ((0.0, -0.18, 0.145), (120, 80, 0)),
}
"""Where an average head has them in the head space, and their colours: the eye at the viewer's left is green."""
PLAN_MARGIN = 1.2
"""Half of the side of the plan, in units of the distance of the cameras (median)."""
ARROW = 0.4
"""Length of a camera's line of sight in the plan, in the same unit."""


def contact_sheet_of(inspection: Inspection, template: HeadTemplate) -> UInt8[np.ndarray, "H W 3"] | None:
    """The sheet of an inspected dataset with its labels as they are; None if no usable picture has a camera."""
    usable = {facts.name for facts in inspection.pictures if not facts.problem}
    known = np.isfinite(inspection.labels).all(axis=1)
    known &= np.array([name in usable for name in inspection.names], bool)
    if not known.any():
        return None
    names, labels = [inspection.names[row] for row in np.flatnonzero(known)], inspection.labels[known]
    chosen = spread_over_yaw(labels)
    with ExitStack() as stack:
        pictures = stack.enter_context(open_archive(inspection.path))
        masks = None if inspection.masks is None else stack.enter_context(open_archive(inspection.masks))
        files = PictureFiles(pictures, masks, {} if masks is None else find_masks(tuple(names), masks))
        pixels = []
        for index in chosen:
            with files.decoded(names[index], 1) as stored:
                pixels.append(foreground(stored.pixels, stored.mask, SIDE))
    on_white = composite(torch.from_numpy(np.stack(pixels)), 1.0).numpy()
    return contact_sheet(on_white, labels[chosen], labels, template)


def contact_sheet(
    pictures: UInt8[np.ndarray, "N R R 3"],
    labels: Float[np.ndarray, "N 25"],
    all_labels: Float[np.ndarray, "M 25"],
    template: HeadTemplate,
) -> UInt8[np.ndarray, "H W 3"]:
    """A grid of pictures with outline and landmarks of the template, and a plan of all cameras from above.

    Args:
        pictures: some pictures, at least one.
        labels: their camera labels.
        all_labels: what the plan shows; at most a few hundred are drawn.
        template: whose outline is drawn.
    """
    with np.errstate(all="ignore"):  # wrong labels lead anywhere
        tiles = [draw_template(picture, label, template) for picture, label in zip(pictures, labels, strict=True)]
        return tile(np.stack([*tiles, camera_plan(all_labels, template)]))


def spread_over_yaw(labels: Float[np.ndarray, "M 25"], count: int = PICTURES) -> list[int]:
    """Indices of pictures from the leftmost camera to the rightmost, evenly by rank."""
    order = np.argsort(np.arctan2(labels[:, 3], labels[:, 11]), kind="stable")
    return [int(order[round(place)]) for place in np.linspace(0, len(order) - 1, min(count, len(order)))]


def draw_template(
    picture: UInt8[np.ndarray, "R R 3"], label: Float[np.ndarray, "25"], template: HeadTemplate
) -> UInt8[np.ndarray, "S S 3"]:
    """A picture with the template's outline, where the surface turns away from the camera, and visible landmarks."""
    pale = (DIMMED * resize(picture, SIDE) + (1 - DIMMED) * 255).round().astype(np.uint8)
    canvas = Image.fromarray(pale)
    draw = ImageDraw.Draw(canvas)
    vertices = template.vertices.astype(np.float64)
    points, depths = project(vertices, label)
    front = _facing(points, template.faces)
    with_depth = (depths[template.faces] > 0).all(axis=1)
    for a, b in _outline(template.faces, front & with_depth):
        _line(draw, points[a], points[b])
    if not with_depth.any():
        draw.text((6, 6), "the head is behind this camera", fill=(220, 0, 0))
    eye = label[[3, 7, 11]]
    for position, color in LANDMARKS.values():
        place = np.array(position)
        (point,), (depth,) = project(place[None], label)
        # Landmarks are on the front of the face: seen by cameras in front of the plane through them.
        if depth > 0 and eye[2] > place[2] and np.abs(point).max() < 2 * SIDE:
            draw.ellipse([*(point - 4), *(point + 4)], fill=color, outline=(255, 255, 255))
    return np.asarray(canvas)


def project(
    points: Float[np.ndarray, "N 3"], label: Float[np.ndarray, "25"]
) -> tuple[Float[np.ndarray, "N 2"], Float[np.ndarray, " N"]]:
    """Pixels in a picture of SIDE, and depths; pixels mean nothing where the depth is not positive."""
    camera = Cameras.from_labels(torch.from_numpy(label.astype(np.float64)), SIDE)
    pixels, depth = camera.project(torch.from_numpy(points))
    return pixels.numpy(), depth[:, 0].numpy()


def camera_plan(labels: Float[np.ndarray, "M 25"], template: HeadTemplate) -> UInt8[np.ndarray, "S S 3"]:
    """Cameras from above with their lines of sight, the head in the middle, its face downwards; +x is to the right."""
    canvas = Image.new("RGB", (SIDE, SIDE), (255, 255, 255))
    draw = ImageDraw.Draw(canvas)
    distance = max(float(np.median(np.linalg.norm(labels[:, [3, 7, 11]], axis=1))), 0.5)

    def place(points: np.ndarray) -> np.ndarray:
        return SIDE / 2 * (1 + points[..., [0, 2]] / (PLAN_MARGIN * distance))

    for point in place(template.vertices[::8].astype(np.float64)):
        draw.point(tuple(point), fill=LINE)
    eyes, forwards = labels[:, [3, 7, 11]], labels[:, [2, 6, 10]]
    for eye, forward in zip(eyes[:: max(1, len(eyes) // 200)], forwards[:: max(1, len(eyes) // 200)], strict=True):
        start, end = place(eye), place(eye + ARROW * distance * forward)
        if np.abs([start, end]).max() < 10 * SIDE:
            draw.line([*start, *end], fill=(170, 170, 170))
            draw.ellipse([*(start - 2), *(start + 2)], fill=CAMERA)
    draw.text((6, 6), "cameras from above, face down", fill=CAMERA)
    draw.rectangle([0, 0, SIDE - 1, SIDE - 1], outline=(200, 200, 200))
    return np.asarray(canvas)


def _facing(points: np.ndarray, faces: np.ndarray) -> Bool[np.ndarray, " F"]:
    """Which triangles turn their outer side to the camera: counter-clockwise outside, so clockwise with y down."""
    a, b, c = (points[faces[:, corner]] for corner in range(3))
    return (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0] < 0


def _outline(faces: np.ndarray, front: np.ndarray) -> np.ndarray:
    """Edges with exactly one triangle that faces the camera, as pairs of vertices."""
    edges = np.sort(faces[front][:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    return unique[counts == 1]


def _line(draw: ImageDraw.ImageDraw, start: np.ndarray, end: np.ndarray) -> None:
    if np.abs([start, end]).max() < 4 * SIDE:
        draw.line([*start, *end], fill=LINE, width=2)
