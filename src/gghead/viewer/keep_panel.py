"""Buttons that take something away: files, and the command line."""

from collections.abc import Callable

import viser

from gghead.viewer import takeaway
from gghead.viewer.page import Page
from gghead.viewer.takeaway import Keepsake


class Left(Exception):
    """The visitor left while something was made for them."""


def add_keep(page: Page) -> None:
    """Save buttons; videos show how far they are."""
    gui = page.client.gui
    buttons = {
        "Save PLY": lambda: takeaway.head_file(page.visitor.head(), page.visitor.view, ".ply"),
        "Save page (HTML)": lambda: takeaway.head_file(page.visitor.head(), page.visitor.view, ".html"),
        "Save picture": lambda: takeaway.picture(page.studio, page.visitor.path, page.visitor.view),
        "Save orbit video": lambda: _video(page, takeaway.orbit_video),
        "Save morph video": lambda: _video(page, takeaway.morph_video),
    }

    def listen(label: str, make: Callable[[], Keepsake]) -> None:
        button = gui.add_button(label)

        @button.on_click
        @page.guarded
        def _(event: viser.GuiEvent) -> None:
            if button.disabled:
                return
            button.disabled = True
            try:
                page.keep(make())
            except Left:
                return
            finally:
                button.disabled = False

    for label, make in buttons.items():
        listen(label, make)
    line = gui.add_button("Command line of this view")
    shown = gui.add_markdown("", visible=False)

    @line.on_click
    @page.guarded
    def _(event: viser.GuiEvent) -> None:
        view = page.visitor.view
        text = takeaway.command_line(page.visitor.path, view, page.setting.renderer_by_default)
        shown.content, shown.visible = f"```\n{text}\n```", True


def _video(page: Page, make: Callable[..., Keepsake]) -> Keepsake:
    note = page.client.add_notification("Video", "0 %", loading=True, with_close_button=False)

    def step(done: int, total: int) -> None:
        if page.visitor.gone:
            raise Left
        note.body = f"{100 * done // total} %"

    try:
        return make(page.studio, page.visitor.path, page.visitor.view, step)
    finally:
        note.remove()
