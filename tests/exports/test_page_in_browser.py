"""The page opens from disk in headless Chromium, without a network, and shows our picture."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from exports.painted_head import psnr
from gghead.exports.files import export
from gghead.gaussians.scene import Gaussians
from gghead.gaussians.shading import freeze_colors
from gghead.geometry.cameras import Cameras
from gghead.rasterizer import render
from tolerances import FOREIGN_PSNR
from viewer.test_browser import CHROMIUM, FLAGS, PATIENCE

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SIDE = 256


@pytest.fixture(scope="module")
def frozen(head: Gaussians) -> Gaussians:
    return freeze_colors(head, Cameras.frontal(1))


@pytest.fixture(scope="module")
def page_file(frozen: Gaussians, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "anna.html"
    export(path, frozen)
    return path


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    if CHROMIUM is None:
        pytest.skip("needs chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS), headless=True)
        yield browser
        browser.close()


def opened(chromium: object, address: str, width: int, height: int) -> object:
    """The page, once the head is there."""
    page = chromium.new_page()
    page.set_viewport_size({"width": width, "height": height})
    page.goto(address)
    page.wait_for_selector("html[data-state=shown]", timeout=PATIENCE)
    page.wait_for_timeout(2000)
    return page


@pytest.mark.parametrize(("width", "height"), [(SIDE, SIDE), (400, SIDE), (SIDE, 400)])
def test_the_page_shows_our_picture_in_any_window(
    chromium: object, page_file: Path, frozen: Gaussians, width: int, height: int
) -> None:
    page = opened(chromium, f"{page_file.as_uri()}?still&noui", width, height)
    shot = np.array(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
    page.close()
    left, top = (width - SIDE) // 2, (height - SIDE) // 2
    middle = shot[top : top + SIDE, left : left + SIDE]
    ours = render(frozen, Cameras.at(resolution=SIDE)).rgb[0]
    assert psnr(torch.from_numpy(middle).float() / 255, ours) >= FOREIGN_PSNR


def test_nothing_lies_over_the_head_and_nothing_comes_from_elsewhere(chromium: object, page_file: Path) -> None:
    context = chromium.new_context()
    foreign, problems = [], []
    context.on("request", lambda request: foreign.append(request.url))
    context.on("weberror", lambda error: problems.append(str(error.error)))
    page = opened(context, page_file.as_uri(), 500, 400)
    assert page.title() == "anna"
    help_table = page.locator(".sse-controlsHint")
    assert not help_table.is_visible()
    page.mouse.move(250, 200)
    page.locator(".sse-controlsButton").click()
    assert help_table.is_visible()
    context.close()
    assert not [url for url in foreign if not url.startswith(("file:", "blob:", "data:"))]
    assert not problems
