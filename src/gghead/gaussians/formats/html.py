"""Gaussians -> one .html that shows them in any browser from disk, without a network.

The page holds SuperSplat Viewer (assets/viewer) and the Gaussians in 16 bits a coordinate and 8 bits for every other
number. Each column of the table of a PLY is scaled to its range, stored as differences from Gaussian to Gaussian, which
are small because neighbours on the head follow each other, split into bytes and compressed; assets/viewer/page.js puts
it together again.
"""

import base64
import gzip
import html
import json
import math
import re
from importlib.resources import files

import numpy as np
import torch
from jaxtyping import Float, UInt8

from gghead.gaussians.checks import require_drawable, require_fine_steps
from gghead.gaussians.formats.ply import property_names, table_of
from gghead.gaussians.placement import UP_IN_FILES, Placement, place
from gghead.gaussians.scene import Gaussians
from gghead.geometry.canonical_head import CIRCLE_RADIUS, FFHQ_DISTANCE, HEAD_MIDDLE, PORTRAIT_FOV
from gghead.geometry.trajectories import circle

COORDINATE, NUMBER, HARMONIC = 65535, 255, 127
"""Largest number that stands for a coordinate, a harmonic above degree 0, and anything else; their least is 0."""
LARGEST_OPACITY = 0.999
"""Its logit is as far as the scale of opacities has to reach; no renderer draws alphas above 0.99."""
NOTHING: dict[str, object] = {"enabled": False}
SETTINGS: dict[str, object] = {
    "version": 2,
    "tonemapping": "none",
    "highPrecisionRendering": False,
    "background": {"color": [1, 1, 1]},
    "postEffectSettings": {
        "sharpness": NOTHING | {"amount": 0},
        "bloom": NOTHING | {"intensity": 0, "blurLevel": 2},
        "grading": NOTHING | {"brightness": 1, "contrast": 1, "saturation": 1, "tint": [1, 1, 1]},
        "vignette": NOTHING | {"intensity": 0, "inner": 0.3, "outer": 0.75, "curvature": 1},
        "fringing": NOTHING | {"intensity": 0},
    },
    "annotations": [],
    "startMode": "animTrack",
}
"""The viewer's settings: colours as they are, on white."""
CIRCLE_SECONDS, CIRCLE_KEYS = 12, 24
"""The camera starts on the circle of the official videos, until somebody takes it in hand."""


def encode_html(gaussians: Gaussians, title: str = "gghead") -> bytes:
    """Content of a page that shows a head; about 2 MB for 65 thousand Gaussians of degree 1, 5 MB for 260 thousand.

    Args:
        gaussians: a single scene in the head space that can be drawn.
        title: of the page.

    Raises:
        ValueError: several scenes, Gaussians that can't be drawn, or too far apart.
    """
    require_drawable(gaussians)
    # The viewer is handed a PLY, and turns it as it turns all of them.
    turned = place(gaussians.detach().to("cpu"), Placement(UP_IN_FILES[".ply"]))
    require_fine_steps(turned, float((turned.means.amax(0) - turned.means.amin(0)).max()) / COORDINATE)
    # Both signs are the same rotation; one of them makes neighbours similar.
    flip = torch.where(turned.quats[:, :1] < 0, -1.0, 1.0)
    opacities = turned.opacities.clamp_max(LARGEST_OPACITY)
    turned = Gaussians(turned.means, turned.quats * flip, turned.scales, opacities, turned.sh)
    degree = turned.sh_degree
    names = property_names(degree)
    kept = [index for index, name in enumerate(names) if name not in ("nx", "ny", "nz")]
    table = table_of(turned, degree)[:, kept]
    ranges = np.stack([table.min(axis=0), table.max(axis=0)], axis=1)
    largest = [_largest(names[index]) for index in kept]
    pairs: list[list[float]] = ranges.tolist()
    columns = zip((names[index] for index in kept), pairs, largest, strict=True)
    layout: dict[str, object] = {
        "count": len(table),
        "columns": [{"name": name, "range": pair, "largest": number} for name, pair, number in columns],
        "settings": SETTINGS | camera_settings(),
    }
    return _fill(title, json.dumps(layout), pack_columns(table, ranges, largest))


def camera_settings() -> dict[str, object]:
    """A camera in front of the whole head, and the circle in front of it as an animation.

    Fields of view are those of the shorter side of the window; page.js makes the viewer's of them.
    """
    fov, middle = math.degrees(PORTRAIT_FOV), torch.tensor(HEAD_MIDDLE)
    eyes = circle(CIRCLE_KEYS, CIRCLE_RADIUS, FFHQ_DISTANCE) + middle
    front = middle + torch.tensor([0.0, 0.0, FFHQ_DISTANCE])
    times = [CIRCLE_SECONDS * key / CIRCLE_KEYS for key in range(CIRCLE_KEYS)]
    ahead = middle.numpy().tolist()
    values = {"position": eyes.numpy().ravel().tolist(), "target": ahead * CIRCLE_KEYS, "fov": [fov] * CIRCLE_KEYS}
    track: dict[str, object] = {
        "name": "circle",
        "duration": CIRCLE_SECONDS,
        "frameRate": 1,
        "loopMode": "repeat",
        "interpolation": "spline",
        "smoothness": 1,
        "keyframes": {"times": times, "values": values},
    }
    initial = {"position": front.numpy().tolist(), "target": ahead, "fov": fov}
    return {"cameras": [{"initial": initial}], "animTracks": [track]}


def pack_columns(table: Float[np.ndarray, "N C"], ranges: Float[np.ndarray, "C 2"], largest: list[int]) -> bytes:
    """Columns as whole numbers from 0 to `largest` over their ranges, differences, bytes apart, gzip."""
    planes: list[UInt8[np.ndarray, " N"]] = []
    for column, (low, high), number in zip(table.T, ranges, largest, strict=True):
        differences = np.diff(np.rint((column - low) / max(high - low, 1e-30) * number).astype(np.int64), prepend=0)
        if number > 255:
            planes.append((differences >> 8 & 255).astype(np.uint8))
        planes.append((differences & 255).astype(np.uint8))
    return gzip.compress(b"".join(plane.tobytes() for plane in planes), compresslevel=9, mtime=0)


def _largest(name: str) -> int:
    if name in ("x", "y", "z"):
        return COORDINATE
    return HARMONIC if name.startswith("f_rest") else NUMBER


def _fill(title: str, layout: str, gaussians: bytes) -> bytes:
    """The page with everything inside."""
    assets = files("gghead") / "assets" / "viewer"
    content = {
        "title": html.escape(title),
        "licences": (assets / "LICENSES.txt").read_text(encoding="utf-8"),
        "css": (assets / "viewer.css").read_text(encoding="utf-8"),
        "layout": layout.replace("<", "\\u003c"),
        "gaussians": base64.b64encode(gaussians).decode(),
        "viewer": base64.b64encode((assets / "viewer.js.gz").read_bytes()).decode(),
        "page": (assets / "page.js").read_text(encoding="utf-8"),
    }
    page = (assets / "head.html").read_text(encoding="utf-8")
    # In one go: a title may look like a mark.
    return re.sub(r"\{\{(\w+)\}\}", lambda mark: content[mark[1]], page).encode()
