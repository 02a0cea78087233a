"""The pictures that a head is fitted to: foreground, alpha, camera, and what their backgrounds are like."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, UInt8
from torch import Tensor

from gghead.data.conventions import head_offsets
from gghead.data.dataset import HeadDataset, MissingMasksWarning, masks_path
from gghead.data.pixels import foreground
from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_head import FFHQ_FOCAL
from gghead.inversion.residual_maps import resized
from gghead.photos.photo import Photo

MAX_PICTURES = 64
"""Pictures of one person; a frame of a clip in so many is enough."""
BEHIND = 0.05
"""Alpha below which a pixel shows the background."""
MIN_PERSON = 0.02
"""Share of a picture that must show the person."""
BESIDE = 0.5
"""How far from the middle of a picture a head is that lies beside it, sides of the picture."""
UNKNOWN_BACKGROUND = (0.5, 0.25)
"""Mean and standard deviation of the background of a picture that shows none."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A head in a picture.

    Attributes:
        image: RGB.
        alpha: how much of a pixel shows the person, 0 to 1.
        camera: which sees the head in canonical space as the picture shows it, batch [].
        inside: which pixels say something: those in the photograph that it was cut out of; None for all.
    """

    image: UInt8[np.ndarray, "S S 3"]
    alpha: Float32[np.ndarray, "S S"]
    camera: Cameras
    inside: Bool[np.ndarray, "S S"] | None = None


@dataclass(frozen=True, eq=False)
class Targets:
    """Pictures of one person at one resolution.

    Attributes:
        pixels: premultiplied foreground and alpha, 0 to 1.
        cameras: batch [P].
        backgrounds: colours drawn from what lies behind the person in each picture.
        inside: 1 where a pixel lies in the photograph and not below FFHQ's square, where clothes are, else 0: there
            nothing is compared.
        areas: of the pictures, FFHQ's squares: what a mean over pixels is multiplied by to be one over a head's.
    """

    pixels: Float[Tensor, "P R R 4"]
    cameras: Cameras
    backgrounds: Float[Tensor, "P B 3"]
    inside: Float[Tensor, "P R R 1"]
    areas: Float[Tensor, " P"]

    @classmethod
    def of(
        cls, pictures: Sequence[Picture | Photo], resolution: int, num_backgrounds: int, seed: int, device: torch.device
    ) -> "Targets":
        """Targets of prepared pictures.

        Args:
            pictures: of one person.
            resolution: side that they are brought to, pixels.
            num_backgrounds: colours for each, drawn from the statistics of its background.
            seed: of these draws.
            device: where the tensors are.

        Raises:
            ValueError: there are none, too many, or one shows nobody.
        """
        require_count(len(pictures))
        pixels, cameras, backgrounds, insides, scales = [], [], [], [], []
        for number, picture in enumerate(pictures):
            if picture.alpha.mean() < MIN_PERSON:
                raise ValueError(
                    f"{picture.alpha.mean():.1%} of picture {number + 1} shows a person; expected "
                    f"{MIN_PERSON:.0%} or more: look at its mask"
                )
            alpha = (picture.alpha * 255).round().astype(np.uint8)
            inside = np.ones_like(alpha) if picture.inside is None else picture.inside
            # The least share of a pixel that lies beyond makes it one that says nothing.
            insides.append((resized(torch.from_numpy(inside).float(), resolution) == 1).float()[..., None])
            scales.append(ffhq_squares(picture))
            insides[-1][round(resolution * (0.5 + 0.5 / scales[-1])) :] = 0
            premultiplied = torch.from_numpy(foreground(picture.image, alpha, resolution)).float() / 255
            pixels.append(premultiplied * insides[-1])
            label = picture.camera.labels().reshape(-1)
            cameras.append(Cameras.from_labels(label, resolution))
            backgrounds.append(_backgrounds(picture, num_backgrounds, np.random.default_rng([seed, number])))
        viewmats = torch.stack([camera.viewmats for camera in cameras])
        Ks = torch.stack([camera.Ks for camera in cameras])
        batch = Cameras(viewmats.float(), Ks.float(), resolution, resolution)
        return cls(
            torch.stack(pixels).to(device),
            batch.to(device),
            torch.stack(backgrounds).to(device),
            torch.stack(insides).to(device),
            torch.tensor(scales, device=device).square(),
        )

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.pixels)

    def ffhq_square(self, index: int) -> Float[Tensor, "1 S S 4"]:
        """The middle of a picture, which FFHQ's camera would see from the same place; all if it shows no more."""
        resolution = self.pixels.shape[1]
        side = min(resolution, round(resolution / float(self.areas[index]) ** 0.5))
        first = (resolution - side) // 2
        return self.pixels[[index], first : first + side, first : first + side]

    def over(self, chosen: Int[Tensor, " K"], backgrounds: Float[Tensor, "K 3"]) -> Float[Tensor, "K R R 3"]:
        """Some pictures on colours."""
        pixels = self.pixels[chosen]
        return pixels[..., :3] + (1 - pixels[..., 3:]) * backgrounds[:, None, None]


