"""How faithful and how large exported files are: a head is written, read again and drawn.

    python -m studies.export_fidelity [MODEL] [--seed 24]
    python -m studies.export_fidelity --fitted head.safetensors [--grid 512]

The head is one of a model, by default of the one that comes with gghead; or it is fitted, with harmonics of degree 1:
fitted_head.py makes head.safetensors, with the same --grid. Appends a row for each format to
benchmarks/results/exports.jsonl. A page's Gaussians are read by the reader of the tests, a mesh is drawn by the depth
buffer of the tests.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from gghead.exports.baking import paint
from gghead.exports.files import export
from gghead.exports.formats import FORMATS
from gghead.exports.mesh import head_mesh
from gghead.gaussians.formats.ply import load_ply
from gghead.gaussians.formats.splat import load_splat
from gghead.gaussians.formats.spz import load_spz
from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import freeze_colors
from gghead.geometry.cameras import Cameras
from gghead.inference.loading import load
from gghead.inference.observation import observe
from gghead.model.generator import Generator
from gghead.rasterizer import render
from gghead.runs.places import BUNDLED_MODEL
from studies.fitted_head import FITTED_GRID, load_fitted, small_generator

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from exports.draw_mesh import draw_mesh  # noqa: E402
from exports.painted_head import around, psnr  # noqa: E402
from exports.read_page import read_page  # noqa: E402

RESOLUTION = 512
TRUNCATION = 0.7


def drawn(path: Path, head: Gaussians, generator: Generator) -> torch.Tensor | None:
    """Pictures of the head in a file; None for ellipsoids, which look otherwise."""
    cameras = around(RESOLUTION)
    if path.name.endswith(".ellipsoids.glb"):
        return None
    if path.suffix == ".glb":
        mesh = paint(head_mesh(head, generator), head)
        return torch.stack(draw_mesh(mesh.vertices, mesh.faces, mesh.uvs, mesh.texture, cameras))
    readers = {
        ".ply": load_ply,
        ".splat": load_splat,
        ".spz": load_spz,
        ".html": lambda page: read_page(page.read_text(encoding="utf-8")),
    }
    return render(readers[path.suffix](path), cameras).rgb


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", default=BUNDLED_MODEL)
    parser.add_argument("--seed", type=int, default=24)
    parser.add_argument("--fitted", type=Path)
    parser.add_argument("--grid", type=int, default=FITTED_GRID)
    arguments = parser.parse_args()
    if arguments.fitted:
        made, generator = load_fitted(arguments.fitted), small_generator(arguments.grid)
        source = f"--fitted {arguments.fitted.name} --grid {arguments.grid}"
    else:
        generator = load(arguments.model)
        made = generator.sample([arguments.seed], truncation=TRUNCATION)[0]
        source = f"{arguments.model.name} --seed {arguments.seed}"
    head = observe(generator.config, None).apply_smoothing_filter(made, generator)  # what files hold
    pictures = render(head, around(RESOLUTION)).rgb
    frozen = render(freeze_colors(head, Cameras.frontal(1)), around(RESOLUTION)).rgb
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        (ROOT / "benchmarks/results/exports.jsonl").open("a", encoding="utf-8") as rows,
    ):
        for kind in FORMATS:
            path = Path(folder) / f"head{kind.suffix}"
            start, start_busy = time.perf_counter(), time.process_time()
            export(path, made, generator)
            seconds, busy = time.perf_counter() - start, time.process_time() - start_busy
            again = drawn(path, head, generator)
            expected = frozen if kind.suffix == ".splat" else pictures
            row = {
                "command": f"python -m studies.export_fidelity {source}",
                "format": kind.suffix,
                "gaussians": head.num_gaussians,
                "sh_degree": head.sh_degree,
                "bytes": path.stat().st_size,
                "seconds": round(seconds, 2),
                "processor_seconds": round(busy, 2),
                "psnr_front": None if again is None else round(psnr(again[0], pictures[0]), 1),
                "psnr_least_of_3_views": None
                if again is None
                else round(float(np.min([psnr(a, b) for a, b in zip(again, expected, strict=True)])), 1),
                "compared_with": "colours frozen to the front" if kind.suffix == ".splat" else "the head",
                "commit": commit.stdout.strip(),
                "date": datetime.now(UTC).date().isoformat(),
            }
            rows.write(json.dumps(row) + "\n")
            print(json.dumps(row))
