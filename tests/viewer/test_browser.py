"""The page in a real browser: Chromium, driven by Playwright, against `gghead view` on localhost."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from face_models import WHEELS, face_models
from gghead.gaussians.formats.ply import decode_ply
from gghead.gaussians.formats.splat import decode_splat
from gghead.gaussians.formats.spz import decode_spz
from gghead.viewer.access.uploads import MAX_UPLOAD
from gghead.viewer.state import Show
from viewer.tiny_models import write_model

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
)
PATIENCE = 40_000
"""Milliseconds after which a test gives up; software WebGL on two cores is slow."""
CANVAS = {"x": 0, "y": 200, "width": 620, "height": 480}
"""Part of the window that neither notes nor the panel cover."""


@dataclass(frozen=True)
class Viewer:
    """A running `gghead view`."""

    url: str
    model: Path
    out: Path
    log: Path


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    pytest.importorskip("viser", reason="the viewer needs the extra `viewer`")
    folder = tmp_path_factory.mktemp("browser")
    write_model(folder / "a.safetensors", seed=0)
    write_model(folder / "b.safetensors", seed=1)
    port = 8000 + os.getpid() % 900
    log = folder / "log.txt"
    command = [sys.executable, "-c", "from gghead.cli.main import main; main()", "--debug", "view", str(folder)]
    command += ["--port", str(port), "--renderer", "exact", "--view", "side=256", "--out", str(folder / "kept")]
    command += ["--models", str(WHEELS)]
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield Viewer(f"http://localhost:{port}", folder / "a.safetensors", folder / "kept", log)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    if CHROMIUM is None:
        pytest.skip("needs chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS), headless=True)
        yield chromium
        chromium.close()


class Tab:
    """A visitor at the page."""

    def __init__(self, browser: object, viewer: Viewer, width: int = 1000, height: int = 700) -> None:
        self.requests: list[str] = []
        self.page = browser.new_page(viewport={"width": width, "height": height})
        self.page.set_default_timeout(PATIENCE)
        self.page.on("request", lambda request: self.requests.append(request.url))
        for _ in range(60):
            try:
                self.page.goto(viewer.url)
                break
            except Exception as error:  # the server is still importing
                if "ERR_CONNECTION_REFUSED" not in str(error):
                    raise
                self.page.wait_for_timeout(500)
        self.page.get_by_text("Truncation").wait_for()
        self.page.get_by_text(re.compile(r"picture \d+ ms")).wait_for()

    def canvas(self) -> np.ndarray:
        """What is seen of the head, once two looks at it agree."""
        before = None
        for _ in range(60):
            self.page.wait_for_timeout(400)
            with Image.open(io.BytesIO(self.page.screenshot(clip=CANVAS))) as picture:
                now = np.asarray(picture.convert("RGB")).astype(int)
            if before is not None and np.array_equal(before, now):
                return now
            before = now
        raise AssertionError("the picture never comes to rest")

    def until_changed(self, before: np.ndarray, least: float = 0.3) -> np.ndarray:
        """The next picture that differs in mean by more than noise."""
        for _ in range(60):
            now = self.canvas()
            if np.abs(now - before).mean() > least:
                return now
        raise AssertionError("the picture did not change")

    def field(self, label: str) -> object:
        """The field beside a label."""
        return self.page.locator(f"xpath=//label[normalize-space()='{label}']/following::input[1]").first

    def choose(self, label: str, option: str) -> None:
        """Picks from a dropdown."""
        self.field(label).click()
        self.page.get_by_role("option", name=option, exact=True).click()

    def open(self, name: str) -> None:
        """Opens a tab of the panel."""
        self.page.get_by_role("tab", name=name).click()

    def download(self, button: str) -> bytes:
        """What a save button sends."""
        with self.page.expect_download() as waiting:
            self.page.get_by_role("button", name=button).click()
        return Path(waiting.value.path()).read_bytes()


@pytest.fixture
def tab(browser: object, viewer: Viewer) -> Iterator[Tab]:
    tab = Tab(browser, viewer)
    yield tab
    tab.page.close()


def test_a_seed_and_the_camera_change_the_picture_and_nothing_comes_from_elsewhere(tab: Tab, viewer: Viewer) -> None:
    first = tab.canvas()
    assert first.std() > 1
    seed = tab.field("Seed")
    seed.fill("5")
    seed.press("Enter")
    second = tab.until_changed(first)
    tab.page.mouse.move(400, 450)
    tab.page.mouse.down()
    tab.page.mouse.move(300, 430, steps=5)
    tab.page.mouse.up()
    tab.until_changed(second)
    foreign = [url for url in tab.requests if not url.startswith((viewer.url, f"blob:{viewer.url}", "data:"))]
    assert not foreign


def test_the_panel_stands_beside_the_head(browser: object, viewer: Viewer) -> None:
    tab = Tab(browser, viewer, 900, 700)
    canvas = tab.page.locator("canvas").first.bounding_box()
    field = tab.field("Seed").bounding_box()
    tab.page.close()
    assert canvas["width"] > 500
    assert canvas["x"] + canvas["width"] <= field["x"]


def test_the_pad_fills_itself_and_directions_are_shown(tab: Tab) -> None:
    first = tab.canvas()
    tab.page.get_by_text("Morph pad").click()
    tab.page.get_by_role("button", name="Four random seeds").click()
    tab.until_changed(first)
    assert tab.field("Seeds").input_value().count(",") == 3
    tab.page.get_by_text("Principal directions").click()
    tab.page.get_by_text("from one end of each slider").wait_for()


def test_each_mode_shows_something_else(tab: Tab) -> None:
    tab.open("Look")
    pictures = [tab.canvas()]
    for show in list(Show)[1:]:
        tab.choose("Show", show)
        pictures.append(tab.until_changed(pictures[-1]))
    for i, a in enumerate(pictures):
        for b in pictures[:i]:
            assert np.abs(a - b).mean() > 0.3


def test_splats_in_the_browser_are_the_same_head(tab: Tab) -> None:
    exact = tab.canvas()
    tab.open("Look")
    tab.choose("Drawn by", "this browser (splats)")
    tab.page.wait_for_timeout(4000)
    splats = tab.canvas()
    assert splats.std() > 1
    assert np.abs(splats - exact).mean() < 12


def test_downloads_are_valid_files_and_copies_stay_in_out(tab: Tab, viewer: Viewer) -> None:
    tab.open("Take away")
    assert decode_ply(tab.download("Save PLY")).num_gaussians > 100
    assert decode_spz(tab.download("Save SPZ")).num_gaussians > 100
    assert decode_splat(tab.download("Save SPLAT")).num_gaussians > 100
    assert tab.download("Save GLB (mesh)").startswith(b"glTF")
    assert b"SuperSplat" in tab.download("Save page (HTML)")
    with Image.open(io.BytesIO(tab.download("Save picture"))) as picture:
        assert picture.size == (256, 256)
    with av.open(io.BytesIO(tab.download("Save orbit video"))) as video:
        assert sum(1 for _ in video.decode(video=0)) == 96
    assert sorted(path.suffix for path in viewer.out.iterdir()) == [
        ".glb",
        ".html",
        ".mp4",
        ".ply",
        ".png",
        ".splat",
        ".spz",
    ]
    tab.page.get_by_role("button", name="Command line of this view").click()
    tab.page.get_by_text("gghead view").wait_for()


def test_a_file_is_sent_and_refused_in_words(tab: Tab) -> None:
    face_models()
    drawing = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), dtype=np.uint8)  # several parts of a file
    Image.fromarray(noise).save(drawing, "PNG")
    tab.open("Photograph")
    file = {"name": "drawing.png", "mimeType": "image/png", "buffer": drawing.getvalue()}
    tab.page.locator("input[type=file]").set_input_files(file)
    tab.page.get_by_text("No head was made: no face is found").wait_for()
    too_large = file | {"buffer": bytes(MAX_UPLOAD + 1)}
    tab.page.locator("input[type=file]").set_input_files(too_large)
    tab.page.get_by_text("larger than 20 MB").wait_for()
    tab.page.get_by_role("button", name="Choose a photograph").click(trial=True)


def test_a_favourite_is_there_for_the_next_page_too(browser: object, viewer: Viewer, tab: Tab) -> None:
    seed = tab.field("Seed")
    seed.fill("7")
    seed.press("Enter")
    seventh = tab.canvas()
    tab.page.get_by_role("button", name="Keep as favourite").click()
    tab.page.get_by_text("seed 7").wait_for()
    assert "seed=7" in (viewer.out / "favourites.json").read_text()
    other = Tab(browser, viewer)
    other.page.get_by_text("seed 7").wait_for()
    first = other.canvas()
    other.page.get_by_role("button", name="Show").click()
    assert np.abs(other.until_changed(first) - seventh).mean() < 1
    other.page.get_by_role("button", name="Remove").click()
    other.page.get_by_text("seed 7").wait_for(state="detached")
    other.page.close()
    assert "seed=7" not in (viewer.out / "favourites.json").read_text()


def test_a_model_deleted_under_the_viewer_is_a_message(browser: object, viewer: Viewer, tab: Tab) -> None:
    kept = viewer.model.read_bytes()
    viewer.model.unlink()
    try:
        tab.page.get_by_role("button", name="Random head").click()
        tab.page.get_by_text("is gone").first.wait_for()
    finally:
        viewer.model.write_bytes(kept)
    assert "Traceback" not in tab.page.content()


def test_visitors_have_heads_of_their_own(browser: object, viewer: Viewer, tab: Tab) -> None:
    mine = tab.canvas()
    other = Tab(browser, viewer)
    other.page.get_by_role("button", name="Random head").click()
    other.until_changed(mine)
    other.page.close()
    assert np.array_equal(tab.canvas(), mine)


def test_the_log_has_no_traceback(viewer: Viewer) -> None:
    assert "Traceback" not in viewer.log.read_text()
