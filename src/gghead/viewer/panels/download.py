"""Buttons that take something away: files, and the command line."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import viser

from gghead.viewer import downloads
from gghead.viewer.downloads import Download
from gghead.viewer.page import Page
from gghead.viewer.saving import ClientLeft, Saver
from gghead.viewer.state import View

HEAD_BUTTONS = {
    ".glb": ("Save GLB (mesh)", "A textured mesh, for Blender, game engines and web pages"),
    ".ply": ("Save PLY", "All that is known of the Gaussians, for SuperSplat and programs of 3D Gaussians"),
    ".spz": ("Save SPZ", "The Gaussians in a tenth of the size"),
    ".splat": ("Save SPLAT", "The Gaussians for web viewers, in the colours seen from the front"),
    ".html": ("Save page (HTML)", "A page that shows the head in any browser, without a network"),
}
"""Label and hint of the buttons that save the head as `gghead export` would, by the format's suffix."""


def add_keep(page: Page) -> None:
    """Save buttons; videos show how far they are."""
    gui, saver = page.client.gui, Saver(page)

    def add(label: str, hint: str, make: Callable[[], Download]) -> viser.GuiButtonHandle:
        button = gui.add_button(label, hint=hint)
        page.on_use(button, lambda: saver.save(make))
        return button

    def head_file(suffix: str) -> Download:
        return downloads.head_file(page.session.head(), page.session.view, suffix)

    def picture() -> Download:
        return downloads.picture(page.service, page.session.path, page.session.view)

    heads = {suffix: add(*words, partial(head_file, suffix)) for suffix, words in HEAD_BUTTONS.items()}
    add("Save picture", "A PNG, as large as Look says", picture)
    add("Save orbit video", "Once round the circle in front of the head", partial(_video, page, downloads.orbit_video))
    add("Save morph video", "Round the seeds of the morph pad and back", partial(_video, page, downloads.morph_video))
    line = gui.add_button("Command line of this view")
    shown = gui.add_markdown("", visible=False)

    def show_line() -> None:
        # That of a photograph's head works where its person file was saved.
        path = page.session.path
        path = Path(downloads.PERSON_FILE) if page.service.is_of_photograph(path) else path
        text = downloads.command_line(path, page.session.view, page.setting.renderer_by_default)
        shown.content, shown.visible = f"```\n{text}\n```", True

    page.on_use(line, show_line)

    @page.guarded
    def follow(view: View) -> None:
        # The mesh comes from the model's template, which a PLY does not name.
        heads[".glb"].visible = page.service.model(page.session.path) is not None

    page.listeners.append(follow)
    follow(page.session.view)


def _video(page: Page, make: Callable[..., Download]) -> Download:
    note = page.client.add_notification("Video", "0 %", loading=True, with_close_button=False)

    def step(done: int, total: int) -> None:
        if page.session.gone:
            raise ClientLeft
        note.body = f"{100 * done // total} %"

    try:
        return make(page.service, page.session.path, page.session.view, step)
    finally:
        note.remove()
