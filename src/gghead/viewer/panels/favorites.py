"""Favourites on a page: a picture each, to show its head again or to forget it."""

from dataclasses import replace

from gghead.media.encoded import decode_picture
from gghead.media.images import encode_png
from gghead.viewer.favorites import Favorite, absolute
from gghead.viewer.page import Page
from gghead.viewer.state import Show

THUMBNAIL = 96
"""Side of a favourite's picture, pixels."""


def add_favorites(page: Page) -> None:
    """The favourites of the models that the page may show, and a button that adds the head that is seen now."""
    gui, favorites = page.client.gui, page.setting.favorites
    lasts = "they are kept in the folder of --out" if favorites.lasting else "start with --out FOLDER to keep them"
    add = gui.add_button("Keep as favourite", hint=f"For everybody who looks at this viewer; {lasts}")
    folder = gui.add_folder("Favourites", expand_by_default=True, visible=False)
    allowed = {absolute(path): path for entry in page.setting.library for path in entry.snapshots()}
    shown: list[Favorite] = []

    def show(favorite: Favorite) -> None:
        pixels = decode_picture(favorite.picture).rgb
        shown.append(favorite)
        folder.visible = True
        with folder:
            picture = gui.add_image(pixels, label=_title(favorite))
            choice = gui.add_button_group("", ("Show", "Remove"))

        def use() -> None:
            if choice.value == "Remove":
                favorites.remove(favorite)
                shown.remove(favorite)
                picture.remove()
                choice.remove()
                folder.visible = bool(shown)
            else:
                page.session.look_at(allowed.get(favorite.path, favorite.path))
                page.jump(lambda view: replace(view, head=favorite.head))

        page.on_use(choice, use)

    def keep() -> None:
        path, view = page.session.path, page.session.view
        if page.service.is_of_photograph(path):
            raise ValueError(
                "everybody sees favourites, and the head of your photograph is yours alone; keep it as a person file"
            )
        plain = replace(view, look=replace(view.look, show=Show.COLOR, mesh=False))
        picture = encode_png(page.service.portrait(path, plain, THUMBNAIL))
        favorite = Favorite(absolute(path), view.head, picture)
        favorites.add(favorite)
        show(favorite)

    page.on_use(add, keep)

    @page.guarded
    def show_kept() -> None:
        kept = [favorite for favorite in favorites.all() if favorite.path in allowed]
        for favorite in kept:
            page.guarded(show)(favorite)

    show_kept()


def _title(favorite: Favorite) -> str:
    head = favorite.head
    return f"pad of {', '.join(map(str, head.corners))}" if head.corners else f"seed {head.seed}"
