"""A photograph becomes the visitor's head: the file, how far it is, and the head beside it."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np

from gghead.inversion.qualities import Quality
from gghead.viewer import downloads
from gghead.viewer.access.uploads import MAX_UPLOAD
from gghead.viewer.page import Page
from gghead.viewer.photographs.comparison import Comparison
from gghead.viewer.photographs.fitter import MAX_PIXELS, FitProgress, FittedPerson, PhotographFitter, Upload
from gghead.viewer.photographs.visitor_fit import VisitorFit
from gghead.viewer.saving import Saver
from gghead.viewer.state import HeadChoice
from gghead.viewer.viewpoints import viewpoint_of

INTRODUCTION = """
The head of this model that looks like the person in a photograph: you, or somebody who agreed. It takes a minute or
more. You alone see it; it is kept in memory until you leave, and on no disk unless you save it.
"""
UNABLE = """
This viewer makes no heads of photographs: what finds faces is not on its machine. What is missing, and how to get it,
is said where `gghead view` was started.
"""
FINISHED = """
This is the head, seed 0 of its model: directions, style mixing, the pad and all that is taken away work on it as on any
other.
"""


def add_photograph(page: Page, fitter: PhotographFitter) -> None:
    """All of it, or why this viewer can't."""
    if fitter.objection() is not None:
        page.client.gui.add_markdown(UNABLE)
        return
    page.client.gui.add_markdown(INTRODUCTION)
    panel = PhotographPanel(page, fitter)
    page.leaving.append(panel.forget)


class PhotographPanel:
    """The widgets, and what is known of the last photograph; see `visitor_fit.FitScreen`."""

    def __init__(self, page: Page, fitter: PhotographFitter) -> None:
        self._page = page
        self._fit = VisitorFit(fitter, self, lambda: page.session.gone)
        self._saver = Saver(page)
        self._base = self._own = page.session.path
        self._comparison: Comparison | None = None
        self._fitted: FittedPerson | None = None
        gui = page.client.gui
        limits = f"JPEG, PNG, WebP, AVIF, TIFF or BMP of at most {MAX_UPLOAD / 1e6:.0f} MB and"
        hint = f"{limits} {MAX_PIXELS / 1e6:.0f} million pixels, with one face seen from the front or half aside"
        self._upload = gui.add_upload_button("Choose a photograph", hint=hint, mime_type="image/*")
        qualities: tuple[Quality, ...] = get_args(Quality)
        self._quality = gui.add_dropdown(
            "Quality",
            qualities,
            initial_value="fast",
            hint="encoder: a second, skin, hair, glasses at best; good takes three times as long as fast, best eleven",
        )
        self._line = gui.add_markdown("", visible=False)
        self._bar = gui.add_progress_bar(0.0, visible=False)
        self._cancel = gui.add_button("Cancel", visible=False)
        self._picture = gui.add_image(np.zeros((1, 1, 3), np.uint8), format="jpeg", visible=False)
        self._share = gui.add_slider("Photograph | head", 0.0, 1.0, 0.01, 0.5, visible=False)
        camera = gui.add_button("Camera of the photograph", hint="Held upright", visible=False)
        show = gui.add_button("Head of the photograph", hint="Without what was changed of it", visible=False)
        save = gui.add_button("Save person file", hint="For gghead view, sample, interpolate, export", visible=False)
        forget = gui.add_button("Forget the photograph", visible=False)
        self._afterwards = (camera, show, save, forget)
        self._upload.on_upload(page.on_request(lambda event: self._begin()))
        page.on_use(self._cancel, self._fit.cancel)
        page.on_use(self._share, self._show_comparison)
        page.on_use(camera, self._move_camera)
        page.on_use(show, self._show_head)
        page.on_use(save, self._save)
        page.on_use(forget, self.forget)

    def progress(self, progress: FitProgress) -> None:
        """See FitScreen."""
        self._tell(progress.text)
        self._bar.value = 100 * progress.share
        self._bar.visible = self._cancel.visible = self._upload.disabled = True
        if progress.comparison is not None:
            self._comparison = progress.comparison
            self._show_comparison()

    def finished(self, path: Path, fitted: FittedPerson) -> None:
        """See FitScreen."""
        self._page.guarded(self._take)(path, fitted)

    def ended(self, text: str) -> None:
        """See FitScreen."""
        self._rest()
        self._comparison = self._fitted.comparison if self._fitted else None
        self._show_comparison()
        self._tell(f"No head was made: {text}.")

    def forget(self) -> None:
        """Ends the fit, and lets go of its head; whoever looks at it sees the model again."""
        self._fit.cancel()
        service, session = self._page.service, self._page.session
        if session.path == self._own:
            session.look_at(self._base)
        if service.is_of_photograph(self._own):
            service.forget_person(self._own)
        self._own, self._fitted, self._comparison = self._base, None, None
        if not session.gone:
            self._rest()
            self._tell("")
            self._show_comparison()
            for button in self._afterwards:
                button.visible = False

    def _begin(self) -> None:
        file = self._upload.value
        upload = Upload(file.name, file.content)
        file.content = b""  # the widget would keep it
        session = self._page.session
        path = self._base if self._page.service.is_of_photograph(session.path) else session.path
        if self._page.service.model(path) is None:
            raise ValueError(f"{path.name} holds Gaussians, which no photograph can be fitted with; choose a model")
        self._fit.begin(path, upload, self._quality.value)

    def _take(self, path: Path, fitted: FittedPerson) -> None:
        self._rest()
        before, service = self._own, self._page.service
        own = service.add_person(path, fitted.person)
        self._base, self._own, self._fitted, self._comparison = path, own, fitted, fitted.comparison
        self._show_head()
        fov = self._page.session.view.viewpoint.fov  # as it was, which usually shows the whole head
        self._move_camera(fov)
        if service.is_of_photograph(before):
            service.forget_person(before)
        if self._page.session.gone:
            service.forget_person(own)
            return
        self._tell(FINISHED)
        self._show_comparison()
        for button in self._afterwards:
            button.visible = True

    def _show_head(self) -> None:
        self._page.session.look_at(self._own)
        self._page.jump(lambda view: replace(view, head=HeadChoice()))

    def _move_camera(self, fov: float | None = None) -> None:
        if self._fitted is not None:
            viewpoint = viewpoint_of(self._fitted.person.labels[0])
            viewpoint = replace(viewpoint, fov=viewpoint.fov if fov is None else fov)
            self._page.jump(lambda view: replace(view, viewpoint=viewpoint))

    def _save(self) -> None:
        if self._fitted is not None:
            self._saver.save(partial(downloads.person_file, self._fitted.person))

    def _show_comparison(self) -> None:
        comparison = self._comparison
        if comparison is not None:
            self._picture.image = comparison.split(float(self._share.value))
        self._picture.visible = self._share.visible = comparison is not None

    def _rest(self) -> None:
        self._bar.visible = self._cancel.visible = self._upload.disabled = False

    def _tell(self, text: str) -> None:
        self._line.content, self._line.visible = text, bool(text)
