"""Models small enough for the viewer's tests, with Gaussians large enough to be seen."""

from dataclasses import replace
from pathlib import Path

from gghead.model.generator import build_generator
from gghead.model.storage import save_generator
from tiny_run import MODEL


def write_model(path: Path, seed: int = 0, **changes: object) -> Path:
    """A model file of an untrained generator whose heads differ from seed to seed."""
    config = replace(MODEL.generator, max_log_scale=-2.0, log_scale_offset=-3.0, grid_size=32, **changes)
    save_generator(path, build_generator(config, seed))
    return path
