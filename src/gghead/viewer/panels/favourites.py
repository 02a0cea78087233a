"""Favourites on a page: a picture each, to show its head again or to forget it."""

from dataclasses import replace

import viser

from gghead.media.encoded import decode_rgb
from gghead.media.images import encode_png
from gghead.viewer.favourites import Favourite, absolute
from gghead.viewer.page import Page
from gghead.viewer.state import Show, View

THUMBNAIL = 96
"""Side of a favourite's picture, pixels."""


def add_favourites(page: Page) -> None:
    """The favourites of the models that the page may show, and a button that adds the head that is seen now."""
    gui, favourites = page.client.gui, page.setting.favourites
    lasts = "they are kept in the folder of --out" if favourites.lasting else "start with --out FOLDER to keep them"
    add = gui.add_button("Keep as favourite", hint=f"For everybody who looks at this viewer; {lasts}")
    folder = gui.add_folder("Favourites", expand_by_default=True, visible=False)
    allowed = {absolute(path): path for entry in page.setting.library for path in entry.checkpoints()}
    shown: list[Favourite] = []

    def show(favourite: Favourite) -> None:
        pixels = decode_rgb(favourite.picture)
        shown.append(favourite)
        folder.visible = True
        with folder:
            picture = gui.add_image(pixels, label=_title(favourite))
            choice = gui.add_button_group("", ("Show", "Remove"))

        @choice.on_click
        @page.on_request
        def _(event: viser.GuiEvent) -> None:
            if choice.value == "Remove":
                favourites.remove(favourite)
                shown.remove(favourite)
                picture.remove()
                choice.remove()
                folder.visible = bool(shown)
            else:
                page.visitor.look_at(allowed.get(favourite.path, favourite.path))
                page.jump(lambda view: replace(view, head=favourite.head))

    @add.on_click
    @page.on_request
    def _(event: viser.GuiEvent) -> None:
        path, view = page.visitor.path, page.visitor.view
        picture = encode_png(page.studio.portrait(path, _plain(view), THUMBNAIL))
        favourite = Favourite(absolute(path), view.head, picture)
        favourites.add(favourite)
        show(favourite)

    @page.guarded
    def show_kept() -> None:
        kept = [favourite for favourite in favourites.all() if favourite.path in allowed]
        for favourite in kept:
            page.guarded(show)(favourite)

    show_kept()


def _plain(view: View) -> View:
    return replace(view, look=replace(view.look, show=Show.COLOR, mesh=False))


def _title(favourite: Favourite) -> str:
    head = favourite.head
    return f"pad of {', '.join(map(str, head.corners))}" if head.corners else f"seed {head.seed}"
