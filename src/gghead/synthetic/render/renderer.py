"""Scenes of meshes -> colour, coverage, depth and material of every pixel, with soft light and one shadow."""

from dataclasses import dataclass, fields
from enum import IntEnum
from functools import cache

import numpy as np
from jaxtyping import Float, Float32, Int32, UInt8

from gghead.synthetic.render.lighting import Lighting
from gghead.synthetic.render.mesh_rasterizer import FAR, project as project_points, rasterize
from gghead.synthetic.render.shading import light_vertices, shade_solid
from gghead.synthetic.render.sheer_layers import TONE_LIMIT, TONE_STEPS, cast, composite, pool


class Material(IntEnum):
    """What a surface is made of."""

    SKIN_HEAD = 0
    SKIN_BODY = 1
    CLOTH = 2
    EYE = 3
    MOUTH = 4
    HAIR = 5
    TEETH = 6
    TONGUE = 7
    BROW = 8
    LASH = 9
    BEARD = 10
    GLASSES = 11
    HEADWEAR = 12
    LENS = 13
    JEWEL = 14


@dataclass(frozen=True)
class Finish:
    """How a material takes light.

    Attributes:
        gloss: strength and exponent of the highlight of a light, and strength of that of the surroundings at the rim.
        wrap: how far diffuse light goes round the edge of light and shadow, per channel: red goes deep into skin.
        inner: whether a sheer surface is a shell of hair: darker inside, fading where it is seen along its surface.
        casts: whether it casts a shadow.
        bump: height, in world units, of what is twice as bright above what is black.
    """

    gloss: tuple[float, float, float]
    wrap: tuple[float, float, float]
    inner: bool = False
    casts: bool = True
    bump: float = 0.0


_SKIN_WRAP = (0.32, 0.17, 0.10)
FINISHES = {
    Material.SKIN_HEAD: Finish((0.07, 14, 0.14), _SKIN_WRAP, bump=0.0022),
    Material.SKIN_BODY: Finish((0.05, 12, 0.12), _SKIN_WRAP),
    Material.CLOTH: Finish((0.01, 8, 0.06), (0.1, 0.1, 0.1)),
    Material.EYE: Finish((0.8, 200, 0.3), (0.3, 0.3, 0.3), casts=False),
    Material.MOUTH: Finish((0.10, 30, 0), (0.2, 0.2, 0.2), casts=False),
    Material.HAIR: Finish((0.045, 40, 0.03), (0.5, 0.5, 0.5), inner=True),
    Material.TEETH: Finish((0.15, 60, 0), (0.3, 0.3, 0.3), casts=False),
    Material.TONGUE: Finish((0.12, 30, 0), (0.3, 0.2, 0.2), casts=False),
    Material.BROW: Finish((0, 10, 0), (0.3, 0.3, 0.3), casts=False),
    Material.BEARD: Finish((0.03, 30, 0), (0.35, 0.35, 0.35)),
    Material.GLASSES: Finish((0.06, 20, 0.1), (0.2, 0.2, 0.2)),
    Material.LASH: Finish((0, 10, 0), (0.2, 0.2, 0.2), casts=False),
    Material.HEADWEAR: Finish((0.01, 8, 0.06), (0.12, 0.12, 0.12)),
    Material.LENS: Finish((2.5, 300, 1.2), (0.2, 0.2, 0.2), casts=False),
    Material.JEWEL: Finish((1.2, 40, 0.6), (0.1, 0.1, 0.1)),
}
SHADOW_BIAS = 0.012
"""Along the light and along the normal, world units."""
SHADOW_EXTENT = 0.5
"""The shadow map covers this far from the world's origin, world units."""
SHADOW_LIMITS = (192, 384)
"""Least and most cells along a side of the shadow map; between them, as many as samples."""


@dataclass(frozen=True)
class Mesh:
    """Triangles with all that shading needs.

    Attributes:
        points: positions, world.
        normals: unit vectors, world; those of sheer surfaces may face away from the viewer.
        triangles: indices into points; either way round.
        uvs: texture coordinates of the corners, v up, 0 to 1; what is outside has the colour of the border.
        materials: a `Material` for each triangle.
        reach: share of ambient light that reaches a vertex; above 1 for strands that are lighter than others.
        alpha: factor of the texture's alpha, 0 to 1; of no effect in a solid mesh. By default 1.
        tangents: unit vectors along strands of hair, for their highlights; 0, the default, for all else. Of no effect
            in a solid mesh.
    """

    points: Float32[np.ndarray, "n 3"]
    normals: Float32[np.ndarray, "n 3"]
    triangles: Int32[np.ndarray, "m 3"]
    uvs: Float32[np.ndarray, "m 3 2"]
    materials: Int32[np.ndarray, " m"]
    reach: Float32[np.ndarray, " n"]
    alpha: Float32[np.ndarray, " n"] | None = None
    tangents: Float32[np.ndarray, "n 3"] | None = None

    def __post_init__(self) -> None:
        if self.alpha is None:
            object.__setattr__(self, "alpha", np.ones(len(self.points), np.float32))
        if self.tangents is None:
            object.__setattr__(self, "tangents", np.zeros((len(self.points), 3), np.float32))

    @classmethod
    def empty(cls) -> "Mesh":
        """No triangles."""
        flat, corners = np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
        return cls(flat, flat, corners, np.zeros((0, 3, 2), np.float32), corners[:, 0], flat[:, 0])

    @classmethod
    def joined(cls, parts: list["Mesh"]) -> "Mesh":
        """One mesh of all parts."""
        starts = np.cumsum([0] + [len(part.points) for part in parts[:-1]], dtype=np.int32)
        columns = {field.name: [getattr(part, field.name) for part in parts] for field in fields(cls)}
        columns["triangles"] = [part.triangles + start for part, start in zip(parts, starts, strict=True)]
        return cls(**{name: np.ascontiguousarray(np.concatenate(c), dtype=c[0].dtype) for name, c in columns.items()})

    def _arrays(self) -> tuple[np.ndarray, ...]:
        assert self.tangents is not None, "filled when made"
        assert self.alpha is not None, "filled when made"
        columns = (self.points, self.normals, self.tangents, self.reach, self.alpha)
        return (*columns, self.triangles, self.uvs, self.materials)


