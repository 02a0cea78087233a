"""The page opens from disk in headless Chromium, without a network, and shows our picture."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from exports.painted_head import psnr
from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import freeze_colors
from gghead.geometry.cameras import Cameras
from gghead.inference.exports import export
from gghead.rasterizer import render
from tolerances import FOREIGN_PSNR
from viewer.test_browser import CHROMIUM, FLAGS, PATIENCE

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SIDE = 256


def test_the_page_shows_our_picture(head: Gaussians, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    if CHROMIUM is None:
        pytest.skip("needs chromium: apt-get install chromium")
    frozen = freeze_colors(head, Cameras.frontal(1))
    export(tmp_path / "head.html", frozen)
    foreign = []
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS), headless=True)
        page = chromium.new_page(viewport={"width": SIDE, "height": SIDE})
        page.on("request", lambda request: foreign.append(request.url))
        page.goto(f"{(tmp_path / 'head.html').as_uri()}?still&noui")
        page.wait_for_selector("html[data-state=shown]", timeout=PATIENCE)
        page.wait_for_timeout(2000)
        shot = np.array(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
        chromium.close()
    assert not [url for url in foreign if not url.startswith(("file:", "blob:", "data:"))]
    ours = render(frozen, Cameras.frontal(SIDE)).rgb[0]
    assert psnr(torch.from_numpy(shot).float() / 255, ours) >= FOREIGN_PSNR
