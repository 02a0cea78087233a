"""Scenes of meshes -> colour, coverage, depth and material of every pixel, with soft light and one shadow."""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float, Float32, Int32, UInt8

from gghead.synthetic.render.finishes import FINISHES, Material as Material, finish_arrays
from gghead.synthetic.render.lighting import Lighting
from gghead.synthetic.render.mesh_rasterizer import FAR, project as project_points, rasterize
from gghead.synthetic.render.shading import light_vertices, shade_solid
from gghead.synthetic.render.shadows import shadow_matrix, shadow_of
from gghead.synthetic.render.sheer_layers import cast, composite, in_view, pool
from gghead.synthetic.render.textures import DETAIL
from gghead.synthetic.render.tone import tone_table
from gghead.synthetic.render.visibility import CELL, curvatures, exposure_of_vertices, points_on

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
        reach: share of ambient light that folds, too small for the renderer to find, let through to a vertex; above 1
            for strands that are lighter than others.
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
        detail: gloss (128 = as the material, 255 = twice as much) and height (128 = level, 127 steps = `RELIEF` of
            textures.py) of each texel of a solid surface; None for even ones.
    """

    material: Material
    texture: UInt8[np.ndarray, "h w 4"]
    tint: Float[np.ndarray, "3"]
    recolored: bool = False
    detail: UInt8[np.ndarray, "h w 2"] | None = None

    @classmethod
    def painted(
        cls,
        material: Material,
        texture: UInt8[np.ndarray, "h w c"],
        tint: np.ndarray | float = 1.0,
        detail: UInt8[np.ndarray, "h w 2"] | None = None,
    ) -> "Surface":
        """The colours of a texture with 3 or 4 channels, and gloss and height."""
        return cls(material, with_alpha(texture), np.broadcast_to(np.asarray(tint, np.float64), 3), detail=detail)

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
    eye, finish = label[:16].reshape(4, 4)[:3, 3].astype(np.float64), finish_arrays()
    lights = _lights(lighting, eye)
    shadow = _shadow(scene, look, lighting, int(np.clip(side, *SHADOW_LIMITS)))
    depth, hit, barycentric = rasterize(project(solid.points, label, side), solid.triangles, side, side)
    screen = project(sheer.points, label, side)
    shown = in_view(screen, sheer.triangles, depth)
    solid_used, sheer_used = _used(solid, _hit(solid, hit)), _used(sheer, shown)
    around_solid, around_sheer = _exposed(scene, look, lights, solid_used, sheer_used)
    image = np.empty((side, side, 3), np.float32)
    shade_solid(
        solid._arrays(), look, finish, lights, shadow, around_solid, supersampling, hit, barycentric, depth, image
    )
    owner = np.zeros(len(sheer.points), np.int32)
    owner[sheer.triangles] = sheer.materials[:, None]
    light = light_vertices(sheer._arrays(), look, finish, lights, shadow, around_sheer, owner, sheer_used)
    samples, sample_depth = np.zeros((side, side, 4), np.float32), np.zeros((side, side), np.float32)
    sample_material = np.zeros((side, side), np.uint8)
    sequence = np.flatnonzero(shown)
    composite(
        screen,
        sequence[np.argsort(screen[sheer.triangles[sequence], 2].min(1), kind="stable")],
        eye,
        sheer._arrays(),
        look,
        light,
        depth,
        hit,
        solid.materials,
        image,
        tone_table(),
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


def with_alpha(texture: UInt8[np.ndarray, "h w c"]) -> UInt8[np.ndarray, "h w 4"]:
    """A texture with 3 channels gets full alpha; one with 4 stays."""
    if texture.shape[2] == 4:
        return texture
    return np.concatenate([texture, np.full((*texture.shape[:2], 1), 255, np.uint8)], 2)


def _look(surfaces: tuple[Surface, ...]) -> tuple[np.ndarray, ...]:
    """What shading.py needs of the materials."""
    given = {surface.material: surface for surface in surfaces}
    assert len(given) == len(surfaces), "at most one surface for each material"
    every = [given.get(material) or Surface.plain(material, np.ones(3)) for material in Material]
    textures = [surface.texture for surface in every]
    sizes = [texture.shape[0] * texture.shape[1] for texture in textures]
    details = [surface.detail for surface in every if surface.detail is not None]
    places, begin, detail_begin = np.zeros((len(every), 7), np.int64), 0, 0
    for place, surface, size in zip(places, every, sizes, strict=True):
        finish, detail = FINISHES[surface.material], surface.detail
        place[:] = begin, *surface.texture.shape[1::-1], surface.recolored, -1, finish.inner, finish.casts
        begin += size
        if detail is not None:
            assert detail.shape[:2] == surface.texture.shape[:2], "a detail map is as large as its texture"
            place[DETAIL] = detail_begin
            detail_begin += size
    return (
        np.concatenate([texture.reshape(-1, 4) for texture in textures]),
        places,
        np.array([surface.tint for surface in every], np.float64),
        (np.arange(256, dtype=np.float64) / 255) ** 2.2,
        np.concatenate([np.zeros((0, 2), np.uint8), *(detail.reshape(-1, 2) for detail in details)]),
    )


def _lights(lighting: Lighting, eye: np.ndarray) -> tuple[np.ndarray, ...]:
    """What reflectance.py needs of the light."""
    sources = np.concatenate([lighting.directions, lighting.colors, lighting.radii[:, None]], 1)
    view = np.array([np.cos(lighting.turn), np.sin(lighting.turn), *lighting.gain, *eye])
    return sources, lighting.ambient, lighting.reflections, view


def _exposed(
    scene: Scene,
    look: tuple[np.ndarray, ...],
    lights: tuple[np.ndarray, ...],
    solid_used: np.ndarray,
    sheer_used: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """What light reaches the vertices of both meshes that are seen, and the curvature of the solid one."""
    solid, sheer = scene.solid, scene.sheer
    casts = np.array([FINISHES[material].casts for material in Material])
    blockers = solid.points[_used(solid, casts[solid.materials])], points_on(sheer._arrays(), look, 1.4 * CELL)
    meshes = (solid.points, solid.normals, solid_used), (sheer.points, sheer.normals, sheer_used)
    around_solid, around_sheer = exposure_of_vertices(blockers, meshes, lights)
    around_solid[:, 3] = curvatures(solid.points, solid.normals, solid.triangles)
    return around_solid, around_sheer


def _hit(mesh: Mesh, hit: np.ndarray) -> np.ndarray:
    """Whether each triangle is seen [m], by the triangles of the samples [h, w]."""
    seen = np.zeros(len(mesh.triangles), bool)
    seen[hit[hit >= 0]] = True
    return seen


def _used(mesh: Mesh, triangles: np.ndarray) -> np.ndarray:
    """Vertices of chosen triangles [m], in order."""
    used = np.zeros(len(mesh.points), bool)
    used[mesh.triangles[triangles]] = True
    return np.flatnonzero(used).astype(np.int32)


def _shadow(
    scene: Scene, look: tuple[np.ndarray, ...], lighting: Lighting, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """What shadows.py needs to shade by the first light; nothing is shaded if there is none."""
    depth = np.full((size, size), FAR, np.float32)
    if not len(lighting.directions):
        return shadow_of(depth, np.eye(3, 4), 0.0)
    matrix = shadow_matrix(lighting.directions[0], size)
    for mesh, sheer in ((scene.solid, False), (scene.sheer, True)):
        screen = _into(matrix, mesh.points)
        # Hair that the head hides from the light shades nothing beside it.
        chosen = in_view(screen, mesh.triangles, depth) if sheer else np.ones(len(mesh.triangles), bool)
        cast(screen, np.flatnonzero(chosen), mesh._arrays(), look, sheer, depth)
    return shadow_of(depth, matrix, float(lighting.radii[0]))


def _into(matrix: np.ndarray, points: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
    """Points times a matrix [3, 4], column by column: the same bits on any machine."""
    columns = [points[:, :1] * matrix[:, 0], points[:, 1:2] * matrix[:, 1], points[:, 2:] * matrix[:, 2]]
    return ((columns[0] + columns[1]) + (columns[2] + matrix[:, 3])).astype(np.float32)