@dataclass(frozen=True)
class Surface:
    """Texture and tint of a material.

    Attributes:
        material: what it is the surface of.
        texture: display colours and alpha, the colours not multiplied by alpha.
        tint: factor in linear light.
        recoloured: whether the texture gives only the luminance and the tint all of the colour. The albedo is then
            tint * (0.12 + 3.9 * luminance in linear light): the tint itself where the display value is about 130.
    """

    material: Material
    texture: UInt8[np.ndarray, "h w 4"]
    tint: Float[np.ndarray, "3"]
    recolored: bool = False

    @classmethod
    def painted(
        cls, material: Material, texture: UInt8[np.ndarray, "h w c"], tint: np.ndarray | float = 1.0
    ) -> "Surface":
        """The colours of a texture with 3 or 4 channels."""
        return cls(material, with_alpha(texture), np.broadcast_to(np.asarray(tint, np.float64), 3))

    @classmethod
    def dyed(cls, material: Material, texture: UInt8[np.ndarray, "h w c"], color: np.ndarray) -> "Surface":
        """The luminance of a texture with 3 or 4 channels in a colour, linear light [3]."""
        return cls(material, with_alpha(texture), np.asarray(color, np.float64), recolored=True)

    @classmethod
    def plain(cls, material: Material, color: np.ndarray) -> "Surface":
        """One colour, linear light [3]."""
        return cls(material, np.full((1, 1, 4), 255, np.uint8), np.asarray(color, np.float64))


@dataclass(frozen=True)
class Scene:
    """A person in canonical head space.

    Attributes:
        solid: what is opaque, whatever the alpha of its textures.
        sheer: what is not: hair, brows, lashes; drawn in order of depth over the solid mesh.
        surfaces: at most one for each material, in any order; a material without one is white.
    """

    solid: Mesh
    sheer: Mesh
    surfaces: tuple[Surface, ...]


@dataclass(frozen=True)
class View:
    """A rendered picture.

    Samples of a pixel that see half-transparent layers count for the layer with which coverage from the front passes
    one half, or for nothing if it never does.

    Attributes:
        colour: display sRGB in [0, 1] of what is seen of the person; meaningless where coverage is 0.
        coverage: share of the pixel that the person covers, 0 to 1.
        material: `Material` + 1 of most samples of the pixel, 0 for nothing; the larger number wins a tie.
        depth: mean distance of the samples that have this material from the camera's plane, along the viewing axis,
            world units; 0 where `material` is 0, so that silhouettes are neither fat nor thin.
    """

    color: Float32[np.ndarray, "R R 3"]
    coverage: Float32[np.ndarray, "R R"]
    material: UInt8[np.ndarray, "R R"]
    depth: Float32[np.ndarray, "R R"]


def render(
    scene: Scene, label: Float32[np.ndarray, "25"], resolution: int, lighting: Lighting, supersampling: int
) -> View:
    """One view of a person.

    Args:
        scene: the person.
        label: camera label as in a dataset.
        resolution: side of the picture in pixels.
        lighting: the lights.
        supersampling: samples along the side of a pixel.
    """
    side, look, solid, sheer = resolution * supersampling, _look(scene.surfaces), scene.solid, scene.sheer
    eye = label[:16].reshape(4, 4)[:3, 3].astype(np.float64)
    lights = (lighting.directions, lighting.colors, lighting.ambient_down, lighting.ambient_up, eye)
    shadow = _shadow(scene, look, lighting.directions[0], int(np.clip(side, *SHADOW_LIMITS)))
    depth, hit, barycentric = rasterize(project(solid.points, label, side), solid.triangles, side, side)
    image = np.empty((side, side, 3), np.float32)
    shade_solid(solid._arrays(), look, lights, shadow, supersampling, hit, barycentric, depth, image)
    owner = np.zeros(len(sheer.points), np.int32)
    owner[sheer.triangles] = sheer.materials[:, None]
    light = light_vertices(sheer._arrays(), look, lights, shadow, owner)
    samples, sample_depth = np.zeros((side, side, 4), np.float32), np.zeros((side, side), np.float32)
    sample_material = np.zeros((side, side), np.uint8)
    screen = project(sheer.points, label, side)
    composite(
        screen,
        np.argsort(screen[sheer.triangles, 2].min(1), kind="stable"),
        eye,
        sheer._arrays(),
        look,
        light,
        depth,
        hit,
        solid.materials,
        image,
        _tone_table(),
        samples,
        sample_depth,
        sample_material,
    )
    pixels = np.zeros((resolution, resolution, 4), np.float32)
    pixel_depth = np.zeros((resolution, resolution), np.float32)
    material = np.zeros((resolution, resolution), np.uint8)
    pool(samples, sample_depth, sample_material, supersampling, pixels, pixel_depth, material)
    coverage = np.minimum(pixels[..., 3], 1)
    color = np.minimum(pixels[..., :3] / np.maximum(coverage, 1e-6)[..., None], 1)
    return View(color, coverage, material, pixel_depth)


