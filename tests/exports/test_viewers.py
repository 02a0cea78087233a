"""Files in viewers that nobody here wrote, in headless Chromium: the picture is ours.

cp tests/exports/browser/package.json FOLDER && npm install --ignore-scripts --prefix FOLDER
GGHEAD_NODE_MODULES=FOLDER/node_modules python -m pytest -m browser
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from exports.painted_head import painted_head, psnr
from gghead.config.model import GeneratorConfig
from gghead.exports.files import export
from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import freeze_colors
from gghead.geometry.cameras import Cameras
from gghead.model.generator import Generator, build_generator
from gghead.rasterizer import render
from tolerances import FOREIGN_MESH_PSNR, FOREIGN_PSNR

SIDE = 384
BROWSER = Path(__file__).parent / "browser"
MODULES = Path(os.environ.get("GGHEAD_NODE_MODULES", BROWSER / "node_modules"))
CHROMIUM = os.environ.get("CHROMIUM", shutil.which("chromium") or "")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="needs chromium; CHROMIUM may name it"),
    pytest.mark.skipif(shutil.which("node") is None, reason="needs node"),
    pytest.mark.skipif(
        not (MODULES / "playwright-core").is_dir(),
        reason="needs the npm packages of tests/exports/browser; GGHEAD_NODE_MODULES may name their folder",
    ),
]
CASES = {
    "page": ("itself", "head.html", FOREIGN_PSNR),
    "supersplat-ply": ("supersplat", "head.ply", FOREIGN_PSNR),
    "spark-ply": ("spark", "head.ply", FOREIGN_PSNR),
    "spark-splat": ("spark", "head.splat", FOREIGN_PSNR),
    "spark-spz": ("spark", "head.spz", FOREIGN_PSNR),
    "three-glb": ("three", "head.glb", FOREIGN_MESH_PSNR),
}
"""Viewer, file and the least PSNR against our picture."""


@pytest.fixture(scope="module")
def whole_head() -> tuple[Generator, Gaussians]:
    """The official number of texels, smaller Gaussians for it."""
    config = GeneratorConfig(z_size=8, style_size=8, map_resolution=256, channel_base=64, channel_max=8)
    generator = build_generator(config, seed=0)
    head = painted_head(generator)
    shrunk = Gaussians(head.means, head.quats, head.scales * 0.4, head.opacities, head.sh)
    return generator, freeze_colors(shrunk, Cameras.frontal(1))


def shoot(folder: Path, side: int = SIDE) -> dict[str, torch.Tensor]:
    """A screenshot of each case, [side, side, 3] in [0, 1], of the files in a folder."""
    cases = [
        {
            "viewer": viewer,
            "file": str(folder / file),
            "out": str(folder / f"{name}.png"),
            "size": side,
            "turned": file.endswith((".ply", ".splat")),
        }
        for name, (viewer, file, _) in CASES.items()
    ]
    (folder / "cases.json").write_text(json.dumps(cases))
    command = ["node", str(BROWSER / "shoot.mjs"), str(MODULES), str(folder / "cases.json")]
    result = subprocess.run(
        command, env=os.environ | {"CHROMIUM": CHROMIUM}, capture_output=True, text=True, timeout=900, check=False
    )
    assert result.returncode == 0, result.stderr
    return {
        name: torch.from_numpy(np.array(Image.open(folder / f"{name}.png").convert("RGB"))).float() / 255
        for name in CASES
    }


@pytest.fixture(scope="module")
def shots(whole_head: tuple[Generator, Gaussians], tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """A screenshot for each case; one browser for all."""
    generator, head = whole_head
    folder = tmp_path_factory.mktemp("shots")
    for name in {file for _, file, _ in CASES.values()}:
        export(folder / name, head, generator)
    return shoot(folder)


@pytest.mark.parametrize("name", CASES)
def test_a_foreign_viewer_shows_our_picture(
    name: str, shots: dict[str, torch.Tensor], whole_head: tuple[Generator, Gaussians]
) -> None:
    ours = render(whole_head[1], Cameras.at(resolution=SIDE)).rgb[0]
    assert psnr(shots[name], ours) >= CASES[name][2]
