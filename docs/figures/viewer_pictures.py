"""Pictures of the viewer for its page in docs/: Chromium looks at `gghead view` on localhost.

    python -m docs.figures.viewer_pictures docs/images/viewer_modes.webp          # every mode, side by side
    python -m docs.figures.viewer_pictures docs/images/viewer_pad.webp --pad      # the page with a pad of four seeds
    python -m docs.figures.viewer_pictures docs/images/viewer_run.webp --run RUN  # the page that follows a run
    # a photograph's head beside it, and the same head from the side
    python -m docs.figures.viewer_pictures docs/images/viewer_photograph.webp --photograph astronaut.png --models MODELS

The heads are those of the model that comes with gghead, unless --model names another. Needs chromium, and the extras
`viewer` and `browser`.
"""

import argparse
import functools
import io
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from gghead.media.images import tile
from gghead.runs.places import BUNDLED_MODEL
from gghead.viewer.state import Show

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from playwright.sync_api import sync_playwright  # noqa: E402

from viewer.test_browser import CHROMIUM, FLAGS, Tab, Viewer  # noqa: E402

SIDE = 420
"""Of a mode's picture, pixels."""
WIDTH, HEIGHT = 1000, 633
"""Of the window."""
TALL, SIDE_WIDTH = 800, 560
"""Height of the window with a photograph, and width of the head beside it."""
FIT_PATIENCE = 1_000_000
"""Milliseconds that a fit may take."""
SETTLE = 9000
"""Milliseconds until a picture has its full size."""
QUALITY = 85
SEED, CORNERS = 53, (0, 72, 55, 53)
"""The head in every mode, and those of the pad."""


def shoot_modes(tab: Tab) -> np.ndarray:
    """The head in every mode, seen half from the side."""
    tab.open("Look")
    tab.page.get_by_role("button", name="3/4").click()
    tab.page.set_viewport_size({"width": WIDTH, "height": SIDE})
    tab.page.wait_for_timeout(SETTLE)
    canvas = tab.page.locator("canvas").first.bounding_box()
    shots = []
    for show in Show:
        tab.choose("Show", show)
        tab.page.wait_for_timeout(SETTLE)
        shots.append(
            screenshot(tab, {"x": canvas["x"] + (canvas["width"] - SIDE) / 2, "y": 0, "width": SIDE, "height": SIDE})
        )
    return tile(np.stack(shots), 3)


def shoot_pad(tab: Tab) -> np.ndarray:
    """The page with four seeds on the pad and one of the blends as a favourite."""
    tab.page.get_by_text("Morph pad").click()
    seeds = tab.field("Seeds")
    seeds.fill(", ".join(map(str, CORNERS)))
    seeds.press("Enter")
    tab.page.wait_for_timeout(SETTLE)
    tab.page.get_by_role("button", name="Keep as favourite").click()
    tab.page.get_by_text("pad of").wait_for()
    tab.canvas()
    return screenshot(tab, None)


def shoot_run(tab: Tab) -> np.ndarray:
    """The page that follows a run: losses and the newest sheet of heads."""
    tab.open("Run")
    tab.page.wait_for_timeout(SETTLE)
    return screenshot(tab, None)


def shoot_photograph(tab: Tab, photograph: Path) -> np.ndarray:
    """The page when a photograph has become the head, and the head half from the side."""
    tab.page.set_viewport_size({"width": WIDTH, "height": TALL})
    tab.open("Photograph")
    tab.choose("Quality", "good")
    tab.page.locator("input[type=file]").set_input_files(photograph)
    tab.page.get_by_text("This is the head").wait_for(timeout=FIT_PATIENCE)
    tab.page.wait_for_timeout(SETTLE)
    page = screenshot(tab, None)
    tab.open("Look")
    tab.page.get_by_role("button", name="3/4").click()
    tab.page.wait_for_timeout(SETTLE)
    canvas = tab.page.locator("canvas").first.bounding_box()
    clip = {"x": canvas["x"] + (canvas["width"] - SIDE_WIDTH) / 2, "y": 0, "width": SIDE_WIDTH, "height": TALL}
    return np.concatenate([screenshot(tab, clip), page], axis=1)


def screenshot(tab: Tab, clip: dict[str, float] | None) -> np.ndarray:
    """Pixels of the window, or of a part of it."""
    return np.asarray(Image.open(io.BytesIO(tab.page.screenshot(clip=clip))).convert("RGB"))


def main() -> None:
    """Starts the viewer, takes the picture, ends the viewer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path, default=BUNDLED_MODEL)
    shots = parser.add_mutually_exclusive_group()
    shots.add_argument("--pad", dest="shoot", action="store_const", const=shoot_pad, default=shoot_modes)
    shots.add_argument("--run", type=Path)
    shots.add_argument("--photograph", type=Path, help="the one of docs/images is NASA's portrait of Eileen Collins")
    parser.add_argument("--models", type=Path, help="folder of MediaPipe's face models")
    arguments = parser.parse_args()
    model, shoot = (arguments.run, shoot_run) if arguments.run else (arguments.model, arguments.shoot)
    if arguments.photograph:
        shoot = functools.partial(shoot_photograph, photograph=arguments.photograph)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", "from gghead.cli.main import main; main()", "view", str(model)]
    command += ["--port", str(port), "--renderer", "exact", "--view", f"seed={SEED}"]
    command += ["--follow"] if arguments.run else []
    command += ["--models", str(arguments.models)] if arguments.models else []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            chromium = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS), headless=True)
            viewer = Viewer(f"http://localhost:{port}", model, Path(folder), Path(folder) / "log")
            tab = Tab(chromium, viewer)
            tab.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
            tab.page.locator(".mantine-Notification-closeButton").first.click()  # WebGL in software
            picture = shoot(tab)
            chromium.close()
        finally:
            process.terminate()
            process.wait(timeout=30)
    Image.fromarray(picture).save(arguments.out, quality=QUALITY)
    print(arguments.out, picture.shape, round(time.process_time(), 1), "s")


if __name__ == "__main__":
    main()