def project(
    points: Float32[np.ndarray, "n 3"], label: Float32[np.ndarray, "25"], side: int
) -> Float32[np.ndarray, "n 3"]:
    """World points -> pixel x, pixel y and camera depth, as `Cameras.from_labels` has it."""
    pose, intrinsics = label[:16].reshape(4, 4).astype(np.float64), label[16:].reshape(3, 3).astype(np.float64)
    return project_points(points, pose, intrinsics, side)


def tone_map(linear: Float32[np.ndarray, "*P"]) -> Float32[np.ndarray, "*P"]:
    """Linear light -> display values in [0, 1]; what is brighter than 0.6 is compressed, so that nothing clips."""
    exposed = np.maximum(linear, 0)
    knee = np.float32(0.6)
    bright = knee + (1 - knee) * (1 - np.exp(-np.maximum(exposed - knee, 0) / (1 - knee)))
    return np.where(exposed < knee, exposed, bright) ** np.float32(1 / 2.2)


def with_alpha(texture: UInt8[np.ndarray, "h w c"]) -> UInt8[np.ndarray, "h w 4"]:
    """A texture with 3 channels gets full alpha; one with 4 stays."""
    if texture.shape[2] == 4:
        return texture
    return np.concatenate([texture, np.full((*texture.shape[:2], 1), 255, np.uint8)], 2)


@cache
def _tone_table() -> np.ndarray:
    """Display values as `sheer_layers` looks them up."""
    return tone_map(((np.arange(TONE_STEPS) / (TONE_STEPS - 1)) ** 2 * TONE_LIMIT).astype(np.float32))


def _look(surfaces: tuple[Surface, ...]) -> tuple[np.ndarray, ...]:
    """What shading.py needs of the materials."""
    given = {surface.material: surface for surface in surfaces}
    assert len(given) == len(surfaces), "at most one surface for each material"
    every = [given.get(material) or Surface.plain(material, np.ones(3)) for material in Material]
    finishes = [FINISHES[material] for material in Material]
    textures = [surface.texture for surface in every]
    sizes = [texture.shape[0] * texture.shape[1] for texture in textures]
    return (
        np.concatenate([texture.reshape(-1, 4) for texture in textures]),
        np.cumsum([0, *sizes[:-1]]),
        np.array([texture.shape[1] for texture in textures]),
        np.array([texture.shape[0] for texture in textures]),
        np.array([surface.tint for surface in every], np.float64),
        np.array([surface.recolored for surface in every]),
        (np.arange(256, dtype=np.float64) / 255) ** 2.2,
        np.array([finish.gloss for finish in finishes], np.float64),
        np.array([finish.wrap for finish in finishes], np.float64),
        np.array([finish.inner for finish in finishes]),
        np.array([finish.casts for finish in finishes]),
        np.array([finish.bump for finish in finishes], np.float64),
    )


def _shadow(
    scene: Scene, look: tuple[np.ndarray, ...], direction: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Orthographic depth towards the light, the matrix [3, 4] from world into the map, and the bias."""
    forward = -direction
    right = np.cross(forward, [0, 1, 0.01])
    right /= np.linalg.norm(right)
    scale = size / (2 * SHADOW_EXTENT)
    down = np.cross(forward, right)
    rows = [np.append(right * scale, size / 2), np.append(down * scale, size / 2), np.append(forward, 2.0)]
    matrix = np.stack(rows)
    depth = np.full((size, size), FAR, np.float32)
    for mesh, sheer in ((scene.solid, False), (scene.sheer, True)):
        cast(_into(matrix, mesh.points), mesh._arrays(), look, sheer, depth)
    return depth, matrix, SHADOW_BIAS


def _into(matrix: np.ndarray, points: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
    """Points times a matrix [3, 4], column by column: the same bits on any machine."""
    columns = [points[:, :1] * matrix[:, 0], points[:, 1:2] * matrix[:, 1], points[:, 2:] * matrix[:, 2]]
    return ((columns[0] + columns[1]) + (columns[2] + matrix[:, 3])).astype(np.float32)
