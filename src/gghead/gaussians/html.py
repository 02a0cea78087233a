"""Gaussians -> one .html that shows them in any browser from disk, without a network.

The page holds SuperSplat Viewer (assets/viewer) and the Gaussians with 16 bits a number. Each column of the table of a
PLY is scaled to its range, stored as differences from Gaussian to Gaussian, which are small because neighbours on the
head follow each other, split into high and low bytes and compressed; assets/viewer/page.js puts it together again.
"""

import base64
import gzip
import html
import json
import math
from importlib.resources import files

import numpy as np
import torch
from jaxtyping import Float, UInt8

from gghead.gaussians.placement import Placement, place, require_single, visible
from gghead.gaussians.ply import property_names, table_of
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import FFHQ_DISTANCE, FFHQ_FOCAL
from gghead.geometry.trajectories import circle

LARGEST = 65535
"""Largest number of 16 bits."""
NOTHING = {"enabled": False}
SETTINGS = {
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
CIRCLE_RADIUS, CIRCLE_SECONDS, CIRCLE_KEYS = 0.6, 12, 24
"""The camera starts on the circle of the official videos, until somebody takes it in hand."""


def encode_html(gaussians: Gaussians, title: str = "gghead") -> bytes:
    """Content of a page that shows a head; about 4 MB for 65 thousand Gaussians of degree 1.

    Args:
        gaussians: a single scene in the head space.
        title: of the page.

    Raises:
        ValueError: several scenes, or none that is visible.
    """
    require_single(gaussians)
    seen = visible(gaussians.detach().to("cpu"))
    if not seen.num_gaussians:
        raise ValueError("there is no visible Gaussian to show")
    # The viewer turns a PLY by half a turn about z.
    turned = place(seen, Placement("-y"))
    # Both signs are the same rotation; one of them makes neighbours similar.
    flip = torch.where(turned.quats[:, :1] < 0, -1.0, 1.0)
    turned = Gaussians(turned.means, turned.quats * flip, turned.scales, turned.opacities, turned.sh)
    degree = turned.sh_degree
    names = property_names(degree)
    kept = [index for index, name in enumerate(names) if name not in ("nx", "ny", "nz")]
    table = table_of(turned, degree)[:, kept]
    ranges = np.stack([table.min(axis=0), table.max(axis=0)], axis=1)
    layout = {
        "count": len(table),
        "columns": [{"name": names[i], "range": pair} for i, pair in zip(kept, ranges.tolist(), strict=True)],
        "settings": SETTINGS | camera_settings(),
    }
    return _fill(title, json.dumps(layout), pack_columns(table, ranges))


def camera_settings() -> dict[str, object]:
    """The frontal camera of the head space, and the circle in front of the head as an animation."""
    fov = math.degrees(2 * math.atan(0.5 / FFHQ_FOCAL))
    eyes = circle(CIRCLE_KEYS, CIRCLE_RADIUS, FFHQ_DISTANCE)
    times = [CIRCLE_SECONDS * key / CIRCLE_KEYS for key in range(CIRCLE_KEYS)]
    values = {"position": eyes.flatten().tolist(), "target": [0] * 3 * CIRCLE_KEYS, "fov": [fov] * CIRCLE_KEYS}
    track = {
        "name": "circle",
        "duration": CIRCLE_SECONDS,
        "frameRate": 1,
        "loopMode": "repeat",
        "interpolation": "spline",
        "smoothness": 1,
        "keyframes": {"times": times, "values": values},
    }
    front = {"position": [0, 0, FFHQ_DISTANCE], "target": [0, 0, 0], "fov": fov}
    return {"cameras": [{"initial": front}], "animTracks": [track]}


def pack_columns(table: Float[np.ndarray, "N C"], ranges: Float[np.ndarray, "C 2"]) -> bytes:
    """Columns as 16-bit numbers of their ranges, differences, bytes apart, gzip."""
    width = np.maximum(ranges[:, 1] - ranges[:, 0], 1e-30)
    numbers = np.rint((table - ranges[:, 0]) / width * LARGEST).astype(np.int64)
    differences = np.diff(numbers, axis=0, prepend=0) & LARGEST
    planes: UInt8[np.ndarray, "C 2 N"] = np.stack([differences.T >> 8, differences.T & 255], axis=1).astype(np.uint8)
    return gzip.compress(planes.tobytes(), compresslevel=9, mtime=0)


def _fill(title: str, layout: str, gaussians: bytes) -> bytes:
    """The page with everything inside."""
    assets = files("gghead") / "assets" / "viewer"
    content = {
        "title": html.escape(title),
        "licences": (assets / "LICENSES.txt").read_text(),
        "css": (assets / "viewer.css").read_text(),
        "layout": layout.replace("<", "\\u003c"),
        "gaussians": base64.b64encode(gaussians).decode(),
        "viewer": base64.b64encode((assets / "viewer.js.gz").read_bytes()).decode(),
        "page": (assets / "page.js").read_text(),
    }
    page = (assets / "head.html").read_text()
    for name, text in content.items():
        before, mark, after = page.partition("{{" + name + "}}")
        assert mark, name
        page = before + text + after
    return page.encode()
