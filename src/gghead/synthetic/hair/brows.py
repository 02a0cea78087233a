"""Eyebrows: a patch of skin above each eye with a painted texture of fine hairs.

Lengths are decimetres of the neutral head.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int32, UInt8

from gghead.geometry.grids import cell_corners, grid_of
from gghead.synthetic.anatomy.head_model import Chart, HeadModel, Similarity
from gghead.synthetic.anatomy.identities import Person
from gghead.synthetic.hair.strokes import draw_hairs, pooled
from gghead.synthetic.render.mesh_rasterizer import rasterize
from gghead.synthetic.render.renderer import Material, Mesh

INNER, OUTER, LOWEST, HIGHEST = 0.03, 0.67, 7.31, 7.63
"""Edges of the patch: distances to the plane of symmetry, heights."""
COLUMNS, ROWS = 22, 9
"""Vertices of the patch."""
TEXTURE_WIDTH, TEXTURE_HEIGHT = 256, 128
SAMPLES = 300
"""Cells of the search for the skin per decimetre."""
TONES, TONE = 3, 0.5
"""Layers of strands of different tones, and the middle one: display value of the texture that shows the dye."""
TONE_SPREAD, GRAY_SPREAD = 0.14, 1.2
"""Logarithm of the ratio between the tones, and what is added to it where hair is half grey, times 4."""
SHADOW = 0.3
"""Opacity of the tint below the strands."""
BROW_LIFT = 0.012
"""Of the patch above the skin."""


@dataclass(frozen=True)
class _BrowShape:
    """How one person's brows look.

    Attributes:
        start, length: along the brow.
        height: of the inner end; arch: of the highest point above it; tail: drop of the outer end below that.
        thickness: from the middle to the edge; hairs: number; long: length of a hair.
        disorder: standard deviation of their directions, radians.
    """

    start: float
    length: float
    height: float
    arch: float
    tail: float
    thickness: float
    hairs: int
    long: float
    disorder: float


class BrowPatches:
    """Where brows lie on the skin; made once."""

    def __init__(self, model: HeadModel, detail: float) -> None:
        x, y = np.meshgrid(np.linspace(INNER, OUTER, COLUMNS), np.linspace(HIGHEST, LOWEST, ROWS))
        flat = np.stack([x.ravel(), y.ravel()], 1)
        sides = [_find_skin(model, flat * [sign, 1]) for sign in (1, -1)]
        self._corners = np.concatenate([corners for corners, _ in sides])
        self._weights = np.concatenate([weights for _, weights in sides])[..., None]
        uvs = np.stack([(x - INNER) / (OUTER - INNER), (y - LOWEST) / (HIGHEST - LOWEST)], -1).reshape(-1, 2)
        a, b, c, d = cell_corners(grid_of(ROWS, COLUMNS))
        one = np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)])
        self._triangles = np.concatenate([one, one + len(uvs)]).astype(np.int32)
        self._uvs = np.concatenate([uvs, uvs])[self._triangles].astype(np.float32)
        self._detail = detail

    def mesh(self, skin: Float32[np.ndarray, "v 3"], normals: Float32[np.ndarray, "v 3"], place: Similarity) -> Mesh:
        """The patches on a person's skin with its normals."""
        points, out = (skin[self._corners] * self._weights).sum(1), (normals[self._corners] * self._weights).sum(1)
        return Mesh(
            points=place.points(points + BROW_LIFT * out),
            normals=place.directions(out),
            triangles=self._triangles,
            uvs=self._uvs,
            materials=np.full(len(self._triangles), Material.BROW, np.int32),
            reach=np.ones(len(points), np.float32),
        )

    def paint(self, person: Person, rng: np.random.Generator) -> UInt8[np.ndarray, "h w 4"]:
        """A person's brow, from the nose (left) to the temple: luminance and opacity."""
        shape = _random_shape(person, rng)
        texels = _hairs(shape, rng)
        # Some strands are lighter, and where hair turns grey many are: those are drawn one layer above the other.
        spread = TONE_SPREAD + GRAY_SPREAD * person.grayness * (1 - person.grayness)
        gray = np.full((TEXTURE_HEIGHT, TEXTURE_WIDTH), TONE)
        alpha = self._shadow(shape)
        for k in range(TONES):
            own = texels[k::TONES]
            drawn = draw_hairs(TEXTURE_HEIGHT, TEXTURE_WIDTH, own, rng.uniform(0.55, 1.25, len(own)))
            both = alpha + drawn - alpha * drawn
            tone = np.clip(TONE * np.exp(spread * (k - (TONES - 1) / 2)), 0.15, 0.9)
            gray += (tone - gray) * drawn / np.maximum(both, 1e-3)
            alpha = both
        # Half the detail: texels finer than a picture's samples would flicker.
        return pooled(np.stack([gray, gray, gray, 0.94 * alpha], -1), self._detail / 2)

    @staticmethod
    def _shadow(shape: _BrowShape) -> np.ndarray:
        """A soft tint below the hairs: those too fine to be drawn."""
        x = np.linspace(INNER, OUTER, TEXTURE_WIDTH)[None]
        y = np.linspace(HIGHEST, LOWEST, TEXTURE_HEIGHT)[:, None]
        along = (x - shape.start) / shape.length
        middle, half = _course(shape, np.clip(along, 0, 1))
        ends = np.clip(along / 0.22, 0, 1) * np.clip((1.02 - along) / 0.3, 0, 1)
        return SHADOW * ends * np.exp(-(((y - middle - 0.006) / (0.9 * half + 0.004)) ** 2)) * min(1, shape.hairs / 420)


