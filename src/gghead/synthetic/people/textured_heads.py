"""People with painted skins and modelled hair, brows, lashes, teeth and tongue, from an asset pack."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int32, UInt8
from scipy.ndimage import binary_dilation
from scipy.spatial import KDTree

from gghead.synthetic.anatomy.asset_pack import Proxy, read_pack
from gghead.synthetic.anatomy.face_chart import chart_head
from gghead.synthetic.anatomy.head_model import Chart, HeadModel, Similarity
from gghead.synthetic.anatomy.heads import Head, HeadMaker
from gghead.synthetic.anatomy.identities import Person, random_person
from gghead.synthetic.anatomy.skin_regions import CREASE_HEIGHTS, Noise, Region, map_skin
from gghead.synthetic.hair.beards import BeardGrower
from gghead.synthetic.hair.brows import BrowPatches, brow_color
from gghead.synthetic.hair.hair import HairGrower
from gghead.synthetic.hair.low_pass import low_pass
from gghead.synthetic.hair.shells import Sky, hair_mesh, prepare
from gghead.synthetic.hair.texture import paint_strips
from gghead.synthetic.parts.clothes import random_outfit, skin_mesh
from gghead.synthetic.parts.eyeballs import Eyes
from gghead.synthetic.parts.irises import paint_eyes
from gghead.synthetic.parts.makeup import LINER, ROUGE
from gghead.synthetic.parts.mouth import ENAMEL_TINT, MOUTH_COLOR, Mouth
from gghead.synthetic.parts.painted_skin import Paint, SkinReader, blend_bodies, blend_heads
from gghead.synthetic.parts.skin import MELANIN, noise_dyes, paint_marks, region_dyes
from gghead.synthetic.parts.skin_relief import emboss_skin, face_lines
from gghead.synthetic.parts.teeth import Teeth, paint_teeth, random_teeth
from gghead.synthetic.people.textured_looks import SHAVED, Look, random_look
from gghead.synthetic.people.wardrobe import Wardrobe, random_worn
from gghead.synthetic.render.mesh_rasterizer import rasterize, vertex_normals
from gghead.synthetic.render.renderer import Material, Mesh, Scene, Surface

LASH_COLOR = np.full(3, 0.012)
HAIR_GAIN = 1.15
"""A shell of hair shadows itself less than hair does, but has no light from inside."""
LASH_LENGTH = 0.6
"""Share of the modelled lashes' length that is drawn."""
SCALP_SINK = 0.07
"""Decimetres."""
BRISTLES_SEEN = 0.5
"""Share of the hair's colour in what is shaved; the rest is seen through the skin and has its hue."""
PAINTED_NOISE = 0.9
"""Share of the colours of noise that a painted skin does not have already."""
PAINTED_SHARES = np.full(len(Region), 0.75)
"""The same of each region's colour; painted lips and mouth lines are faint."""
PAINTED_SHARES[[Region.LIPS, Region.UPPER_LIP, Region.LIP_LINES, Region.MOUTH_LINE]] = 0.85, 0.8, 1.0, 0.8
PAINTED_SHARES[[Region.BEARD, Region.MOUSTACHE, *CREASE_HEIGHTS]] = 1.0


