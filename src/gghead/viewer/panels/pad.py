"""The pad: a plane beside the head with the portraits of two or four seeds, and a knob to drag between them."""

import math
import random

import viser

from gghead.geometry.canonical_head import FFHQ_DISTANCE
from gghead.viewer.page import Page
from gghead.viewer.panels.head import read_seeds
from gghead.viewer.state import HeadChoice, Look, View, Viewpoint

SIDE, FRONT = 0.16, 0.25
"""Side of the plane, and how far it hangs in front of the head's middle, world units."""
LEFT, TOP = -0.55, 0.02
"""Where it hangs in a wide window: seen by the frontal camera at the left of the head."""
LOW_EDGE = -0.14
"""Its upper edge in a window too narrow for that, in front of the shoulder."""
PORTRAIT = 0.05
"""Side of a portrait at a corner, world units."""
PIXELS = 64
CORNERS = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))


def add_pad(page: Page) -> None:
    """Fields and sliders in the panel, plane and knob in the scene."""
    gui, head = page.client.gui, page.session.view.head
    with gui.add_folder("Morph pad", expand_by_default=False):
        gui.add_markdown("A head between two or four others. Type their seeds, like `1, 2, 3, 4`, or:")
        fill = gui.add_button("Four random seeds", hint="The head that is seen now, and three others")
        seeds = gui.add_text("Seeds", ", ".join(map(str, head.corners)), hint="Two or four; empty: no pad")
        across = gui.add_slider("Across", 0.0, 1.0, 0.01, head.pad[0])
        down = gui.add_slider("Down", 0.0, 1.0, 0.01, head.pad[1])
    plane = PadPlane(page)

    def choose() -> None:
        page.change_head(corners=read_seeds(seeds.value))
        plane.follow(page.session.view)

    def draw_lots() -> None:
        others = random.sample(range(100_000), 3)
        page.jump_to_head(corners=(page.session.view.head.seed, *others))

    def slide() -> None:
        page.change_head(pad=(float(across.value), float(down.value)))
        plane.follow(page.session.view)

    page.on_use(seeds, choose)
    page.on_use(fill, draw_lots)
    page.on_use(across, slide)
    page.on_use(down, slide)

    def follow(view: View) -> None:
        seeds.value = ", ".join(map(str, view.head.corners))
        across.value, down.value = view.head.pad
        plane.follow(view)

    page.listeners.append(follow)
    page.guarded(plane.follow)(page.session.view)


class PadPlane:
    """The pad in the scene; there while the view has corners."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._corners: tuple[int, ...] = ()
        self._nodes: list[viser.SceneNodeHandle] = []
        self._knob: viser.IcosphereHandle | None = None
        self._corner = (LEFT, TOP)

    def follow(self, view: View) -> None:
        """Puts plane and knob where the view says."""
        if view.head.corners != self._corners:
            self._corners = view.head.corners
            self._build(view)
        if self._knob is not None:
            self._knob.position = self._place_of(*self._pad(view))

    def _pad(self, view: View) -> tuple[float, float]:
        return view.head.pad if len(self._corners) == 4 else (view.head.pad[0], 0.0)

    def _build(self, view: View) -> None:
        for node in self._nodes:
            node.remove()
        self._nodes, self._knob = [], None
        if not self._corners:
            return
        page, scene = self._page, self._page.client.scene
        self._corner = corner_in(*page.size(), page.framed(view.viewpoint).fov)
        for number, (seed, place) in enumerate(zip(self._corners, CORNERS, strict=False)):
            portrait = View(HeadChoice(seed, view.head.truncation), Look(), Viewpoint())
            picture = page.service.portrait(page.session.path, portrait, PIXELS)
            x, y, z = self._place_of(*place)
            # An image lies in its node's x-y plane with y down: half a turn around x stands it up, facing +z.
            node = scene.add_image(
                f"/pad/{number}", picture, PORTRAIT, PORTRAIT, wxyz=(0.0, 1.0, 0.0, 0.0), position=(x, y, z - 0.02)
            )
            self._nodes.append(node)
        place = self._place_of(*self._pad(view))
        self._knob = scene.add_icosphere("/pad/knob", 0.012, color=(255, 90, 40), position=place)
        self._nodes.append(self._knob)
        self._knob.on_drag(page.on_request(self._dragged))

    def _dragged(self, event: viser.SceneNodeDragEvent) -> None:
        (x, y, _), (left, top) = event.end_position, self._corner
        place = (min(1.0, max(0.0, (x - left) / SIDE)), min(1.0, max(0.0, (top - y) / SIDE)))
        self._page.jump_to_head(pad=place)

    def _place_of(self, x: float, y: float) -> tuple[float, float, float]:
        """World position of a place on the pad, x to the right and y down."""
        left, top = self._corner
        return (left + x * SIDE, top - y * SIDE, FRONT)


def corner_in(width: int, height: int, fov: float) -> tuple[float, float]:
    """World x and y of the plane's upper left corner, for a window's pixels and vertical field of view in degrees."""
    edge = -math.tan(math.radians(fov) / 2) * (FFHQ_DISTANCE - FRONT) * width / height
    left = edge + PORTRAIT
    return (LEFT, TOP) if left <= LEFT else (left, LOW_EDGE)
