"""One head as the files of a dataset: pictures over backgrounds, masks, depth, and the truth about them."""

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8, UInt16
from PIL import Image

from gghead.data.archive import DEPTH_STEPS
from gghead.media.images import encode_png
from gghead.synthetic.anatomy.heads import HeadMaker
from gghead.synthetic.anatomy.landmarks import landmarks
from gghead.synthetic.people.procedural_heads import ProceduralHeads
from gghead.synthetic.people.textured_heads import TexturedHeads
from gghead.synthetic.people.truth import Sighting, head_record, picture_record, sight
from gghead.synthetic.render.cameras import Optics, Poses, random_label
from gghead.synthetic.render.lighting import metered, random_lighting
from gghead.synthetic.render.renderer import render

SAMPLES_WANTED = 256
"""Supersampling brings a picture to this side at least: strands of hair are thin."""
SUPERSAMPLING_LIMITS = (2, 4)
PERSON, VIEW, LIGHT = 0, 1, 2
"""Purposes of random streams, so that neither the number of views nor the light changes a head."""


@dataclass(frozen=True)
class Sitting:
    """How heads are drawn; together with the number of a head it decides about every pixel.

    Attributes:
        resolution: side of the pictures, pixels.
        seed: decides about everything.
        views: pictures of each head.
        poses: how the cameras are spread.
        assets: folder of an asset pack for textured heads, or None for procedural ones.
        depth: whether depth is kept.
        optics: distances and focal lengths of the cameras.
        transparent: whether pictures have alpha and colours of the person alone, instead of a background and a mask.
            Where strands of hair cover a part of a pixel, a background shines through a picture, and its colour stays
            when the mask cuts the person out.
    """

    resolution: int
    seed: int
    views: int = 1
    poses: Poses = "ffhq"
    assets: Path | None = None
    depth: bool = False
    optics: Optics = field(default_factory=Optics)
    transparent: bool = False

    def settings(self) -> dict[str, object]:
        """What a half-made dataset must have in common with this sitting to be finished by it."""
        assets = None if self.assets is None else _digest(self.assets)
        return {
            "resolution": self.resolution,
            "seed": self.seed,
            "views": self.views,
            "poses": self.poses,
            "assets": assets,
            "depth": self.depth,
            "optics": asdict(self.optics),
            "transparent": self.transparent,
        }


@dataclass(frozen=True)
class Portrait:
    """A rendered person.

    Attributes:
        pixels: the picture over its background; of a transparent one colours of the person, and alpha.
        mask: 255 = person.
        depth: along the viewing axis in steps of 1 / `DEPTH_STEPS` world units, 0 where nobody is.
        label: of the camera.
        sighting: the landmarks in the picture.
    """

    pixels: UInt8[np.ndarray, "R R 3"] | UInt8[np.ndarray, "R R 4"]
    mask: UInt8[np.ndarray, "R R"]
    depth: UInt16[np.ndarray, "R R"]
    label: Float32[np.ndarray, "25"]
    sighting: Sighting


@dataclass(frozen=True)
class EncodedHead:
    """One head's files and records: for each view a picture, a mask unless it is transparent, and depth if wanted, as
    PNG."""

    pictures: tuple[bytes, ...]
    masks: tuple[bytes, ...]
    depths: tuple[bytes, ...]
    head_record: np.ndarray
    picture_records: np.ndarray


def head_maker(sitting: Sitting) -> HeadMaker:
    """The maker of a sitting's heads.

    Raises:
        FileNotFoundError, ValueError: the asset pack is missing or not one.
    """
    if sitting.assets is None:
        return ProceduralHeads(sitting.resolution)
    return TexturedHeads(sitting.assets, sitting.resolution)


def draw_head(maker: HeadMaker, sitting: Sitting, number: int) -> tuple[np.ndarray, list[Portrait]]:
    """The truth about a head and its portraits; whoever draws it, they are the same."""
    head = maker.draw(np.random.default_rng([sitting.seed, number, PERSON]))
    lighting = random_lighting(np.random.default_rng([sitting.seed, number, LIGHT]))
    lighting = metered(lighting, head.person.melanin)
    points = landmarks(maker.model, maker.model.morph(head.person.weights), head.place)
    supersampling = int(np.clip(SAMPLES_WANTED // sitting.resolution, *SUPERSAMPLING_LIMITS))
    portraits = []
    for view_number in range(sitting.views):
        rng = np.random.default_rng([sitting.seed, number, VIEW, view_number])
        label = random_label(rng, sitting.poses, sitting.optics)
        background = random_background(rng, sitting.resolution)
        view = render(head.scene, label, sitting.resolution, lighting, supersampling)
        coverage = view.coverage[..., None]
        mask = (view.coverage * 255).round().astype(np.uint8)
        if sitting.transparent:
            colors = np.where(mask[..., None] > 0, view.color, 0)
            pixels = np.dstack(((colors * 255).round().astype(np.uint8), mask))
        else:
            pixels = ((view.color * coverage + background * (1 - coverage)) * 255).round().astype(np.uint8)
        depth = (view.depth * DEPTH_STEPS).round().astype(np.uint16)
        portraits.append(Portrait(pixels, mask, depth, label, sight(points, label, view)))
    return head_record(number, head, maker.model, lighting), portraits


def encode_head(maker: HeadMaker, sitting: Sitting, number: int) -> EncodedHead:
    """A head as files and records."""
    truth, portraits = draw_head(maker, sitting, number)
    return EncodedHead(
        pictures=tuple(encode_png(portrait.pixels) for portrait in portraits),
        masks=() if sitting.transparent else tuple(encode_png(portrait.mask) for portrait in portraits),
        depths=tuple(encode_png(portrait.depth) for portrait in portraits) if sitting.depth else (),
        head_record=truth,
        picture_records=np.stack([picture_record(number, p.label, p.sighting) for p in portraits]),
    )


def random_background(rng: np.random.Generator, resolution: int) -> Float32[np.ndarray, "R R 3"]:
    """A blurred field of colours in [0, 1]."""
    coarse = rng.uniform(0.1, 0.8) + rng.normal(0, 0.10, (4, 4, 1)) + rng.normal(0, 0.02, (4, 4, 3))
    coarse = np.clip(coarse + rng.normal(0, 0.04, 3), 0, 1)
    field = Image.fromarray((coarse * 255).astype(np.uint8)).resize((resolution, resolution), Image.Resampling.BICUBIC)
    return np.asarray(field, np.float32) / 255


def _digest(folder: Path) -> str:
    """Names and sizes of a folder's files, hashed: another pack makes other heads."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    lines = [f"{file.relative_to(folder).as_posix()} {file.stat().st_size}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
