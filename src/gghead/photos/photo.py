"""One photograph as a picture, a mask and a camera: for notebooks, and for what starts from a photograph."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8
from PIL import Image

from gghead.config.numbers import shortened
from gghead.geometry.cameras import Cameras
from gghead.photos.faces.models import FaceModels
from gghead.photos.head_finder import HeadFinder, PhotoSettings
from gghead.photos.heads import Head
from gghead.photos.masks.matting import Matting
from gghead.photos.reading import photograph_pixels, read_photograph
from gghead.photos.refusal import Refused


@dataclass(frozen=True, eq=False)
class Photo:
    """A head of a photograph, as datasets hold it.

    Attributes:
        image: the crop, RGB; beyond the photograph's edges it is reflected.
        alpha: how much of a pixel shows the person, 0 to 1; 0 beyond the photograph's edges.
        inside: which pixels lie in the photograph.
        camera: which sees the head in canonical space as the crop shows it.
        landmarks: MediaPipe's, pixels of the crop, and depth in the same unit, smaller values nearer to the camera.
        score: how sure it is that the face was found and its pose fits, 0 to 1.
    """

    image: UInt8[np.ndarray, "R R 3"]
    alpha: Float32[np.ndarray, "R R"]
    inside: Bool[np.ndarray, "R R"]
    camera: Cameras
    landmarks: Float[np.ndarray, "468 3"]
    score: float

    @classmethod
    def of_head(cls, head: Head) -> "Photo":
        """The same, with landmarks in the crop."""
        side = len(head.image)
        places = head.crop.from_photograph(head.landmarks[:, :2]) * side
        landmarks = np.hstack([places, head.landmarks[:, 2:] * (side / head.crop.side)])
        camera = Cameras.from_labels(torch.from_numpy(head.label), side)
        return cls(head.image, head.alpha.astype(np.float32), head.inside, camera, landmarks, head.score)


def prepare(
    image: str | Path | Image.Image | UInt8[np.ndarray, "H W 3"],
    settings: PhotoSettings = PhotoSettings(),
    models: FaceModels | str | Path | None = None,
    matting: Matting | None = None,
) -> Photo:
    """Finds the head in a photograph, its camera and its mask.

    Args:
        image: a file, a picture of Pillow, which is turned and converted as its file would be, or RGB pixels.
        settings: what is made of it; of several faces the largest is taken with faces="all".
        models: MediaPipe's, or their folder; by default those of this machine. Keep `FaceModels` for many photographs.
        matting: tells person and background apart; by default the models' segmenter.

    Raises:
        FileNotFoundError: there is no such file, or the models are not on this machine; says how to get them.
        Refused: a ValueError that says why the photograph can't be used.
        ValueError: the file is no picture, or a package is missing.

    Example:
        >>> import gghead.photos
        >>> photo = gghead.photos.prepare("portrait.jpg")  # doctest: +SKIP
        >>> photo.image.shape, photo.camera.centers()  # doctest: +SKIP
    """
    pixels = _pixels(image)
    models = models if isinstance(models, FaceModels) else FaceModels(models)
    found = list(HeadFinder(settings, models, matting)(pixels))
    heads = [head for head in found if isinstance(head, Head)]
    if not heads:
        raise next(refused for refused in found if isinstance(refused, Refused))
    return Photo.of_head(heads[0])


def _pixels(image: object) -> UInt8[np.ndarray, "H W 3"]:
    if isinstance(image, str | Path):
        return read_photograph(Path(image).read_bytes())
    if isinstance(image, Image.Image):
        return photograph_pixels(image)
    given = shortened(image)
    if isinstance(image, np.ndarray):
        if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size:
            return image
        given = f"an array of {image.dtype} and shape {list(image.shape)}"
    raise ValueError(f"the photograph is {given}; expected a path, a PIL image, or uint8 pixels [H, W, 3]")
