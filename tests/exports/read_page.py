"""A page's Gaussians, unpacked as assets/viewer/page.js does it, by other code."""

import base64
import gzip
import json
import re

import numpy as np

from gghead.gaussians.formats.ply import decode_ply
from gghead.gaussians.placement import unplace
from gghead.gaussians.scene import Gaussians


def part(page: str, name: str) -> str:
    """Text of the script element with an id."""
    return re.search(rf'<script type="[a-z/]+" id="{name}">(.*?)</script>', page, re.DOTALL)[1]


def read_page(page: str) -> Gaussians:
    """The Gaussians in the head space."""
    layout = json.loads(part(page, "layout"))
    content = np.frombuffer(gzip.decompress(base64.b64decode(part(page, "gaussians"))), np.uint8).astype(np.int64)
    count, columns = layout["count"], []
    for kind in layout["columns"]:
        width = 2 if kind["largest"] > 255 else 1
        planes, content = np.split(content, [width * count])
        numbers = planes.reshape(width, count).T @ [256, 1][-width:]
        low, high = kind["range"]
        columns.append(low + numbers.cumsum() % 256**width / kind["largest"] * (high - low))
    assert not len(content)
    head = ["ply", "format binary_little_endian 1.0", f"element vertex {count}"]
    head += [f"property float {column['name']}" for column in layout["columns"]]
    body = np.stack(columns, axis=1).astype("<f4").tobytes()
    return unplace(decode_ply("\n".join([*head, "end_header", ""]).encode() + body), "-y")
