"""Where heads are made and drawn for all visitors: loaded models, one piece of work at a time."""

import functools
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gghead.gaussians.formats.ply import load_ply
from gghead.gaussians.formats.splat import load_splat
from gghead.gaussians.formats.spz import load_spz
from gghead.gaussians.scene import Gaussians
from gghead.inference.directions import Directions, principal_directions
from gghead.inference.loading import load
from gghead.inversion.choosing import open_person
from gghead.inversion.person import Person, require_model
from gghead.inversion.person_file import is_person
from gghead.model.generator import Generator
from gghead.runs.places import BUNDLED_MODEL
from gghead.viewer import direction_strips
from gghead.viewer.drawing.drawing import Splats, draw, splats
from gghead.viewer.drawing.heads import Head, make_head
from gghead.viewer.drawing.template_mesh import TemplateMesh, build_mesh
from gghead.viewer.library import BUNDLED
from gghead.viewer.state import NUM_DIRECTIONS, HeadChoice, Look, View, Viewpoint
from gghead.viewer.viewpoints import camera_of

LOADERS = {".ply": load_ply, ".spz": load_spz, ".splat": load_splat}
"""Readers of files of Gaussians, by the ends of their names."""
MODELS_KEPT = 3
"""Models that stay loaded; the one that was used longest ago goes first."""
HEADS_KEPT = 24
"""Heads that stay made, for visitors that look at the same ones; 6 MB each at the official size."""


@dataclass(frozen=True)
class Model:
    """A loaded generator with what the viewer computes once of it."""

    generator: Generator
    directions: Directions
    mesh: TemplateMesh
    person: Person | None