class TexturedHeads(HeadMaker):
    """Makes people from an asset pack."""

    def __init__(self, assets: Path, resolution: int) -> None:
        """Reads the pack and prepares for pictures of a resolution.

        Args:
            assets: folder of the pack, see asset_pack.py.
            resolution: side of the pictures; small ones need smaller textures, which also spares them aliases.

        Raises:
            FileNotFoundError, ValueError: the pack is missing or not one.
        """
        self.model = HeadModel()
        detail = float(np.clip(resolution / 256, 0.35, 1.5))
        self._pack = read_pack(assets, self.model, float(np.clip(resolution / 512, 0.25, 1)))
        self._chart = chart_head(self.model, detail)
        self._maps = map_skin(self._chart)
        self._texels = _place_texels(self.model, self._chart.shape)
        self._used = binary_dilation(self._texels[0] >= 0, iterations=2)
        textures, reader = self._pack.textures, SkinReader(self._chart)
        self._skins = {
            name: reader.read(head, textures["skins_body"][name]) for name, head in textures["skins_head"].items()
        }
        sky = Sky(self.model)
        self._styles = {
            name: prepare(sky, proxy, textures["hair"][name]) for name, proxy in self._pack.proxies["hair"].items()
        }
        self._covered = {
            name: low_pass(self._on_chart(1 - style.skin_reach), 4 * detail) for name, style in self._styles.items()
        }
        self._hair, self._wardrobe = HairGrower(self.model, detail), Wardrobe(self.model)
        self._beards, self._strips = BeardGrower(self.model, self._chart, self._maps), paint_strips(detail)
        self._brows = BrowPatches(self.model, detail)
        triangles, chart = self.model.triangles, self.model.chart
        self._rim = np.intersect1d(triangles[chart == Chart.HEAD], triangles[chart == Chart.SOCKET])
        self._eyes, self._mouth = Eyes(self.model), Mouth(self.model)

    def draw(self, rng: np.random.Generator) -> Head:
        person = random_person(self.model, rng)
        look = random_look(person, self._pack, rng)
        neutral, vertices = self.model.morph(person.neutral), self.model.morph(person.weights)
        place = self.model.to_canonical(neutral)
        style = self._styles.get(look.style)
        worn = random_worn(person, rng)
        if style is not None:
            worn = replace(worn, headwear=None)  # modelled hair can't be pressed
        outfit = random_outfit(person.cloth_color, person.collar, rng)
        skin = skin_mesh(self.model, vertices, place, outfit)
        if style is not None:
            below = slice(0, len(style.skin_reach))
            skin.reach[below] *= 0.5 + 0.5 * style.skin_reach
            # The scalp sinks a little below its hair, so that no skull is too large for it.
            depth = SCALP_SINK * np.linalg.norm(place.linear[:, 0]) * np.clip((0.5 - style.skin_reach) / 0.3, 0, 1)
            skin.points[below] -= skin.normals[below] * depth[:, None]
        solid = [skin, self._eyes.mesh(vertices, place, person.gaze, person.focus)]
        teeth = random_teeth(person.years, person.melanin, rng)
        solid.append(self._mouth.mesh(neutral, person.weights, vertices, teeth, place))
        things, lenses = self._wardrobe.dress(worn, skin, vertices, place)
        solid += things
        bare = self.model.skin(vertices)
        sheer = [
            self._brows.mesh(bare, vertex_normals(bare, self.model.triangles), place),
            self._lash_mesh(self._pack.proxies["eyelashes"][look.lashes], vertices, place),
            *lenses,
        ]
        if style is not None:
            sheer.append(hair_mesh(style, neutral, bare, place, look.mirrored, look.stretch, self.model.triangles))
        cut = worn.hair(look.cut)
        if cut is not None:
            sheer.append(self._hair.grow(cut, look.hair_line, bare, place, rng))
        if look.beard.length > 0:
            grown = self._beards.grow(look.beard, bare, vertex_normals(bare, self.model.triangles), place, rng)
            sheer.append(replace(grown, materials=np.full_like(grown.materials, Material.BEARD)))
        surfaces = (*worn.surfaces(rng), outfit.surface(rng), *self._surfaces(person, look, teeth, rng))
        return Head(person, Scene(Mesh.joined(solid), Mesh.joined(sheer), surfaces), place, look.style)

    def _surfaces(self, person: Person, look: Look, teeth: Teeth, rng: np.random.Generator) -> tuple[Surface, ...]:
        textures, hair = self._pack.textures, person.hair_color
        first, second = (self._skins[name] for name in look.skins)
        body = blend_bodies(first, second, look.share, look.color)
        head, detail = self._paint_head(person, look, rng)
        surfaces = (
            Surface.painted(Material.SKIN_HEAD, head, detail=detail),
            Surface.painted(Material.SKIN_BODY, body),
            Surface.painted(Material.EYE, paint_eyes(person.iris_colors, person.years, rng)),
            Surface.plain(Material.MOUTH, MOUTH_COLOR),
            Surface.painted(Material.TEETH, paint_teeth(teeth, rng), ENAMEL_TINT),
            Surface.painted(Material.TONGUE, self._mouth.tongue),
            Surface.dyed(Material.BEARD, self._strips, hair),
            Surface.dyed(Material.BROW, self._brows.paint(person, rng), brow_color(person, look.color, look.brow_tone)),
            Surface.dyed(Material.LASH, textures["eyelashes"][look.lashes], LASH_COLOR),
        )
        if look.style == SHAVED:
            return surfaces
        texture = self._strips if look.cut is not None else self._styles[look.style].texture
        return (*surfaces, Surface.dyed(Material.HAIR, texture, hair * HAIR_GAIN))

    def _paint_head(
        self, person: Person, look: Look, rng: np.random.Generator
    ) -> tuple[UInt8[np.ndarray, "h w 4"], UInt8[np.ndarray, "h w 2"]]:
        """Display colours of the head's skin, and its gloss and height."""
        hair, base = np.clip(person.hair_color, 0, 1) ** (1 / 2.2), look.color
        # The line is smooth: every second texel will do.
        coarse = look.hair_line.above(self._chart.azimuth[::2, ::2], self._chart.height[::2, ::2])
        height, width = self._chart.shape
        above = coarse.repeat(2, 0)[:height].repeat(2, 1)[:, :width]
        if look.style == SHAVED:
            roots, density, grain = np.clip(above / 0.14, 0, 1).astype(np.float32), rng.uniform(0.25, 0.8), 0.5
        elif look.cut is not None:
            roots, density, grain = np.clip(above / 0.14, 0, 1).astype(np.float32), 0.92, 0.3
        else:
            # Whatever the style leaves open far inside of the hair line is hair, too.
            inside = np.clip((above - 0.22) / 0.15, 0, 1).astype(np.float32)
            covered = self._covered[look.style] * np.clip((above + 0.03) / 0.12, 0, 1)
            roots, density, grain = np.maximum(covered, inside).astype(np.float32), 0.95, 0.15
        shaved = BRISTLES_SEEN * np.minimum(hair, 0.6 * base.mean()) + (1 - BRISTLES_SEEN) * 0.62 * base
        below_beard = 0.65 * hair if look.beard.length > 0 else shaved
        makeup, lines = look.makeup, face_lines(self.model, person, rng)
        layers = (
            (Region.BEARD, look.beard.stubble[0], 0.6, below_beard),
            (Region.MOUSTACHE, look.beard.stubble[1], 0.6, below_beard),
            (Region.GOATEE, look.beard.stubble[2], 0.6, below_beard),
            (Region.LIPS, makeup.lips, 0.0, makeup.lip_color),
            (Region.LIDS, makeup.lids, 0.0, makeup.lid_color),
            (Region.CHEEKS, makeup.cheeks, 0.0, base * ROUGE),
            (Region.LASH_LINE, 0.25 + 0.6 * makeup.liner, 0.0, LINER),
            (len(Region), density, grain, hair * 0.8 if look.style != SHAVED else shaved),
        )
        regions, amounts, grains, colors = zip(*layers, strict=True)
        dyes = PAINTED_SHARES[:, None] * region_dyes(person, lines, rng), PAINTED_NOISE * noise_dyes(person, rng)
        dyes[1][Noise.FRECKLES] = look.freckles * MELANIN
        offsets = (rng.random((len(Noise), 2)) * self._chart.shape).astype(np.int64)
        first, second = (self._skins[name] for name in look.skins)
        paint = Paint(np.array(regions), np.array(amounts), np.array(grains), np.array(colors))
        maps = self._maps
        head = blend_heads(first, second, look.share, base, maps, dyes, offsets, paint, roots, self._used)
        paint_marks(self._chart, person, head, rng)
        return head, emboss_skin(maps, person, lines, offsets, makeup.gloss * makeup.lips, rng)

    def _lash_mesh(self, proxy: Proxy, vertices: np.ndarray, place: Similarity) -> Mesh:
        """Lashes drawn in towards the rim of the lids: modelled ones are longer than real ones."""
        points, rim = proxy.fit(vertices), self.model.skin(vertices)[self._rim]
        nearest = rim[KDTree(rim).query(points)[1]]
        return _flat_mesh(proxy, nearest + LASH_LENGTH * (points - nearest), place, Material.LASH)

    def _on_chart(self, values: Float32[np.ndarray, " n"]) -> Float32[np.ndarray, "h w"]:
        """Values at the vertices of the skin -> map of the head chart of how far they are above 0.6, 0 to 1."""
        hit, weights = self._texels
        mine = values[self.model.triangles[self.model.chart == Chart.HEAD][np.maximum(hit, 0)]]
        spread = mine[..., 0] * weights[..., 0] + mine[..., 1] * weights[..., 1]
        spread += mine[..., 2] * (1 - weights.sum(2))
        return np.where(hit < 0, 0, np.clip((spread - 0.6) / 0.3, 0, 1)).astype(np.float32)


