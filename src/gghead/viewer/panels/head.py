"""Widgets that choose the head: model, seed, pad, mixing, directions."""

import functools
import random
import threading
from pathlib import Path

import numpy as np

from gghead.viewer.direction_strips import MAX_DEVIATIONS
from gghead.viewer.library import label
from gghead.viewer.page import Page
from gghead.viewer.state import NUM_DIRECTIONS, View, pick

BANDS = ("coarse", "middle", "fine")


def add_source(page: Page) -> None:
    """Run or model, and its snapshot."""
    gui, library = page.client.gui, page.setting.library
    names = {entry.name: entry for entry in library}
    source = gui.add_dropdown("Model", tuple(names), initial_value=page.entry.name, visible=len(names) > 1)
    snapshot = gui.add_dropdown("Snapshot", _labels(page), initial_value=label(page.session.path))
    snapshot.visible = len(snapshot.options) > 1

    def show(name: str) -> None:
        path = next((path for path in page.entry.snapshots() if label(path) == name), None)
        if path is None:
            raise FileNotFoundError(f"the snapshot {name} is gone; choose another")
        page.session.look_at(path)
        for listener in page.listeners:
            listener(page.session.view)

    def change_source() -> None:
        page.entry = pick(names, source.value)
        options = _labels(page)
        snapshot.options, snapshot.value = options, options[0]
        snapshot.visible = len(options) > 1
        show(options[0])

    def newest(path: Path) -> None:
        snapshot.options = _labels(page)
        snapshot.value = label(path)
        snapshot.visible = len(snapshot.options) > 1

    page.on_use(source, change_source)
    page.on_use(snapshot, lambda: show(snapshot.value))
    page.show_newest = newest


def _labels(page: Page) -> tuple[str, ...]:
    labels = tuple(map(label, page.entry.snapshots()))
    if not labels:
        raise FileNotFoundError(f"{page.entry.name} has no snapshot")
    return labels


def add_seed(page: Page) -> None:
    """Seed, a random one, truncation."""
    gui = page.client.gui
    head = page.session.view.head
    seed = gui.add_number("Seed", head.seed, min=0, max=2**32 - 1, step=1)
    dice = gui.add_button("Random head", hint="A seed that nobody has chosen")
    low, high = min(0.0, head.truncation), max(1.5, head.truncation)
    truncation = gui.add_slider("Truncation", low, high, 0.01, head.truncation, hint="0: the average head")

    page.on_use(seed, lambda: page.change_head(seed=int(seed.value)))
    page.on_use(dice, lambda: page.jump_to_head(seed=random.randrange(100_000), corners=()))
    page.on_use(truncation, lambda: page.change_head(truncation=float(truncation.value)))

    def follow(view: View) -> None:
        seed.value, truncation.value = view.head.seed, min(max(view.head.truncation, low), high)

    page.listeners.append(follow)


def add_mixing(page: Page) -> None:
    """Bands of styles from other seeds, and the camera that a conditioned model is told."""
    gui = page.client.gui
    with gui.add_folder("Style mixing", expand_by_default=False):
        gui.add_markdown("Seeds whose styles are used instead; empty: the head's own.")
        fields = {band: gui.add_text(band.capitalize(), _text(page.session.view, band)) for band in BANDS}

    def mix(band: str) -> None:
        seed = read_seeds(fields[band].value)
        if len(seed) > 1:
            raise ValueError(f"{fields[band].value!r} are several seeds; a band takes one")
        page.change_head(**{band: seed[0] if seed else None})

    for band, field in fields.items():
        page.on_use(field, functools.partial(mix, band))

    def follow(view: View) -> None:
        for band, field in fields.items():
            field.value = _text(view, band)

    page.listeners.append(follow)


def _text(view: View, band: str) -> str:
    seed = getattr(view.head, band)
    return "" if seed is None else str(seed)


def add_directions(page: Page) -> None:
    """Sliders along the principal directions, and what the mapping network is told of the camera."""
    gui = page.client.gui
    with gui.add_folder("Principal directions", expand_by_default=False):
        note = gui.add_markdown("What the heads of this model differ in most. *Making pictures of it ...*")
        pictures, sliders = [], []
        for number in range(NUM_DIRECTIONS):
            pictures.append(gui.add_image(np.zeros((1, 1, 3), np.uint8), visible=False))
            sliders.append(gui.add_slider(f"{number + 1}", -MAX_DEVIATIONS, MAX_DEVIATIONS, 0.1, 0.0))
        zero = gui.add_button("All to zero")
    following = gui.add_checkbox(
        "Model sees this camera",
        page.session.view.head.following,
        hint="Models with a camera-conditioned mapping are told your camera instead of the frontal one",
    )

    def walk() -> None:
        steps = tuple(float(slider.value) for slider in sliders)
        while steps and not steps[-1]:
            steps = steps[:-1]
        page.change_head(walk=steps)

    for slider in sliders:
        page.on_use(slider, walk)
    page.on_use(zero, lambda: page.jump_to_head(walk=()))
    page.on_use(following, lambda: page.change_head(following=bool(following.value)))

    @page.guarded
    def show_strips() -> None:
        path = page.session.path
        page.session.wait_until_shown()
        strips = page.service.direction_strips(path, lambda: page.session.gone or page.session.path != path)
        for picture, strip in zip(pictures, strips, strict=False):
            picture.image, picture.visible = strip, True
        note.content = "What the heads of this model differ in most, from one end of each slider to the other."

    shown: list[Path] = []

    @page.guarded
    def follow(view: View) -> None:
        for number, slider in enumerate(sliders):
            slider.value = view.head.walk[number] if number < len(view.head.walk) else 0.0
        following.value = view.head.following
        model = page.service.model(page.session.path)
        following.visible = model is not None and model.generator.config.camera_conditioned
        if model is not None and shown != [page.session.path]:
            shown[:] = [page.session.path]
            threading.Thread(target=show_strips, name="direction strips", daemon=True).start()

    page.listeners.append(follow)
    follow(page.session.view)


def read_seeds(text: str) -> tuple[int, ...]:
    """Seeds with commas or spaces between them.

    Raises:
        ValueError: something else.
    """
    words = text.replace(",", " ").split()
    if not all(word.isdigit() and word.isascii() for word in words):
        raise ValueError(f"{text!r} are no seeds; expected whole numbers like 3 or 1, 2, 3, 4")
    return tuple(map(int, words))