class HeadsService:
    """Makes and draws heads on one device. Its methods may be called from any thread."""

    def __init__(self, device: str) -> None:
        self.device = device
        self._lock = threading.Lock()
        self._kept_source = functools.lru_cache(MODELS_KEPT)(self._load)
        self._kept_head = functools.lru_cache(HEADS_KEPT)(self._make)
        self._people: dict[Path, Model] = {}
        self._strips: dict[tuple[Path, int], list[np.ndarray]] = {}
        self._strips_lock = threading.Lock()

    def model(self, path: Path) -> Model | None:
        """The model of a file; None for Gaussians.

        Raises:
            FileNotFoundError: the file is gone.
            ValueError: it is damaged, or no model.
        """
        with self._lock:
            source = self._source(path)
        return source if isinstance(source, Model) else None

    def add_person(self, path: Path, person: Person) -> Path:
        """Takes in a person of a visitor's photograph, in memory.

        Args:
            path: of the model that the person was fitted with.
            person: who is seed 0 of that model from now on, for those who know the returned path.

        Returns:
            What stands for the person where a file's path would; nobody can guess it, and nothing is there.

        Raises:
            FileNotFoundError, ValueError: as of `model`, or another model lies there now.
        """
        model = self.model(path)
        assert model is not None, "people are fitted with models"
        require_model(person, model.generator, "the head of the photograph")
        name = Path(f"photograph-{secrets.token_hex(8)}")
        with self._lock:
            self._people[name] = replace(model, person=person.to(self.device))
        return name

    def forget_person(self, name: Path) -> None:
        """Lets go of what `add_person` took in, and of heads that were made of it."""
        with self._lock:
            self._people.pop(name, None)
            self._kept_head.cache_clear()

    def is_of_photograph(self, path: Path) -> bool:
        """Whether a path stands for what `add_person` took in: it is one visitor's own, and no file."""
        return path in self._people

    def head(self, path: Path, choice: HeadChoice, viewpoint: Viewpoint) -> Head:
        """The head of a choice; errors as of `model`."""
        with self._lock:
            return self._kept_head(path, self._version(path), choice, viewpoint if choice.following else Viewpoint())

    def picture(self, head: Head, look: Look, viewpoint: Viewpoint, width: int, height: int) -> np.ndarray:
        """Draws a head with the exact rasterizer: uint8 [H, W, 3]."""
        with self._lock:
            return draw(head, look, camera_of(viewpoint, width, height, self.device))

    def splats(self, head: Head, look: Look) -> Splats:
        """A head for a browser to draw."""
        with self._lock:
            return splats(head, look)

    def portrait(self, path: Path, view: View, side: int) -> np.ndarray:
        """A square picture of a view, uint8 [side, side, 3]."""
        head = self.head(path, view.head, view.viewpoint)
        return self.picture(head, view.look, view.viewpoint, side, side)

    def direction_strips(self, path: Path, gone: Callable[[], bool]) -> list[np.ndarray]:
        """Pictures of what a model's principal directions do (see `direction_strips`); made once, a head at a time.

        `gone` is asked from time to time; true ends the work, with fewer strips. Errors as of `model`.
        """
        try:
            with self._strips_lock:
                return self._direction_strips(path, gone)
        except FileNotFoundError:
            if gone():  # the head of a photograph may be forgotten at any moment
                return []
            raise

    def _direction_strips(self, path: Path, gone: Callable[[], bool]) -> list[np.ndarray]:
        key, own = (path, self._version(path)), path in self._people
        if key not in self._strips:
            strips: list[np.ndarray] = []
            faces: dict[HeadChoice, np.ndarray] = {}
            for choices in direction_strips.choices():
                for choice in choices:
                    if gone():
                        return strips
                    if choice not in faces:
                        faces[choice] = self._face(path, choice)
                strips.append(np.concatenate([faces[choice] for choice in choices], axis=1))
            if own:  # nobody else will ask for them, and nothing of a photograph shall be left
                return strips
            self._strips = dict([*self._strips.items(), (key, strips)][-MODELS_KEPT:])
        return self._strips[key]

    def _face(self, path: Path, choice: HeadChoice) -> np.ndarray:
        """A small picture of a head that is not kept, and a rest as long, in which visitors are served."""
        side, viewpoint = direction_strips.SIDE, direction_strips.VIEWPOINT
        with self._lock:
            start = time.monotonic()
            head = self._make(path, self._version(path), choice, viewpoint)
            picture = draw(head, direction_strips.LOOK, camera_of(viewpoint, side, side, self.device))
            taken = time.monotonic() - start
        time.sleep(taken)
        return picture

    def _make(self, path: Path, version: int, choice: HeadChoice, viewpoint: Viewpoint) -> Head:
        """Makes a head; the version tells apart what was read of its file before."""
        source = self._source(path)
        if isinstance(source, Model):
            return make_head(source.generator, source.directions, source.mesh, choice, viewpoint, source.person)
        return Head(source, None, None, None, 0.0)

    def _source(self, path: Path) -> Model | Gaussians:
        return self._people.get(path) or self._kept_source(path, _file_version(path))

    def _version(self, path: Path) -> int:
        return 0 if path in self._people else _file_version(path)

    def _load(self, path: Path, version: int) -> Model | Gaussians:
        """Reads a file; its version tells apart what was read of it before."""
        if path.suffix.lower() in LOADERS:
            return LOADERS[path.suffix.lower()](path).to(self.device)
        generator, person = load_model(path, self.device)
        count = min(NUM_DIRECTIONS, generator.config.style_size)
        mesh = build_mesh(generator.texel_uvs.cpu().numpy(), generator.template_positions.cpu().numpy())
        return Model(generator, principal_directions(generator, count), mesh, person)


def load_model(path: Path, device: str) -> tuple[Generator, Person | None]:
    """Reads a model; of a person file the one that the person was fitted with, and the person.

    Raises:
        FileNotFoundError: it is gone, or the model of a person file is.
        ValueError: it is damaged, or no model.
    """
    if is_person(path):
        person, generator = open_person(path, device)
        return generator, person
    return load(file_of(path), device), None


def file_of(path: Path) -> Path:
    """Where a model lies."""
    return BUNDLED_MODEL if path == BUNDLED else path


def _file_version(path: Path) -> int:
    """Changes when a file is written anew."""
    if path == BUNDLED:
        return 0
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path.name} is gone: it was moved or deleted under the viewer; choose another snapshot"
        ) from error
