"""The page of one visitor: their screen, and the frame that the panels of widgets hang in."""

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import viser

from gghead.viewer.access.requests import Requests
from gghead.viewer.client_session import ClientSession, DrawReport, Motion
from gghead.viewer.copies import Copies
from gghead.viewer.downloads import Download
from gghead.viewer.drawing.drawing import Splats
from gghead.viewer.drawing.template_mesh import TemplateMesh
from gghead.viewer.favorites import Favorites
from gghead.viewer.follow import RunNews
from gghead.viewer.heads_service import HeadsService
from gghead.viewer.library import Entry
from gghead.viewer.photographs.fitter import PhotographFitter
from gghead.viewer.state import Renderer, View, Viewpoint
from gghead.viewer.viewpoints import framing_of

SPLATS, MESH = "/head", "/template"
SPLAT_UNIT = 1 / 16
"""Splats travel in 16-bit floats; in this unit the variances of a head's Gaussians keep their digits."""
MOVING_QUALITY, FINAL_QUALITY = 80, 95
"""JPEG quality of pictures that others follow, and of those that stay."""
NOTE_SECONDS = 8.0
FOV_SLACK = 0.02
"""A browser gives the field of view back a little changed, degrees."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PageSettings:
    """What the command line says of all pages.

    Attributes:
        library: what can be looked at, not empty.
        view: what a new visitor sees.
        renderer_by_default: who draws unless --renderer says otherwise.
        copies: keeps copies of what is taken away, or None.
        follow: whether new snapshots of the first entry appear by themselves.
        favourites: heads to come back to, of all visitors.
        photographs: makes heads of them, or None where visitors may not send any.
    """

    library: tuple[Entry, ...]
    view: View
    renderer_by_default: Renderer
    copies: Copies | None
    follow: bool
    favorites: Favorites = field(default_factory=Favorites)
    photographs: PhotographFitter | None = None


class Page:
    """One visitor's screen (see `client_session.Screen`) and what the panels need.

    Raises:
        FileNotFoundError: the library has no model to show yet.
    """

    def __init__(self, client: viser.ClientHandle, service: HeadsService, setting: PageSettings) -> None:
        self.client, self.service, self.setting = client, service, setting
        self.entry = setting.library[0]
        first = self.entry.snapshots()
        if not first:
            raise FileNotFoundError(f"{self.entry.name} has kept no model yet")
        self.session = ClientSession(service, self, first[0], setting.view)
        self._requests = Requests()
        self._framing = framing_of(*self.size())
        self.listeners: list[Callable[[View], None]] = []
        self.leaving: list[Callable[[], None]] = []
        self.report: Callable[[DrawReport], None] = lambda report: None
        self.show_newest: Callable[[Path], None] = lambda path: None
        self.tell_news: Callable[[RunNews], None] = lambda news: None
        self._mesh_shown: TemplateMesh | None = None

    def guarded(self, function: Callable[..., None]) -> Callable[..., None]:
        """A callback whose errors become notes on the page."""

        @functools.wraps(function)
        def call(*arguments: object) -> None:
            try:
                function(*arguments)
            except (ValueError, OSError) as error:
                log.warning("%s", error)
                self.complain(str(error))
            except Exception as error:  # a page shows no traceback
                if not self.session.gone:
                    log.exception("a request of the page failed")
                    self.complain(f"this failed ({type(error).__name__}); the viewer's log tells more")

        return call

    def on_request(self, function: Callable[..., None]) -> Callable[..., None]:
        """A callback for what the visitor does, guarded, in the page's own thread; the newest event wins."""
        return self._requests.queued(self.guarded(function))

    def on_use(
        self, widget: viser.GuiInputHandle | viser.GuiButtonHandle | viser.GuiButtonGroupHandle, do: Callable[[], None]
    ) -> None:
        """Has something done, as `on_request` does it, when the visitor clicks or changes a widget."""
        listen = widget.on_update if isinstance(widget, viser.GuiInputHandle) else widget.on_click
        listen(self.on_request(lambda event: do()))

    def leave(self) -> None:
        """Ends the work for the visitor."""
        self._requests.close()
        self.session.leave()
        for end in self.leaving:
            end()

    def change_head(self, **choice: object) -> None:
        """Changes fields of the head's choice by a widget; the widgets stay as they are."""
        self.session.change(lambda view: replace(view, head=replace(view.head, **choice)))

    def jump_to_head(self, **choice: object) -> None:
        """Changes fields of the head's choice from elsewhere: widgets follow."""
        self.jump(lambda view: replace(view, head=replace(view.head, **choice)))

    def jump(self, function: Callable[[View], View]) -> None:
        """Changes the view from elsewhere: widgets and camera follow."""
        before = self.session.view
        self.session.change(function)
        for listener in self.listeners:
            listener(self.session.view)
        if self.session.view.viewpoint != before.viewpoint:
            self.move_camera(self.session.view)

    def camera_moved(self, camera: viser.CameraHandle) -> None:
        """The visitor turned the head; ignored while the camera moves by itself."""
        if self.session.motion == Motion.STILL:
            eye, target = ((float(x), float(y), float(z)) for x, y, z in (camera.position, camera.look_at))
            fov, before = float(np.rad2deg(camera.fov)), self.session.view.viewpoint.fov
            seen = self._framing.unframe(Viewpoint(eye, target, fov))
            # Rounded, so that the command line of a view stays short: a tenth of a millimetre of a head.
            fov = before if abs(seen.fov - before) < FOV_SLACK else round(seen.fov, 2)
            eye, target = (
                (round(x, 4) + 0.0, round(y, 4) + 0.0, round(z, 4) + 0.0) for x, y, z in (seen.eye, seen.target)
            )
            viewpoint = Viewpoint(eye, target, fov)
            self.session.change(lambda view: replace(view, viewpoint=viewpoint))

    def keep(self, download: Download) -> None:
        """Sends a file to the visitor, unless they left, and puts a copy into --out."""
        if self.session.gone:
            return
        self.client.send_file_download(download.name, download.content, save_immediately=True)
        if self.setting.copies is not None:
            path = self.setting.copies.keep(self.client.client_id, download)
            log.info("wrote %s", path)
            told = f"a copy is in {path.name} in the folder of --out"
            self.client.add_notification("Kept", told, auto_close_seconds=NOTE_SECONDS)

    def size(self) -> tuple[int, int]:
        """See Screen."""
        camera = self.client.camera
        return max(camera.image_width, 1), max(camera.image_height, 1)

    def framed(self, viewpoint: Viewpoint) -> Viewpoint:
        """See Screen."""
        return self._framing.frame(viewpoint)

    def show_picture(self, picture: np.ndarray, final: bool) -> None:
        """See Screen."""
        with self.client.atomic():
            self._remove(SPLATS)
            self._remove(MESH)
            quality = FINAL_QUALITY if final else MOVING_QUALITY
            self.client.scene.set_background_image(picture, format="jpeg", jpeg_quality=quality)
        self.client.flush()

    def show_splats(self, splats: Splats, mesh: TemplateMesh | None, background: tuple[int, int, int]) -> None:
        """See Screen."""
        scene = self.client.scene
        with self.client.atomic():
            scene.set_background_image(np.full((2, 2, 3), background, np.uint8), format="png")
            scene.add_gaussian_splats(
                SPLATS,
                splats.centers / SPLAT_UNIT,
                splats.covariances / SPLAT_UNIT**2,
                splats.colors,
                splats.opacities,
                scale=SPLAT_UNIT,
            )
            if mesh is None:
                self._remove(MESH)
            elif mesh is not self._mesh_shown:
                scene.add_mesh_simple(MESH, mesh.vertices, mesh.faces, color=(40, 120, 255), wireframe=True)
            self._mesh_shown = mesh
        self.client.flush()

    def move_camera(self, view: View) -> None:
        """See Screen."""
        camera, viewpoint = self.client.camera, self.framed(view.viewpoint)
        with self.client.atomic():
            camera.position = viewpoint.eye
            camera.look_at = viewpoint.target
            camera.fov = float(np.deg2rad(viewpoint.fov))

    def complain(self, text: str) -> None:
        """See Screen."""
        self.client.add_notification("That did not work", text, color="red", auto_close_seconds=2 * NOTE_SECONDS)

    def _remove(self, name: str) -> None:
        if name == MESH:
            self._mesh_shown = None
        node = self.client.scene.get_handle_by_name(name)
        if node is not None:
            node.remove()
