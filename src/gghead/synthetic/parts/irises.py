"""Textures of eyeballs: white with veins, iris of fibres, pupil.

The left eye is in the left half of a texture, the right one in the right half, each seen from the front. Nothing of an
eye is beyond `WHITE_RADIUS`, so that the corners of a texture have room for the wet flesh around it.
"""

import numpy as np
from jaxtyping import Float, Float32, UInt8
from scipy.ndimage import gaussian_filter

IRIS_RADIUS, WHITE_RADIUS = 0.38, 0.98
"""Shares of half of the side of one eye's texture."""
PUPIL_RANGE = (0.26, 0.46)
"""Radius of the pupil as a share of the iris's."""
EYE_SIDE = 128
TURN_CELLS, DEPTH_CELLS = 192, 40
"""Size of the iris when it is unrolled: around the pupil and away from it."""
WHITE, OLD_WHITE = np.array([0.77, 0.735, 0.715]), np.array([0.745, 0.695, 0.635])
FLESH = np.array([0.70, 0.47, 0.43])
"""Display colour of the caruncle and of the lids' wet edge."""
FLESH_UV = np.array([0.02, 0.98])
"""Where an eye's texture has it."""


def paint_eyes(
    iris_colors: Float[np.ndarray, "2 3"], years: float, rng: np.random.Generator
) -> UInt8[np.ndarray, "s s2 3"]:
    """Both eyeballs, display colours, without the light and shadow on them.

    Args:
        iris_colors: display colours of the middle of the left and of the right iris.
        years: age; old whites are yellowish, old irises have a pale rim, and children's pupils are wide.
        rng: decides about fibres, crypts, veins and the width of the pupils.
    """
    old = float(np.clip((years - 50) / 30, 0, 1))
    pupil = IRIS_RADIUS * np.clip(rng.uniform(*PUPIL_RANGE) * (1.15 - 0.003 * years), *PUPIL_RANGE)
    tired, pattern = rng.uniform(0.1, 0.6), int(rng.integers(2**63))
    own = [np.random.default_rng([pattern, side]) for side in range(2)]
    eyes = [_paint_eye(color, rng, old, pupil, tired) for color, rng in zip(iris_colors, own, strict=True)]
    return np.concatenate(eyes, 1)


def _paint_eye(
    color: np.ndarray, rng: np.random.Generator, old: float, pupil: float, tired: float
) -> UInt8[np.ndarray, "s s 3"]:
    y, x = (np.mgrid[:EYE_SIDE, :EYE_SIDE] / (EYE_SIDE - 1) * 2 - 1).astype(np.float32)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    image = _white(x, radius, old, tired, rng)
    share = np.clip((radius - pupil) / (IRIS_RADIUS - pupil), 0, 1)
    unrolled = _iris(color, old, rng)
    column = ((angle / np.pi * 0.5 + 0.5) * TURN_CELLS).astype(int) % TURN_CELLS
    iris = unrolled[(share * (DEPTH_CELLS - 1)).astype(int), column]
    image += (iris - image) * _inside(radius, IRIS_RADIUS, 0.06)[..., None]
    image *= 1 - 0.96 * _inside(radius, pupil, 0.03)[..., None]
    image[radius > 1.05] = FLESH
    return (np.clip(image, 0, 1) * 255).round().astype(np.uint8)


def _white(x: np.ndarray, radius: np.ndarray, old: float, tired: float, rng: np.random.Generator) -> np.ndarray:
    color = WHITE + (OLD_WHITE - WHITE) * old
    corners = np.clip((np.abs(x) - 0.5) / 0.45, 0, 1) ** 1.3
    veins = np.zeros_like(x)
    for spread, share in (((1.0, 5), 1.0), ((0.7, 3), 0.6)):
        noise = np.abs(gaussian_filter(rng.standard_normal(x.shape, dtype=np.float32), spread))
        veins += share * np.clip(1 - noise / (0.25 * noise.std()), 0, 1)
    veins = gaussian_filter(veins, 0.5) * np.clip((radius - 0.48) / 0.4, 0, 1) * tired
    redness = (0.27 * corners + 0.45 * veins)[..., None] * np.array([0.22, 0.8, 0.75])
    return (color * (1 - redness) * (1 - 0.18 * np.clip(radius - 0.45, 0, 1))[..., None]).astype(np.float32)


def _iris(color: np.ndarray, old: float, rng: np.random.Generator) -> Float32[np.ndarray, "d t 3"]:
    """The iris from the pupil (row 0) to its rim: two layers of fibres, a collarette, crypts, the dark limbal ring."""
    depth = np.linspace(0, 1, DEPTH_CELLS)[:, None]
    fine, coarse, wide = _fibres(rng, (2.2, 0.7)), _fibres(rng, (3.0, 1.6)), _fibres(rng, (3.0, 8))
    crypts = np.clip(_fibres(rng, (1.5, 2.6)) - 1.0, 0, 1) * np.exp(-0.5 * ((depth - 0.45) / 0.2) ** 2)
    wobble = rng.uniform(0.22, 0.36) + 0.035 * _fibres(rng, (0.1, 6))[:1]
    collarette = np.exp(-0.5 * ((depth - wobble) / 0.06) ** 2)
    furrows = np.clip(np.sin(depth * rng.uniform(14, 20) + 0.5 * wide), 0, 1) * np.clip((depth - 0.5) / 0.2, 0, 1)
    light = 1 + 0.15 * fine + 0.13 * coarse * (depth > 0.12) + 0.06 * wide + 0.25 * collarette - 0.45 * crypts
    light = (light - 0.06 * furrows) * (0.74 + 0.42 * depth)
    light = np.clip(light, 0.2, 1.7) * (1 - rng.uniform(0.7, 0.9) * np.clip((depth - 0.7) / 0.3, 0, 1) ** 1.5)
    # Pigment gathers around the pupil: amber in blue and green eyes.
    inner = np.clip(color.mean() * np.array([1.25, 0.92, 0.55]), 0, 0.5) * rng.uniform(0.8, 1.05)
    share = np.clip((wobble + 0.1 + 0.05 * coarse - depth) / 0.2, 0, 1)[..., None] * rng.uniform(0.1, 0.9)
    painted = (color * (1 - share) + inner * share) * light[..., None]
    painted += old * np.exp(-0.5 * ((depth - 0.9) / 0.06) ** 2)[..., None] * np.array([0.12, 0.13, 0.14])
    return painted.astype(np.float32)


def _fibres(rng: np.random.Generator, spread: tuple[float, float]) -> np.ndarray:
    noise = gaussian_filter(
        rng.standard_normal((DEPTH_CELLS, TURN_CELLS), dtype=np.float32),
        (spread[0] * 3, spread[1]),
        mode=("nearest", "wrap"),  # pyright: ignore[reportArgumentType] - one for each axis, which the stubs don't know
    )
    return noise / noise.std()


def _inside(radius: np.ndarray, edge: float, softness: float) -> np.ndarray:
    return np.clip((edge - radius) / softness + 0.5, 0, 1)
