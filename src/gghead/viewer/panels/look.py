"""Widgets for the camera and for how a head is shown."""

from dataclasses import replace

from gghead.viewer.client_session import DrawReport, Motion
from gghead.viewer.page import Page
from gghead.viewer.state import MAX_SIDE, Look, Renderer, Show, View, pick
from gghead.viewer.viewpoints import PRESETS, preset

SIDES = (256, 384, 512, 768, 1024, 1536, MAX_SIDE)
RENDERERS = {"this browser (splats)": Renderer.SPLATS, "the server (exact)": Renderer.EXACT}


def add_status(page: Page) -> None:
    """A line that tells what the last head and picture took."""
    line = page.client.gui.add_markdown("")

    def tell(report: DrawReport) -> None:
        words = [f"head {1000 * report.head_seconds:.0f} ms", f"picture {1000 * report.frame_seconds:.0f} ms"]
        if report.frames_per_second:
            words.append(f"{report.frames_per_second:.0f} frames/s")
        line.content = " · ".join(words)

    page.report = tell


def add_camera(page: Page) -> None:
    """Presets, field of view, motion."""
    gui = page.client.gui
    places = gui.add_button_group("Camera", tuple(PRESETS))
    fov = gui.add_slider("Field of view", 5.0, 60.0, 0.1, min(60.0, max(5.0, page.session.view.viewpoint.fov)))
    motion = gui.add_dropdown("Motion", tuple(Motion), initial_value=Motion.STILL)

    def place(view: View) -> View:
        return replace(view, viewpoint=preset(places.value, view.viewpoint))

    def widen() -> None:
        page.session.change(lambda view: replace(view, viewpoint=replace(view.viewpoint, fov=float(fov.value))))
        page.move_camera(page.session.view)

    page.on_use(places, lambda: page.jump(place))
    page.on_use(fov, widen)
    page.on_use(motion, lambda: page.session.move(Motion(motion.value)))


def add_look(page: Page) -> None:
    """What is drawn, by whom, and how large, opaque and coloured."""
    gui, view = page.client.gui, page.session.view
    show = gui.add_dropdown("Show", tuple(Show), initial_value=view.look.show)
    mesh = gui.add_checkbox("Template mesh", view.look.mesh)
    # They reach as far as the view that the command line asks for.
    size, opacity = view.look.size, view.look.opacity
    size = gui.add_slider("Gaussian size", min(0.05, size), max(3.0, size), 0.05, size)
    opacity = gui.add_slider("Opacity", 0.0, max(4.0, opacity), 0.05, opacity)
    background = gui.add_rgb("Background", view.look.background)
    drawn_by = next(name for name, renderer in RENDERERS.items() if renderer == view.renderer)
    who = gui.add_dropdown("Drawn by", tuple(RENDERERS), initial_value=drawn_by)
    sides = tuple(map(str, sorted({*SIDES, view.look.side})))
    side = gui.add_dropdown("Picture height", tuple(sorted(sides, key=int)), initial_value=str(view.look.side))

    def with_look(view: View) -> View:
        red, green, blue = map(int, background.value)
        look = Look(
            show=Show(show.value),
            mesh=bool(mesh.value),
            size=float(size.value),
            opacity=float(opacity.value),
            background=(red, green, blue),
            side=int(side.value),
        )
        return replace(view, look=look, renderer=pick(RENDERERS, who.value))

    for widget in (show, mesh, size, opacity, background, who, side):
        page.on_use(widget, lambda: page.session.change(with_look))
