"""Computed textures: skin with lips, blush, brows and lash lines; the iris; where hair grows.

Positions are decimetres of the neutral head, which the texture chart refers to, whoever wears it.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt8
from scipy.ndimage import gaussian_filter, zoom
from scipy.spatial import cKDTree

from gghead.data.synthetic.head_model import Chart, HeadModel
from gghead.data.synthetic.identities import Person
from gghead.data.synthetic.mesh_rasterizer import rasterize

FULL_WIDTH, FULL_HEIGHT = 480, 896
"""Texels of the head chart at full detail."""
LIGHT_SKIN, DARK_SKIN = np.array([0.86, 0.66, 0.55]), np.array([0.30, 0.19, 0.13])
LIGHT_LIPS, DARK_LIPS = np.array([0.72, 0.38, 0.36]), np.array([0.33, 0.17, 0.15])
MOUTH_COLOUR = np.array([0.10, 0.016, 0.014])
"""Linear light: the inside of the mouth."""
IRIS_RADIUS, PUPIL_RADIUS = 0.405, 0.16
"""Shares of half of the eye texture's side."""
EYE_SIDE = 128


@dataclass(frozen=True)
class HeadChart:
    """What is where on the head's texture [h, w]; made once for a texture size.

    Attributes:
        position: point of the neutral head.
        above_hair_line: height above the hair line, decimetres.
        lips: 0 to 1.
        blush: 0 to 1, redder skin.
        lashes: 0 to 1, the edge of the eyelids.
        lids: 0 to 1, the skin around the eyes.
        detail: share of the full texture size, 0 to 1.
    """

    position: Float32[np.ndarray, "h w 3"]
    above_hair_line: Float32[np.ndarray, "h w"]
    lips: Float32[np.ndarray, "h w"]
    blush: Float32[np.ndarray, "h w"]
    lashes: Float32[np.ndarray, "h w"]
    lids: Float32[np.ndarray, "h w"]
    detail: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.lips.shape


@dataclass(frozen=True)
class SkinTextures:
    """Display colours: the head chart, and one colour [1, 1, 3] for neck and shoulders."""

    head: UInt8[np.ndarray, "h w 3"]
    body: UInt8[np.ndarray, "1 1 3"]


def chart_head(model: HeadModel, detail: float) -> HeadChart:
    """Maps the head chart at a share of its full texture size."""
    width, height = round(FULL_WIDTH * detail), round(FULL_HEIGHT * detail)
    head = model.chart == Chart.HEAD
    corners = model.uvs[head].reshape(-1, 2)
    flat = np.stack([corners[:, 0] * width, (1 - corners[:, 1]) * height, np.ones(len(corners))], 1)
    triangles = np.arange(len(flat), dtype=np.int32).reshape(-1, 3)
    _, hit, first_two = rasterize(np.ascontiguousarray(flat, dtype=np.float32), triangles, height, width)
    barycentric = np.append(first_two, 1 - first_two.sum(2, keepdims=True), 2)
    owners = model.triangles[head][np.maximum(hit, 0)]
    position = np.einsum("hwkc,hwk->hwc", model.neutral[owners], barycentric).astype(np.float32)
    position[hit < 0] = (0, 7, 0)
    scaled = {name: _scaled(mask, (height, width)) for name, mask in model.masks.items()}
    cheeks, nose = _both_sides(position, (0.42, 6.85, 1.25), 0.32), _near(position, (0.0, 6.97, 1.65), 0.2)
    lashes = _lash_lines(model, position)
    lashes[hit < 0] = 0
    return HeadChart(
        position=position,
        above_hair_line=hair_line(position).astype(np.float32),
        lips=scaled["lips"],
        blush=(0.5 * cheeks + 0.45 * nose + 0.25 * scaled["ears"]).astype(np.float32),
        lashes=lashes,
        lids=np.clip(_both_sides(position, (0.32, 7.16, 1.3), 0.16), 0, 1).astype(np.float32),
        detail=detail,
    )


