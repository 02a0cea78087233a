"""What is known of a photograph of a synthetic person, and the folders that hold such photographs.

A folder holds pictures/NNNN.jpg, masks/NNNN.png (as large as the photograph, 255 = person) and truth/NNNN.json, which
is written last: a photograph whose truth lies there is complete.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64


@dataclass(frozen=True, eq=False)
class Truth:
    """The truth of one photograph.

    Attributes:
        number: of the photograph in its set, as in the names of its files.
        variant: "textured" or "procedural" people.
        seed: that it was drawn from.
        yaw, pitch, roll: degrees; the camera stands towards +x for a positive yaw and above for a positive pitch, and
            the head is turned clockwise in the photograph for a positive roll.
        width, height: of the photograph, pixels.
        K: intrinsics in pixels of the photograph; the centre of its first pixel is (0.5, 0.5).
        cam2world: camera -> world, OpenCV axes; 2.7 world units from the origin.
        landmarks: the 68 points of the iBUG convention in pixels of the photograph.
        visible: which of them are inside of the photograph and not behind something.
        landmarks_3d: the same points, world.
    """

    number: int
    variant: str
    seed: int
    yaw: float
    pitch: float
    roll: float
    width: int
    height: int
    K: Float64[np.ndarray, "3 3"]
    cam2world: Float64[np.ndarray, "4 4"]
    landmarks: Float64[np.ndarray, "68 2"]
    visible: Bool[np.ndarray, "68"]
    landmarks_3d: Float64[np.ndarray, "68 3"]

    def to_json(self) -> str:
        """The inverse of `from_json`."""
        return json.dumps({k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in asdict(self).items()})

    @classmethod
    def from_json(cls, text: str) -> "Truth":
        """Lists become arrays."""
        return cls(**{k: np.array(v) if isinstance(v, list) else v for k, v in json.loads(text).items()})


def read_truths(folder: Path) -> list[Truth]:
    """Of all complete photographs of a folder, by number."""
    files = sorted((folder / "truth").glob("*.json"))
    return [Truth.from_json(file.read_text(encoding="utf-8")) for file in files]


def picture_path(folder: Path, number: int) -> Path:
    """Where a photograph lies."""
    return folder / "pictures" / f"{number:04d}.jpg"


def mask_path(folder: Path, number: int) -> Path:
    """Where a photograph's mask lies."""
    return folder / "masks" / f"{number:04d}.png"


def truth_path(folder: Path, number: int) -> Path:
    """Where the truth about a photograph lies."""
    return folder / "truth" / f"{number:04d}.json"
