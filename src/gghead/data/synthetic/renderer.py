"""Scenes of meshes -> colour, coverage and material of every pixel, with soft light and one shadow."""

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from jaxtyping import Float, Float32, Int32, UInt8

from gghead.data.synthetic.mesh_rasterizer import rasterize, shade


class Material(IntEnum):
    """What a surface is made of."""

    SKIN_HEAD = 0
    SKIN_BODY = 1
    CLOTH = 2
    EYE = 3
    MOUTH = 4
    HAIR = 5


GLOSS = np.array([[0.07, 14], [0.05, 12], [0.02, 8], [0.8, 200], [0.10, 30], [0.14, 22]])
"""Strength and exponent of the highlight of each material."""
WRAP = np.array([[0.38, 0.20, 0.12]] * 2 + [[0.1] * 3, [0.3] * 3, [0.2] * 3, [0.35] * 3])
"""How far diffuse light goes round the edge of light and shadow, per channel: red goes deep into skin."""
SHADOW_BIAS = 0.012
"""Along the light and along the normal, world units."""
SHADOW_EXTENT = 0.5
"""The shadow map covers this far from the world's origin, world units."""
SHADOW_CELLS = 1.0
"""Cells of the shadow map for each sample along the picture's side, up to the limits below."""
SHADOW_LIMITS = (192, 384)


@dataclass(frozen=True)
class Mesh:
    """Triangles with all that shading needs.

    Attributes:
        points: positions, world.
        normals: unit vectors, world.
        triangles: indices into points.
        uvs: texture coordinates of the corners, v up.
        materials: a `Material` for each triangle.
        reach: share of ambient light that reaches a vertex; above 1 for strands that are lighter than others.
        collar: height above the collar, decimetres; cloth is drawn where it is negative.
    """

    points: Float32[np.ndarray, "n 3"]
    normals: Float32[np.ndarray, "n 3"]
    triangles: Int32[np.ndarray, "m 3"]
    uvs: Float32[np.ndarray, "m 3 2"]
    materials: Int32[np.ndarray, " m"]
    reach: Float32[np.ndarray, " n"]
    collar: Float32[np.ndarray, " n"]

    @classmethod
    def empty(cls) -> "Mesh":
        """No triangles."""
        flat, corners = np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
        none = np.zeros(0, np.float32)
        return cls(flat, flat, corners, np.zeros((0, 3, 2), np.float32), none.astype(np.int32), none, none)

    @classmethod
    def joined(cls, parts: list["Mesh"]) -> "Mesh":
        """One mesh of all parts."""
        starts = np.cumsum([0] + [len(part.points) for part in parts[:-1]], dtype=np.int32)
        columns = {field.name: [getattr(part, field.name) for part in parts] for field in fields(cls)}
        columns["triangles"] = [part.triangles + start for part, start in zip(parts, starts, strict=True)]
        return cls(**{name: np.ascontiguousarray(np.concatenate(c), dtype=c[0].dtype) for name, c in columns.items()})


@dataclass(frozen=True)
class Surface:
    """Texture and tint of a material: display colours [h, w, 3] uint8 times a factor [3] in linear light."""

    material: Material
    texture: UInt8[np.ndarray, "h w 3"]
    tint: Float[np.ndarray, "3"]

    @classmethod
    def painted(cls, material: Material, texture: UInt8[np.ndarray, "h w 3"]) -> "Surface":
        """The colours of a texture."""
        return cls(material, texture, np.ones(3))

    @classmethod
    def plain(cls, material: Material, colour: np.ndarray) -> "Surface":
        """One colour, linear light [3]."""
        return cls(material, np.full((1, 1, 3), 255, np.uint8), np.asarray(colour, np.float64))


@dataclass(frozen=True)
class Scene:
    """A person in canonical head space.

    Attributes:
        solid: what is opaque.
        sheer: what is not: hair, brows, lashes; drawn in order of depth over the solid mesh.
        surfaces: one for each material, in their order.
    """

    solid: Mesh
    sheer: Mesh
    surfaces: tuple[Surface, ...]


@dataclass(frozen=True)
class Lighting:
    """Distant lights: unit directions towards them, linear colours, and a hemisphere from below and from above."""

    directions: Float[np.ndarray, "l 3"]
    colours: Float[np.ndarray, "l 3"]
    ambient_down: Float[np.ndarray, "3"]
    ambient_up: Float[np.ndarray, "3"]


@dataclass(frozen=True)
class View:
    """A rendered picture.

    Attributes:
        colour: display sRGB in [0, 1] of what is seen of the person; meaningless where coverage is 0.
        coverage: share of the pixel that the person covers, 0 to 1.
        material: `Material` + 1 of the sample in the pixel's middle, 0 for none.
    """

    colour: Float32[np.ndarray, "R R 3"]
    coverage: Float32[np.ndarray, "R R"]
    material: UInt8[np.ndarray, "R R"]