def hair_line(points: Float32[np.ndarray, "*P 3"]) -> Float32[np.ndarray, "*P"]:
    """Height above the hair line of the neutral head: a round front, temples that recede, down before the ears."""
    side, y, z = np.abs(points[..., 0]), points[..., 1], points[..., 2]
    front = 7.86 - 0.10 * side**2
    temple = np.clip((0.80 - z) * 1.5, -0.08, 1.6)
    return y - front + temple


def paint_skin(chart: HeadChart, person: Person, bald: bool, rng: np.random.Generator) -> SkinTextures:
    """Skin of one person, hair roots and brows included."""
    melanin = person.melanin
    base = (LIGHT_SKIN * (1 - melanin) + DARK_SKIN * melanin) * np.exp(rng.normal(0, 0.03, 3))
    hair = person.hair_colour ** (1 / 2.2)
    blotches = gaussian_filter(_noise(chart, rng, 24), 3 * chart.detail) * 0.5 + _noise(chart, rng, 8) * 0.25
    pores = _noise(chart, rng, 2) * 0.6 + rng.standard_normal(chart.shape, dtype=np.float32) * 0.5
    skin = np.broadcast_to(base.astype(np.float32), (*chart.shape, 3))
    skin = skin * (1 + (chart.blush * (1 - 0.6 * melanin))[..., None] * _single(0.06, -0.16, -0.14))
    skin = skin * (1 + 0.035 * blotches[..., None] * _single(0.6, 1.2, 1.0) + 0.022 * pores[..., None])
    if person.age == "old":
        furrows = np.abs(gaussian_filter(rng.standard_normal(chart.shape, dtype=np.float32), (1, 5)))
        skin = skin * (1 - 0.06 * furrows[..., None])
    lips = (LIGHT_LIPS * (1 - melanin) + DARK_LIPS * melanin) * np.exp(rng.normal(0, 0.06))
    skin = _over(skin, lips * (1 + 0.05 * pores[..., None]), 0.75 * chart.lips)
    skin = skin * (1 - (0.35 * chart.lids * rng.uniform(0.2, 0.7))[..., None] * _single(0.4, 0.55, 0.5))
    ragged = chart.above_hair_line + 0.012 * _noise(chart, rng, 3)
    roots = np.clip(ragged / 0.2, 0, 1) * (0.22 if bald else 0.95)
    skin = _over(skin, hair * 0.85, roots)
    brow_colour = np.minimum(hair * 0.7, 0.42 * base / base.max())
    skin = _over(skin, brow_colour, 0.85 * _brows(chart, rng))
    skin = _over(skin, np.array([0.09, 0.06, 0.05]), chart.lashes * rng.uniform(0.55, 0.85))
    return SkinTextures(_to_uint8(skin), _to_uint8(base.reshape(1, 1, 3)))


def paint_eye(iris_colour: Float[np.ndarray, "3"], rng: np.random.Generator) -> UInt8[np.ndarray, "s s 3"]:
    """Eyeball seen from the front: white, iris with fibres and a dark rim, pupil, and the upper lid's shadow."""
    y, x = np.mgrid[:EYE_SIDE, :EYE_SIDE] / (EYE_SIDE - 1) * 2 - 1
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    image = np.ones((EYE_SIDE, EYE_SIDE, 3)) * [0.84, 0.81, 0.79]
    image *= 1 - 0.12 * np.clip(radius - 0.55, 0, 1)[..., None] * [0.2, 0.6, 0.6]
    fibres = gaussian_filter(rng.normal(size=360), 1.2, mode="wrap")
    fibres = (fibres / fibres.std())[((angle / np.pi * 0.5 + 0.5) * 359).astype(int)]
    colour = iris_colour * (1 + 0.2 * fibres[..., None]) * (0.65 + 0.6 * np.clip(radius / IRIS_RADIUS, 0, 1)[..., None])
    colour *= 1 - 0.65 * np.clip((radius - IRIS_RADIUS * 0.82) / (IRIS_RADIUS * 0.18), 0, 1)[..., None]
    image = _over(image, colour, 1 / (1 + np.exp((radius - IRIS_RADIUS) * 60)))
    image = image * (1 - 0.97 / (1 + np.exp((radius - PUPIL_RADIUS) * 70)))[..., None]
    return _to_uint8(image * (1 - 0.35 * np.clip(-y - 0.05, 0, 1))[..., None])