def brow_color(person: Person, skin: Float[np.ndarray, "3"], tone: float = 0.6) -> Float[np.ndarray, "3"]:
    """Linear light: a little darker than the hair, and never lighter than the skin.

    Args:
        person: whose hair colour counts.
        skin: display colour of the skin.
        tone: share of the hair's light.
    """
    color = tone * np.asarray(person.hair_color) + 0.004
    limit = 0.42 * float(np.max(skin)) ** 2.2
    return color * min(1, limit / color.max())


def _random_shape(person: Person, rng: np.random.Generator) -> _BrowShape:
    male = person.sex == "male"
    bushy = rng.normal(0.65 if male else 0.36, 0.18) * (0.75 if person.age == "child" else 1)
    bushy, dense = float(np.clip(bushy, 0.1, 1.1)), rng.uniform(0.75, 1.3)
    return _BrowShape(
        start=rng.uniform(0.085, 0.12),
        length=rng.uniform(0.44, 0.50),
        height=rng.uniform(7.425, 7.465),
        arch=rng.uniform(0.01, 0.04) if male else rng.uniform(0.025, 0.065),
        tail=rng.uniform(0.02, 0.055),
        thickness=0.026 + 0.024 * bushy,
        hairs=round((260 + 440 * bushy) * dense),
        long=0.055 + 0.04 * bushy,
        disorder=rng.uniform(0.1, 0.28),
    )


def _hairs(shape: _BrowShape, rng: np.random.Generator) -> Float32[np.ndarray, "n 3 2"]:
    """Curves of the hairs in texels: dense in the middle of the brow, fewer towards its rims and its inner end."""
    along, across = rng.beta(1.25, 1.2, shape.hairs), np.clip(rng.normal(0, 0.5, shape.hairs), -1.3, 1.3)
    middle, half = _course(shape, along)
    x, y = shape.start + shape.length * along, middle + half * across
    # Hairs stand up near the nose, lie along the brow further out, and lean together from both edges.
    angle = np.interp(along, [0, 0.12, 0.4, 1], [1.45, 1.05, 0.55, -0.25]) - 0.45 * across * (along > 0.15)
    angle += rng.normal(0, shape.disorder, shape.hairs)
    length = shape.long * rng.uniform(0.45, 1.15, shape.hairs) * np.interp(along, [0, 0.2, 0.8, 1], [0.7, 1, 0.9, 0.6])
    bend = angle - rng.normal(0.35, 0.15, shape.hairs)
    tip = np.stack([x + length * np.cos(bend), y + length * np.sin(bend)], 1)
    knee = np.stack([x + 0.5 * length * np.cos(angle), y + 0.5 * length * np.sin(angle)], 1)
    curves = np.stack([np.stack([x, y], 1), knee, tip], 1)
    scale = np.array([TEXTURE_WIDTH / (OUTER - INNER), -TEXTURE_HEIGHT / (HIGHEST - LOWEST)])
    return ((curves - [INNER, HIGHEST]) * scale).astype(np.float32)


def _course(shape: _BrowShape, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Height of the brow's middle, and half of its thickness."""
    peak = 0.66
    rise = np.clip(along / peak, 0, 1)
    fall = np.clip((along - peak) / (1 - peak), 0, 1)
    middle = shape.height + shape.arch * rise * (2 - rise) - shape.tail * fall**1.5
    return middle, shape.thickness * np.interp(along, [0, 0.2, 0.6, 1], [0.85, 1.0, 0.85, 0.4])


def _find_skin(model: HeadModel, flat: np.ndarray) -> tuple[Int32[np.ndarray, "n 3"], Float32[np.ndarray, "n 3"]]:
    """Skin triangles and barycentric weights in front of points [n, 2] (x, y), seen along z."""
    low, high = flat.min(0) - 0.02, flat.max(0) + 0.02
    width, height = np.ceil((high - low) * SAMPLES).astype(int)
    triangles = model.triangles[model.chart == Chart.HEAD]
    screen = np.stack(
        [(model.neutral[:, 0] - low[0]) * SAMPLES, (model.neutral[:, 1] - low[1]) * SAMPLES, 100 - model.neutral[:, 2]],
        1,
    )
    _, hit, first_two = rasterize(np.ascontiguousarray(screen, dtype=np.float32), triangles, int(height), int(width))
    column, row = ((flat - low) * SAMPLES).astype(int).T
    weights = np.append(first_two[row, column], 1 - first_two[row, column].sum(1, keepdims=True), 1)
    return triangles[hit[row, column]], weights.astype(np.float32)
