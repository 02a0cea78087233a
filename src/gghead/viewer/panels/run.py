"""A run beside its heads: curves, the newest sample grid, and the newest snapshot by itself."""

import numpy as np
import viser
from PIL import Image
from viser.uplot import Scale, Series

from gghead.viewer.follow import RunNews
from gghead.viewer.page import Page

COLORS = ("#2b6cb0", "#c05621")


def add_run(page: Page) -> None:
    """The widgets, which the page's `tell_news` brings up to date."""
    gui = page.client.gui
    automatic = gui.add_checkbox("Show new snapshots", True)
    line = gui.add_markdown("waiting for the run's first lines")
    area = gui.add_folder(None)
    plots: list[viser.GuiUplotHandle] = []
    sheets: list[viser.GuiImageHandle] = []

    @page.guarded
    def tell(news: RunNews) -> None:
        if len(news.images) and news.curves:
            line.content = f"{news.images[-1]:.1f} thousand images seen"
            lines = zip(news.curves, COLORS, strict=False)
            series = [Series(label="kimg"), *(Series(label=name, stroke=color, width=2) for name, color in lines)]
            if plots:
                plots[0].data = (news.images, *news.curves.values())
            else:
                with area:
                    plot = gui.add_uplot(
                        (news.images, *news.curves.values()),
                        tuple(series),
                        title="losses",
                        scales={"x": Scale(time=False)},
                        aspect=1.6,
                    )
                plots.append(plot)
        if news.sheet is not None:
            with Image.open(news.sheet) as picture:
                sheet = np.asarray(picture.convert("RGB"))
            if sheets:
                sheets[0].image = sheet
            else:
                with area:
                    sheets.append(gui.add_image(sheet, label=news.sheet.stem))
        own = page.service.is_of_photograph(page.session.path)
        if news.snapshot is not None and automatic.value and not own and news.snapshot != page.session.path:
            page.session.look_at(news.snapshot)
            page.show_newest(news.snapshot)

    page.tell_news = tell
