"""What readers and writers of files ask of Gaussians: that they can be drawn. Others are left out, counted and told."""

import logging
from dataclasses import replace

import torch
from jaxtyping import Bool
from torch import Tensor

from gghead.config.numbers import shortened
from gghead.gaussians.scene import Gaussians
from gghead.geometry.spherical_harmonics import MAX_DEGREE, degree_of, num_coefficients

log = logging.getLogger(__name__)

MAX_VALUE = 1e18
"""Larger values come from damage; their squares are beyond float32."""
MIN_NORM = 1e-12
"""Quaternions below it are no rotation."""
REASON = f"they have values that are non-finite or above {MAX_VALUE:.0e}, a zero quaternion or a negative scale"
"""Why Gaussians can't be drawn."""
LARGEST_STEP = 0.5
"""Step to which a format may round positions, in standard deviations of the Gaussian in the middle by size."""


def require_scenes(gaussians: object) -> None:
    """Raises ValueError unless these are Gaussians that hold numbers, with harmonics of some degree."""
    if not isinstance(gaussians, Gaussians):
        raise ValueError(
            f"the heads are {shortened(gaussians)}; expected Gaussians: generator.sample(seeds=[0]) makes some, "
            "gghead.load_ply reads some"
        )
    if gaussians.means.is_meta:
        raise ValueError(f'the heads are on the device "{gaussians.means.device}", which holds no numbers')
    degree_of(gaussians.sh.shape[-2])  # raises ValueError by itself where the number of coefficients fits no degree


def require_single(gaussians: Gaussians) -> None:
    """Raises ValueError unless these are a single scene."""
    require_scenes(gaussians)
    if gaussians.batch_shape:
        raise ValueError(
            f"a file holds one scene, these are {tuple(gaussians.batch_shape)}; index them first: heads[0]"
        )


def require_drawable(gaussians: Gaussians) -> None:
    """Raises ValueError unless these are a single scene of Gaussians that can be drawn, as every file must hold."""
    require_single(gaussians)
    count, broken = gaussians.num_gaussians, int((~drawable(gaussians)).sum())
    if not count:
        raise ValueError("there are no Gaussians; a file needs some")
    if broken:
        raise ValueError(f"{broken:,} of {count:,} Gaussians can't be drawn: {REASON}; leave them out, as export does")


def require_fine_steps(gaussians: Gaussians, step: float) -> None:
    """Raises ValueError if a format that tells positions a step apart (world units) would tear the scene to pieces.

    One Gaussian far away is enough for that where steps depend on how far a scene reaches.
    """
    size, reach = float(gaussians.scales.amax(dim=1).median()), float(gaussians.means.abs().max())
    if step > LARGEST_STEP * size:
        raise ValueError(
            f"means reach {reach:.2g}, so that positions would be rounded to {step:.2g}, and half of the Gaussians are "
            f"smaller than {size:.2g}; leave out what is far away, or take .ply, which does not round"
        )


def drawable(gaussians: Gaussians) -> Bool[Tensor, " N"]:
    """Gaussians of a single scene with finite values, a rotation and no negative scale.

    The others come from diverged training and damaged files; viewers stay black or stop on files that hold them.
    """
    values = (gaussians.means, gaussians.quats, gaussians.scales, gaussians.opacities[:, None], gaussians.sh.flatten(1))
    finite = torch.stack([(value.abs() <= MAX_VALUE).all(dim=1) for value in values]).all(dim=0)  # not so for NaN
    lengths = gaussians.quats.square().sum(dim=1).sqrt()
    return finite & (lengths > MIN_NORM) & (gaussians.scales >= 0).all(dim=1)


def keep_drawable(gaussians: Gaussians, name: str) -> Gaussians:
    """A single scene without the Gaussians that can't be drawn; says how many those were.

    Raises:
        ValueError: no Gaussian is left.
    """
    return keep(gaussians, drawable(gaussians), name, REASON, logging.WARNING)


def keep(gaussians: Gaussians, kept: Bool[Tensor, " N"], name: str, reason: str, level: int) -> Gaussians:
    """Some Gaussians of a single scene; says how many of the file's are left out, and why.

    Raises:
        ValueError: no Gaussian is left.
    """
    count, left = gaussians.num_gaussians, int(kept.sum())
    if not count:
        raise ValueError(f"{name} holds no Gaussians")
    if not left:
        raise ValueError(f"none of the {count:,} Gaussians of {name} can be used: {reason}")
    if left == count:
        return gaussians
    log.log(level, "%s: %s of %s Gaussians are left out: %s", name, f"{count - left:,}", f"{count:,}", reason)
    return gaussians.map(lambda tensor: tensor[kept])


def as_read(gaussians: Gaussians, name: str) -> Gaussians:
    """What a file says, fit to be drawn: with normalised rotations, and of the lowest degree that says all of it.

    Writers pad harmonics with zeros, to degree 3 in most PLY files; bands of zeros would only cost time. Degree 4,
    which the newest .spz files may have, is not drawn here.

    Raises:
        ValueError: no Gaussian of it can be drawn.
    """
    found = keep_drawable(gaussians, name)
    if found.sh.shape[1] > num_coefficients(MAX_DEGREE):
        log.warning("%s: harmonics above degree %d are left out; they are not drawn here", name, MAX_DEGREE)
    degree = MAX_DEGREE
    while degree and not bool(found.sh[:, num_coefficients(degree - 1) : num_coefficients(degree)].any()):
        degree -= 1
    quats = torch.nn.functional.normalize(found.quats, dim=-1)
    return replace(found, quats=quats, sh=found.sh[:, : num_coefficients(degree)])