def random_lighting(rng: np.random.Generator) -> Lighting:
    """A key light in front, a weak light on the other side and a hemisphere."""
    azimuth, elevation, warm = rng.uniform(-1.1, 1.1), rng.uniform(0.15, 1.0), rng.normal(0, 0.05)
    other = -np.sign(azimuth) * rng.uniform(0.6, 2.2)
    directions = np.array(
        [
            [np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)],
            [np.sin(other), 0.2, np.cos(other)],
        ]
    )
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    key = rng.uniform(0.9, 1.6) * np.array([1 + warm, 1, 1 - warm])
    fill = rng.uniform(0.1, 0.5) * np.array([1 - warm, 1, 1 + warm])
    ambient = rng.uniform(0.35, 0.7)
    return Lighting(
        directions,
        np.stack([key, fill]),
        ambient * np.array([0.55, 0.5, 0.45]),
        ambient * np.array([0.95, 1, 1.08]),
    )


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
    side, mesh = resolution * supersampling, Mesh.joined([scene.solid, scene.sheer])
    _, hit, barycentric = rasterize(project(mesh.points, label, side), mesh.triangles, side, side)
    image, material = np.zeros((side, side, 4), np.float32), np.zeros((side, side), np.uint8)
    shade(
        (mesh.points, mesh.normals, np.stack([mesh.reach, mesh.collar], 1), mesh.triangles, mesh.uvs, mesh.materials),
        _look(scene.surfaces),
        (lighting.directions, lighting.colours, lighting.ambient_down, lighting.ambient_up),
        _shadow(mesh, lighting.directions[0], int(np.clip(side * SHADOW_CELLS, *SHADOW_LIMITS))),
        label[:16].reshape(4, 4)[:3, 3].astype(np.float64),
        hit,
        barycentric,
        image,
        material,
    )
    image[..., :3] = tone_map(image[..., :3])
    image = image.reshape(resolution, supersampling, resolution, supersampling, 4).mean((1, 3))
    middle = supersampling // 2
    coverage = image[..., 3]
    colour = image[..., :3] / np.maximum(coverage, 1e-6)[..., None]
    return View(colour, coverage, material[middle::supersampling, middle::supersampling].copy())


def project(
    points: Float32[np.ndarray, "n 3"], label: Float32[np.ndarray, "25"], side: int
) -> Float32[np.ndarray, "n 3"]:
    """World points -> pixel x, pixel y and camera depth, as `Cameras.from_labels` has it."""
    pose, intrinsics = label[:16].reshape(4, 4), label[16:].reshape(3, 3)
    local = (points - pose[:3, 3]) @ pose[:3, :3]
    homogeneous = local @ intrinsics.T
    pixels = homogeneous[:, :2] / homogeneous[:, 2:] * side
    return np.ascontiguousarray(np.concatenate([pixels, local[:, 2:]], 1), dtype=np.float32)


def tone_map(linear: Float32[np.ndarray, "*P 3"]) -> Float32[np.ndarray, "*P 3"]:
    """Linear light -> display values in [0, 1]; bright light is compressed gently."""
    exposed = np.maximum(linear, 0) * np.float32(0.95)
    return np.clip(exposed / (1 + exposed * np.float32(0.18)), 0, 1) ** np.float32(1 / 2.2)


def _look(surfaces: tuple[Surface, ...]) -> tuple[object, ...]:
    assert [surface.material for surface in surfaces] == list(Material), "one surface for each material, in order"
    textures = [surface.texture for surface in surfaces]
    sizes = [texture.shape[0] * texture.shape[1] for texture in textures]
    return (
        np.ascontiguousarray(np.concatenate([texture.reshape(-1, 3) for texture in textures])),
        np.cumsum([0, *sizes[:-1]]),
        np.array([texture.shape[1] for texture in textures]),
        np.array([texture.shape[0] for texture in textures]),
        np.array([surface.tint for surface in surfaces], np.float64),
        GLOSS,
        WRAP,
        int(Material.CLOTH),
    )


def _shadow(mesh: Mesh, direction: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Orthographic depth towards the light, the matrix [3, 4] from world into the map, and the bias."""
    forward = -direction
    right = np.cross(forward, [0, 1, 0.01])
    right /= np.linalg.norm(right)
    scale = size / (2 * SHADOW_EXTENT)
    down = np.cross(forward, right)
    rows = [np.append(right * scale, size / 2), np.append(down * scale, size / 2), np.append(forward, 2.0)]
    matrix = np.stack(rows)
    single = matrix.astype(np.float32)
    screen = mesh.points @ single[:, :3].T + single[:, 3]
    depth, _, _ = rasterize(np.ascontiguousarray(screen), mesh.triangles, size, size)
    return depth, matrix, SHADOW_BIAS
