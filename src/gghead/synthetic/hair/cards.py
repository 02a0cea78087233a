"""Lines of hair -> ribbons with a painted texture."""

import numpy as np
from jaxtyping import Float32

from gghead.synthetic.anatomy.head_model import Similarity
from gghead.synthetic.hair.growth import Lines
from gghead.synthetic.hair.texture import Strip
from gghead.synthetic.render.renderer import Material, Mesh

TEXTURE_MARGIN = 0.004
"""Kept free at the sides of a strip, share of the atlas, so that strips do not bleed into each other."""


def ribbons(
    lines: Lines,
    widths: Float32[np.ndarray, " n"],
    strips: np.ndarray,
    shades: Float32[np.ndarray, "n s"],
    place: Similarity,
    rng: np.random.Generator,
    opacity: np.ndarray | float = 1.0,
    sleek: bool = True,
) -> Mesh:
    """One ribbon along each line, lying on the head, lit as a bundle of fibres.

    Args:
        lines: in the person's decimetres.
        widths: of the ribbons, decimetres.
        strips: `Strip` of each ribbon [n].
        shades: light that reaches each point; above 1 for lighter strands.
        place: the way into the world.
        rng: how ribbons turn around themselves.
        opacity: factor of the texture's opacity at each point [n, s].
        sleek: whether neighbours are parallel enough to share the highlight of strands.
    """
    points, outward = lines.points.astype(np.float32), lines.outward.astype(np.float32)
    widths = widths.astype(np.float32)
    count, steps = points.shape[:2]
    tangent = _unit(np.gradient(points, axis=1))
    across = _unit(np.cross(tangent, outward))
    roll = rng.normal(0, 0.3, (count, 1, 1)).astype(np.float32)
    across = across * np.cos(roll) + np.cross(tangent, across) * np.sin(roll)
    t = np.linspace(0, 1, steps, dtype=np.float32)[None, :, None]
    half = widths[:, None, None] / 2 * (0.8 + 0.3 * np.sin(np.pi * t) - 0.25 * t**2)
    vertices = np.stack([points - across * half, points + across * half], 2).reshape(-1, 3)
    # Fibres have no normal along their direction; what is left of the head's own is lit.
    shading = _unit(outward - 0.6 * tangent * (outward * tangent).sum(2, keepdims=True))
    tilt = np.stack([shading - 0.15 * across, shading + 0.15 * across], 2)
    first = (np.arange(count) * steps * 2)[:, None] + np.arange(steps - 1)[None] * 2
    lower = np.stack([first, first + 1, first + 2], -1).reshape(-1, 3)
    upper = np.stack([first + 1, first + 3, first + 2], -1).reshape(-1, 3)
    triangles = np.concatenate([lower, upper]).astype(np.int32)
    left = strips[:, None] / len(Strip) + TEXTURE_MARGIN
    u = np.stack([left, left + 1 / len(Strip) - 2 * TEXTURE_MARGIN], 2).repeat(steps, 1)
    v = np.broadcast_to(1 - t, (count, steps, 2))
    uvs = np.stack([u, v], -1).reshape(-1, 2)
    return Mesh(
        points=place.points(vertices),
        normals=place.directions(_unit(tilt).reshape(-1, 3)),
        triangles=triangles,
        uvs=uvs[triangles].astype(np.float32),
        materials=np.full(len(triangles), Material.HAIR, np.int32),
        reach=np.repeat(shades.ravel(), 2).astype(np.float32),
        alpha=np.repeat(np.broadcast_to(opacity, (count, steps)).ravel(), 2).astype(np.float32),
        tangents=place.directions(np.repeat(tangent.reshape(-1, 3), 2, axis=0)) if sleek else None,
    )


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / (np.sqrt(vectors[..., :1] ** 2 + vectors[..., 1:2] ** 2 + vectors[..., 2:] ** 2) + 1e-9)
