"""Buttons that take something away: files, and the command line."""

from collections.abc import Callable
from dataclasses import dataclass

import viser

from gghead.viewer import downloads
from gghead.viewer.downloads import Download
from gghead.viewer.page import Page
from gghead.viewer.saving import ClientLeft, Saver
from gghead.viewer.state import View


@dataclass(frozen=True)
class HeadButton:
    """A button that saves the head as `gghead export` would."""

    label: str
    suffix: str
    hint: str


HEAD_BUTTONS = (
    HeadButton("Save GLB (mesh)", ".glb", "A textured mesh, for Blender, game engines and web pages"),
    HeadButton("Save PLY", ".ply", "All that is known of the Gaussians, for SuperSplat and programs of 3D Gaussians"),
    HeadButton("Save SPZ", ".spz", "The Gaussians in a tenth of the size"),
    HeadButton("Save SPLAT", ".splat", "The Gaussians for web viewers, in the colours seen from the front"),
    HeadButton("Save page (HTML)", ".html", "A page that shows the head in any browser, without a network"),
)


def add_keep(page: Page) -> None:
    """Save buttons; videos show how far they are."""
    gui, saver = page.client.gui, Saver(page)

    def listen(button: viser.GuiButtonHandle, make: Callable[[], Download]) -> viser.GuiButtonHandle:
        @button.on_click
        @page.on_request
        def _(event: viser.GuiEvent) -> None:
            saver.save(make)

        return button

    def head_file(suffix: str) -> Callable[[], Download]:
        return lambda: downloads.head_file(page.session.head(), page.session.view, suffix)

    heads = {kind: listen(gui.add_button(kind.label, hint=kind.hint), head_file(kind.suffix)) for kind in HEAD_BUTTONS}
    listen(
        gui.add_button("Save picture", hint="A PNG, as large as Look says"),
        lambda: downloads.picture(page.service, page.session.path, page.session.view),
    )
    orbit = gui.add_button("Save orbit video", hint="Once round the circle in front of the head")
    listen(orbit, lambda: _video(page, downloads.orbit_video))
    morph = gui.add_button("Save morph video", hint="Round the seeds of the morph pad and back")
    listen(morph, lambda: _video(page, downloads.morph_video))
    line = gui.add_button("Command line of this view")
    shown = gui.add_markdown("", visible=False)

    @line.on_click
    @page.on_request
    def _(event: viser.GuiEvent) -> None:
        view = page.session.view
        text = downloads.command_line(page.session.path, view, page.setting.renderer_by_default)
        shown.content, shown.visible = f"```\n{text}\n```", True

    @page.guarded
    def follow(view: View) -> None:
        # The mesh comes from the model's template, which a PLY does not name.
        made_by_model = page.service.model(page.session.path) is not None
        for kind, button in heads.items():
            button.visible = made_by_model or kind.suffix != ".glb"

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
