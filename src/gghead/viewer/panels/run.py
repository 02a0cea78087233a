"""A run beside its heads: curves, the newest sample grid, and the newest snapshot by itself."""

import numpy as np
import viser
from PIL import Image

from gghead.viewer.follow import RunNews
from gghead.viewer.page import Page

COLORS = ("#2b6cb0", "#c05621")


def add_run(page: Page) -> None:
    """The widgets, which the page's `tell_news` brings up to date."""
    gui = page.client.gui
    automatic = gui.add_checkbox("Show new snapshots", True)
    line = gui.add_markdown("waiting for the run's first lines")
    area = gui.add_folder(None)
    places: dict[str, viser.GuiUplotHandle | viser.GuiImageHandle] = {}

    @page.guarded
    def tell(news: RunNews) -> None:
        if len(news.images) and news.curves:
            line.content = f"{news.images[-1]:.1f} thousand images seen"
            lines = zip(news.curves, COLORS, strict=False)
            series = [{"label": "kimg"}] + [{"label": name, "stroke": color, "width": 2} for name, color in lines]
            if "curves" in places:
                places["curves"].data = (news.images, *news.curves.values())
            else:
                with area:
                    places["curves"] = gui.add_uplot(
                        (news.images, *news.curves.values()),
                        tuple(series),
                        title="losses",
                        scales={"x": {"time": False}},
                        aspect=1.6,
                    )
        if news.sheet is not None:
            with Image.open(news.sheet) as picture:
                sheet = np.asarray(picture.convert("RGB"))
            if "sheet" in places:
                places["sheet"].image = sheet
            else:
                with area:
                    places["sheet"] = gui.add_image(sheet, label=news.sheet.stem)
        if news.snapshot is not None and automatic.value and news.snapshot != page.session.path:
            page.session.look_at(news.snapshot)
            page.show_newest(news.snapshot)

    page.tell_news = tell
