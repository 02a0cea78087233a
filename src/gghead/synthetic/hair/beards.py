"""Beards: which one a man wears, its painted shadow, and short ribbons of hair on it.

Lengths are decimetres.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32
from scipy.ndimage import gaussian_filter

from gghead.synthetic.anatomy.face_chart import HeadChart
from gghead.synthetic.anatomy.head_model import Chart, HeadModel, Similarity
from gghead.synthetic.anatomy.identities import Person
from gghead.synthetic.anatomy.skin_regions import Region, SkinMaps
from gghead.synthetic.hair.cards import ribbons
from gghead.synthetic.hair.growth import Lines
from gghead.synthetic.hair.texture import Strip
from gghead.synthetic.render.renderer import Mesh

BeardStyle = Literal["shaved", "stubble", "moustache", "goatee", "short", "full"]
CHANCES: dict[BeardStyle, float] = {
    "shaved": 0.52, "stubble": 0.18, "moustache": 0.06, "goatee": 0.07, "short": 0.11, "full": 0.06,
}  # fmt: skip
LENGTHS: dict[BeardStyle, float] = {"moustache": 0.07, "goatee": 0.10, "short": 0.08, "full": 0.22}
CARDS, CANDIDATES = 4200, 8400
"""Most ribbons of a beard at full detail, and places for them."""
SHORT_STEPS, LONG_STEPS, LONG = 2, 3, 0.15
"""Straight pieces of a ribbon, and from which length on there are more."""
FADE, LIP_FADE = 0.022, 0.003
"""Standard deviations of the blur that makes a beard and a moustache thin out at their borders, share of the chart."""
LIP_DENSITY = 4.0
"""How much denser hair may grow on the upper lip, where few ribbons would find a place otherwise."""
BEARD_SEED = 6


@dataclass(frozen=True)
class Beard:
    """One man's beard.

    Attributes:
        style: its kind.
        stubble: painted density of beard, moustache and goatee, 0 to 1.
        length: of the hair; 0 without ribbons.
    """

    style: BeardStyle
    stubble: Float[np.ndarray, "3"]
    length: float


def random_beard(person: Person, rng: np.random.Generator) -> Beard:
    """Some men have one."""
    style: BeardStyle = list(CHANCES)[rng.choice(len(CHANCES), p=list(CHANCES.values()))]
    shadow, length = 0.17 * rng.beta(1.2, 2.2), rng.uniform(0.7, 1.4)
    if person.sex == "female" or person.age == "child":
        return Beard("shaved", np.zeros(3), 0.0)
    dense = {"stubble": 0.14 + 1.5 * shadow, "short": 0.85, "full": 0.95}.get(style, shadow)
    lip = {"moustache": 0.8, "goatee": 0.8}.get(style, dense)
    return Beard(style, np.array([dense, lip, 0.85 if style == "goatee" else dense]), LENGTHS.get(style, 0.0) * length)


class BeardGrower:
    """Grows beards on any man; holds what does not depend on him."""

    def __init__(self, model: HeadModel, chart: HeadChart, maps: SkinMaps) -> None:
        rng = np.random.default_rng(BEARD_SEED)
        faces = np.flatnonzero(model.chart == Chart.HEAD)
        center = model.neutral[model.triangles[faces]].mean(1)
        faces = faces[(center[:, 1] < 7.25) & (center[:, 2] > 0.55)]
        corners = model.neutral[model.triangles[faces]]
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        fields = [
            _thinned(maps.regions[region], blur * chart.shape[0])
            for region, blur in ((Region.BEARD, FADE), (Region.MOUSTACHE, LIP_FADE), (Region.GOATEE, LIP_FADE))
        ]
        lip = fields[1][_texels(chart, model.uvs[faces].mean(1))]
        share = np.cumsum(area * (1 + LIP_DENSITY * lip))
        picked = faces[np.searchsorted(share / share[-1], rng.random(CANDIDATES) * 0.9999)]
        a, b = rng.random((2, CANDIDATES))
        a, b = np.where(a + b > 1, 1 - a, a), np.where(a + b > 1, 1 - b, b)
        self._weights = np.stack([1 - a - b, a, b], 1).astype(np.float32)[..., None]
        self._corners = model.triangles[picked]
        self._neutral = (model.neutral[self._corners] * self._weights).sum(1)
        places = _texels(chart, (model.uvs[picked] * self._weights).sum(1))
        self._beard, self._moustache, self._goatee = (field[places] for field in fields)
        self._detail = chart.detail

    def grow(
        self,
        beard: Beard,
        skin: Float32[np.ndarray, "v 3"],
        normals: Float32[np.ndarray, "v 3"],
        place: Similarity,
        rng: np.random.Generator,
    ) -> Mesh:
        """The ribbons of a beard on skin vertices with normals; an empty mesh without a beard."""
        side = np.abs(self._neutral[:, 0])
        where = np.maximum(self._beard, self._moustache)
        if beard.style == "moustache":
            where = self._moustache
        elif beard.style == "goatee":
            where = np.maximum(self._goatee, self._moustache)
        chosen = np.flatnonzero(where > rng.uniform(0.05, 0.9, len(where)))[: round(CARDS * np.sqrt(self._detail))]
        if beard.length <= 0 or not len(chosen):
            return Mesh.empty()
        root = (skin[self._corners[chosen]] * self._weights[chosen]).sum(1)
        normal = (normals[self._corners[chosen]] * self._weights[chosen]).sum(1)
        lip = self._moustache[chosen] > 0.3
        down = np.where(lip[:, None], np.stack([1.1 * np.sign(root[:, 0]), -0.8 + 0 * side[chosen], 0 * root[:, 0]], 1),
                        np.array([0, -1.0, 0.1]))  # fmt: skip
        chin = np.clip(1.3 - side[chosen] / 0.5, 0.45, 1) * np.where(lip, 0.8, 1)
        length = beard.length * chin * rng.uniform(0.7, 1.2, len(chosen)) * (0.4 + 0.6 * where[chosen])
        steps = LONG_STEPS if beard.length > LONG else SHORT_STEPS
        t = np.linspace(0, 1, steps + 1)[None, :, None]
        stray = rng.normal(0, 0.26, (len(chosen), 1, 3))
        flat = down - normal * np.minimum(0, (down * normal).sum(1, keepdims=True))
        course = t * (0.55 * normal[:, None] + 0.8 * flat[:, None] + stray) - 0.25 * t**2 * normal[:, None]
        lines = root[:, None] + length[:, None, None] * course
        outward = np.broadcast_to(normal[:, None], lines.shape)
        shades = np.exp(rng.normal(0, 0.14, (len(chosen), 1))) * np.linspace(0.75, 1, steps + 1)
        strips = rng.choice([Strip.WISPY_A, Strip.WISPY_B, Strip.WAVY], len(chosen))
        widths = np.minimum(rng.uniform(0.02, 0.038, len(chosen)), 0.5 * length) / np.sqrt(self._detail)
        opacity = np.broadcast_to(0.9 * where[chosen][:, None], shades.shape)
        packed = Lines(lines.astype(np.float32), outward.astype(np.float32), chosen)
        return ribbons(packed, widths, strips, shades, place, rng, opacity, sleek=False)


def _texels(chart: HeadChart, uvs: Float32[np.ndarray, "n 2"]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of texture coordinates on the chart."""
    height, width = chart.shape
    row = np.clip((1 - uvs[:, 1]) * height, 0, height - 1).astype(int)
    return row, np.clip(uvs[:, 0] * width, 0, width - 1).astype(int)


def _thinned(region: Float32[np.ndarray, "h w"], blur: float) -> Float32[np.ndarray, "h w"]:
    """A region that fades inside of its border instead of ending there."""
    return region * np.clip((gaussian_filter(region, blur) - 0.35) / 0.55, 0, 1)
