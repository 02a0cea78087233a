"""A page's Gaussians, unpacked as assets/viewer/page.js does it, by other code."""

import base64
import gzip
import json
import re

import numpy as np

from gghead.gaussians.ply import decode_ply
from gghead.gaussians.scene import Gaussians


def part(page: str, name: str) -> str:
    """Text of the script element with an id."""
    return re.search(rf'<script type="[a-z/]+" id="{name}">(.*?)</script>', page, re.DOTALL)[1]


def read_page(page: str) -> Gaussians:
    """The Gaussians in the viewer's frame, -y up."""
    layout = json.loads(part(page, "layout"))
    planes = np.frombuffer(gzip.decompress(base64.b64decode(part(page, "gaussians"))), np.uint8)
    planes = planes.reshape(len(layout["columns"]), 2, layout["count"]).astype(np.int64)
    numbers = (256 * planes[:, 0] + planes[:, 1]).cumsum(axis=1) % 65536
    low, high = np.array([column["range"] for column in layout["columns"]]).T
    values = low[:, None] + numbers / 65535 * (high - low)[:, None]
    head = ["ply", "format binary_little_endian 1.0", f"element vertex {layout['count']}"]
    head += [f"property float {column['name']}" for column in layout["columns"]]
    return decode_ply("\n".join([*head, "end_header", ""]).encode() + values.T.astype("<f4").tobytes())
