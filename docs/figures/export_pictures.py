"""A picture for docs/ of one head in viewers that nobody here wrote, and how near each comes to our picture.

    python -m docs.figures.export_pictures docs/images/exports.webp --seed 24

The head is one of the model that comes with gghead, drawn larger than its training pictures, as files are meant to be
seen. From left to right, at half the size: our picture; the PLY in SuperSplat Viewer; the page; the .spz in Spark; the
.glb in three.js. Needs what tests/exports/test_viewers.py needs. Appends a row a viewer to
benchmarks/results/exports_viewers.jsonl.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import torch
from PIL import Image

import gghead
from benchmarks.rows import RESULTS, commit
from gghead.media.images import averaged, to_uint8
from gghead.runs.places import BUNDLED_MODEL

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from exports.painted_head import psnr  # noqa: E402
from exports.test_viewers import CASES, CHROMIUM, shoot  # noqa: E402

SHOWN = ("supersplat-ply", "page", "spark-spz", "three-glb")
SIDE, SHOWN_SIDE = 768, 384
"""Of the screenshots, and of each in the picture, pixels."""
TRUNCATION, QUALITY = 0.7, 88


def main() -> None:
    """Writes the files, looks at them, writes the picture and the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=24)
    arguments = parser.parse_args()
    generator = gghead.load()
    head = generator.sample([arguments.seed], truncation=TRUNCATION)[0]
    ours = gghead.draw(generator, head, gghead.Cameras.at(resolution=SIDE)).rgb[0]
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted({file for _, file, _ in CASES.values()}):
            gghead.export(Path(folder) / file, head, generator)
        shots = shoot(Path(folder), SIDE)
    pictures = averaged(torch.stack([ours, *(shots[name] for name in SHOWN)]), SHOWN_SIDE)
    picture = torch.cat(list(pictures), dim=1)
    Image.fromarray(to_uint8(picture)).save(arguments.out, quality=QUALITY)
    browser = subprocess.run([CHROMIUM, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    for name, (viewer, file, _) in CASES.items():
        row = {
            "command": f"python -m docs.figures.export_pictures exports.webp --seed {arguments.seed}",
            "case": name,
            "viewer": viewer,
            "format": Path(file).suffix,
            "head": f"{BUNDLED_MODEL.name}, seed {arguments.seed}",
            "resolution": SIDE,
            "psnr_front": round(psnr(shots[name], ours), 1),
            "browser": f"Chromium {browser.split('.')[0]}, SwiftShader",
            "commit": commit(),
            "date": datetime.now(UTC).date().isoformat(),
        }
        with (RESULTS / "exports_viewers.jsonl").open("a", encoding="utf-8") as rows:
            rows.write(json.dumps(row) + "\n")
        print(json.dumps(row))


if __name__ == "__main__":
    main()
