"""A tiny archive of pictures with cameras, and what broken ones are made of."""

import json
import zipfile
from pathlib import Path

from gghead.geometry.cameras import Cameras

COUNT, SIDE = 5, 16


def frontal_label() -> list[float]:
    return Cameras.frontal(SIDE).labels()[0].tolist()


def picture_name(index: int) -> str:
    return f"00000/img{index:08d}.png"


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def labels_json(labels: list) -> bytes:
    return json.dumps({"labels": labels}).encode()