def require_count(pictures: int) -> None:
    """Raises ValueError for more pictures than one person may have, or none."""
    if not 1 <= pictures <= MAX_PICTURES:
        raise ValueError(f"these are {pictures} pictures of a person; expected 1 to {MAX_PICTURES}: leave some away")


def ffhq_squares(picture: Picture | Photo) -> float:
    """Side of a picture, sides of the square that FFHQ's camera would see from the same place."""
    return FFHQ_FOCAL * picture.camera.width / float(picture.camera.Ks.reshape(9)[0])


def _backgrounds(picture: Picture | Photo, count: int, rng: np.random.Generator) -> Float[Tensor, "B 3"]:
    """Colours that lie behind a person; the first is their mean."""
    inside = True if picture.inside is None else picture.inside
    # Channels one after the other: numpy takes means along rows several times as fast.
    behind = picture.image[(picture.alpha < BEHIND) & inside].T.astype(np.float64, order="C") / 255
    mean, deviation = np.full(3, UNKNOWN_BACKGROUND[0]), np.full(3, UNKNOWN_BACKGROUND[1])
    if behind.size:
        mean, deviation = behind.mean(1), behind.std(1)
    draws = mean + deviation * np.vstack([np.zeros(3), rng.standard_normal((count - 1, 3))])
    return torch.from_numpy(draws.clip(0, 1)).float()


def archive_names(path: Path, names: Sequence[str], resolution: int) -> list[str]:
    """Names of the pictures of an archive that are wanted: those that are named, or all.

    Raises:
        FileNotFoundError: there is no archive.
        ValueError: it is none, lacks masks or a picture of a name, or holds too many to be of one person.
    """
    with _opened(path, resolution) as dataset:
        wanted = list(names or dataset.names)
        unknown = [name for name in wanted if name not in dataset.names]
        if unknown:
            shown = ", ".join(dataset.names[:3])
            raise ValueError(f"{path} has no picture {unknown[0]!r}; expected names as in it, like {shown}")
    if len(wanted) > MAX_PICTURES:
        raise ValueError(
            f"{path} holds {len(wanted)} pictures; expected at most {MAX_PICTURES}, of one person: name those"
        )
    return wanted


def read_archive(path: Path, names: Sequence[str], resolution: int) -> list[Picture]:
    """Pictures of an archive with labels and masks.

    Args:
        path: zip or folder in the format of EG3D.
        names: of the pictures, see `archive_names`.
        resolution: smallest side that is of use, pixels.

    Raises:
        FileNotFoundError, ValueError: as of `HeadDataset`; there are no masks, or a picture is damaged, too small, or
            its camera sees no head.
    """
    pictures = []
    with _opened(path, resolution) as dataset:
        for name in names:
            values = dataset.labels[dataset.names.index(name)]
            if not head_offsets(values[None])[0] < BESIDE:
                raise ValueError(
                    f"the camera of {name} in {path} does not see the origin, where the head is; correct its label "
                    "(`gghead data check` tells wrong conventions), or name other pictures"
                )
            label = torch.from_numpy(values)
            with dataset.files.decoded(name, resolution) as stored:
                alpha = stored.mask.astype(np.float32) / 255
                pictures.append(Picture(stored.pixels.copy(), alpha, Cameras.from_labels(label, len(stored.mask))))
    return pictures


def _opened(path: Path, resolution: int) -> HeadDataset:
    """An archive of people who are cut out: with masks, or with transparent pictures."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", MissingMasksWarning)
        try:
            return HeadDataset.open(path, resolution)
        except MissingMasksWarning as warning:
            raise ValueError(
                f"{path} has no masks, so all of a picture would be the person; expected {masks_path(path).name} "
                "beside it, or transparent pictures: make it anew of the photographs with `gghead data photos`"
            ) from warning