def _brows(chart: HeadChart, rng: np.random.Generator) -> np.ndarray:
    """Density 0 to 1 [h, w]: two tapering arcs above the eyes, with soft streaks along them."""
    side, y, z = np.abs(chart.position[..., 0]), chart.position[..., 1], chart.position[..., 2]
    height, thickness, arc = rng.uniform(7.42, 7.47), rng.uniform(0.024, 0.042), rng.uniform(0.03, 0.08)
    along = (side - rng.uniform(0.09, 0.14)) / 0.5
    inside = np.clip(along, 0, 1)
    middle = height + arc * np.sin(inside * 2.3) - 0.05 * inside
    width = thickness * (1.1 - 0.65 * inside)
    density = np.exp(-(((y - middle) / width) ** 4)) * np.clip(along * 4, 0, 1) * np.clip((1 - along) * 3, 0, 1)
    streaks = gaussian_filter(rng.standard_normal(chart.shape, dtype=np.float32), (0.8, 3 * chart.detail))
    texture = 0.8 + 0.2 * streaks / max(float(streaks.std()), 1e-6)
    blurred = gaussian_filter(
        density * np.clip((z - 0.75) / 0.15, 0, 1) * np.clip(texture, 0.3, 1.1), 1.4 * chart.detail
    )
    return np.clip(blurred * rng.uniform(0.75, 1.05), 0, 1).astype(np.float32)


def _lash_lines(model: HeadModel, position: np.ndarray) -> np.ndarray:
    """Closeness 0 to 1 [h, w] to the rim where the skin meets the eye sockets, stronger on the upper lid."""
    rim = np.intersect1d(model.triangles[model.chart == Chart.HEAD], model.triangles[model.chart == Chart.SOCKET])
    points = model.neutral[rim]
    distance = cKDTree(points).query(position.reshape(-1, 3), distance_upper_bound=0.2)[0].reshape(position.shape[:2])
    upper = np.clip((position[..., 1] - np.mean([ball.centre[1] for ball in model.neutral_eyes])) / 0.03 + 0.5, 0.25, 1)
    return (np.exp(-((distance / 0.028) ** 2)) * upper).astype(np.float32)


def _near(position: np.ndarray, centre: tuple[float, float, float], spread: float) -> np.ndarray:
    return np.exp(-(((position - np.array(centre, np.float32)) / spread) ** 2).sum(-1))


def _both_sides(position: np.ndarray, centre: tuple[float, float, float], spread: float) -> np.ndarray:
    x, y, z = centre
    return _near(position, (x, y, z), spread) + _near(position, (-x, y, z), spread)


def _scaled(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return zoom(mask, (shape[0] / mask.shape[0], shape[1] / mask.shape[1]), order=1)


def _noise(chart: HeadChart, rng: np.random.Generator, cell: int) -> np.ndarray:
    """Value noise [h, w] with cells of `cell` texels of the full texture."""
    height, width = chart.shape
    cells = min(round(FULL_HEIGHT / cell), height), min(round(FULL_WIDTH / cell), width)
    return _scaled(rng.standard_normal(cells, dtype=np.float32), (height, width))


def _over(under: np.ndarray, colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return under + (colour - under) * alpha[..., None]


def _single(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def _to_uint8(display: np.ndarray) -> np.ndarray:
    return (np.clip(display, 0, 1) * 255).round().astype(np.uint8)
