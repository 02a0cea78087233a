"""gghead view"""

from pathlib import Path

import click

from gghead.cli.options import RunPath, device_option, pick_device
from gghead.runs.resolve import CONFIG


@click.command()
@click.argument("models", metavar="[MODEL]...", nargs=-1, type=RunPath())
@click.option("--view", "text", default="", help="View to begin with, as the page's command line writes it.")
@click.option(
    "--renderer",
    type=click.Choice(["splats", "exact"]),
    help="Drawn by the browser, or by this machine; default: exact with a GPU, else splats.",
)
@click.option("--follow", is_flag=True, help="MODEL is a run in training: show each new snapshot, curves, samples.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for copies of what is saved, and for favourites.",
)
@click.option(
    "--models",
    "face_models",
    type=click.Path(path_type=Path),
    help="Folder of MediaPipe's face models, or of its wheel, for photographs that visitors make heads of.",
)
@click.option("--host", default="localhost", show_default=True, help="0.0.0.0 serves other machines, too.")
@click.option(
    "--allow-origin",
    "origins",
    metavar="ORIGIN",
    multiple=True,
    help="Another address at which the page is reached, like https://proxy.example; may be repeated.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Of the page.")
@device_option
def view(
    models: tuple[Path, ...],
    text: str,
    renderer: str | None,
    follow: bool,
    out: Path | None,
    face_models: Path | None,
    host: str,
    origins: tuple[str, ...],
    port: int,
    device: str | None,
) -> None:
    """Look at heads in a browser.

    MODEL is a .safetensors, .ply, .spz or .splat file, a run's folder or name (GGHEAD-4), a checkpoint's folder, or a
    folder of them; default: the bundled model. Of a person file (`gghead invert`), seed 0 is the person.
    """
    import importlib.util
    import time

    if importlib.util.find_spec("viser") is None:
        raise click.UsageError("the viewer needs the package viser; pip install 'gghead[viewer]'")
    from gghead.viewer.access.admission import Address, Admission, parse_allowed
    from gghead.viewer.library import open_library

    # What can be refused is, before the seconds that importing torch takes.
    admission = Admission(Address(host, port), parse_allowed(origins))
    if follow and (len(models) != 1 or not (models[0] / CONFIG).is_file()):
        raise ValueError("--follow takes one MODEL, the folder of a run; start one with `gghead train`")
    library = open_library(models)
    if not follow and not library[0].snapshots():
        raise FileNotFoundError(f"{library[0].name} has kept no model yet; --follow waits for the first")

    from gghead.viewer.copies import Copies
    from gghead.viewer.favorites import FILE, Favorites
    from gghead.viewer.heads_service import HeadsService
    from gghead.viewer.page import PageSettings
    from gghead.viewer.photographs.fitter import PhotographFitter
    from gghead.viewer.server import serving, welcome
    from gghead.viewer.state import Renderer, parse_view

    device = pick_device(device)
    default = Renderer.EXACT if device.startswith("cuda") else Renderer.SPLATS  # without a GPU, exact is not smooth
    copies = Copies(out) if out else None
    favorites = Favorites(out / FILE if out else None)
    first_view = parse_view(text, Renderer(renderer or default))
    photographs = PhotographFitter(device, face_models)
    setting = PageSettings(library, first_view, default, copies, follow, favorites, photographs)
    service = HeadsService(device)
    for path in library[0].snapshots()[:1]:
        service.model(path)
    with serving(service, setting, admission):
        click.echo(welcome(admission))
        if (objection := photographs.objection()) is not None:
            click.echo(f"It makes no heads of photographs: {objection}", err=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            click.echo("ended", err=True)