def _place_texels(
    model: HeadModel, shape: tuple[int, int]
) -> tuple[Int32[np.ndarray, "h w"], Float32[np.ndarray, "h w 2"]]:
    """Triangle of the head chart of each texel, -1 for none, and its first two barycentric coordinates."""
    height, width = shape
    corners = model.uvs[model.chart == Chart.HEAD].reshape(-1, 2)
    flat = np.stack([corners[:, 0] * width, (1 - corners[:, 1]) * height, np.ones(len(corners))], 1)
    triangles = np.arange(len(flat), dtype=np.int32).reshape(-1, 3)
    _, hit, weights = rasterize(np.ascontiguousarray(flat, dtype=np.float32), triangles, height, width)
    return hit, weights


def _flat_mesh(proxy: Proxy, points: np.ndarray, place: Similarity, material: Material) -> Mesh:
    """Cards that lie on the face: their normals look forward."""
    normals = vertex_normals(points, proxy.triangles)
    normals = normals * np.where(normals[:, 2:] < 0, -1, 1).astype(np.float32)
    return Mesh(
        points=place.points(points),
        normals=place.directions(normals),
        triangles=proxy.triangles,
        uvs=proxy.corner_uvs,
        materials=np.full(len(proxy.triangles), material, np.int32),
        reach=np.ones(len(points), np.float32),
    )
