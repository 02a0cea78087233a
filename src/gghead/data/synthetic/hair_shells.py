"""Modelled hair: shells and cards with textures, made to lie off the face, with the direction of their strands.

Lengths are decimetres.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int32, UInt8
from scipy.ndimage import gaussian_filter

from gghead.data.synthetic.asset_pack import Proxy
from gghead.data.synthetic.head_model import HeadModel, Similarity
from gghead.data.synthetic.mesh_rasterizer import FAR, exact, vertex_normals
from gghead.data.synthetic.renderer import Material, Mesh

SKULL_CENTRE = np.array([0.0, 7.5, 0.45], np.float32)
"""Of the neutral head: hair has its outside away from here."""
ROUNDNESS = 0.45
"""Share of the direction away from the skull in the normals: the facets of a shell disappear."""
OCCLUSION_LIGHTS, OCCLUSION_CELLS = 64, 160
OCCLUSION_EXTENT = 2.2
"""Ambient light is measured with so many parallel lights on maps of so many cells and half of this size."""
OCCLUSION_BIAS = 0.06


@dataclass(frozen=True)
class HairStyle:
    """A style on the neutral head, ready to be worn.

    Attributes:
        proxy: its geometry.
        texture: luminance and alpha.
        tangents: of its strands at the vertices; unit vectors.
        alpha: at the vertices; 0 where the hair would hide the eyes.
        reach: ambient light at its vertices, 0 to 1.
        skin_reach: the same at the vertices of the skin below it, as a share of that without hair.
    """

    proxy: Proxy
    texture: UInt8[np.ndarray, "h w 4"]
    tangents: Float32[np.ndarray, "n 3"]
    alpha: Float32[np.ndarray, " n"]
    reach: Float32[np.ndarray, " n"]
    skin_reach: Float32[np.ndarray, " s"]


def prepare(model: HeadModel, proxy: Proxy, texture: UInt8[np.ndarray, "h w 4"]) -> HairStyle:
    """Measures a style on the neutral head."""
    base = model.morph(np.zeros(model.target_count, np.float32))
    points, skin = proxy.fit(base), model.skin(base)
    grey = even_luminance(texture)
    normals = vertex_normals(skin, model.triangles)
    outward = _outward(points, proxy.triangles)
    bare = _open_sky(skin, normals, [(skin, model.triangles)])
    both = [(skin, model.triangles), (points, proxy.triangles)]
    covered = _open_sky(skin, normals, both)
    return HairStyle(
        proxy=proxy,
        texture=grey,
        tangents=_tangents(proxy, points, grey),
        alpha=np.ones(len(points), np.float32),
        reach=(0.3 + 0.7 * _open_sky(points, outward, both)).astype(np.float32),
        skin_reach=np.clip((covered + 0.05) / (bare + 0.05), 0, 1).astype(np.float32),
    )


def hair_mesh(
    style: HairStyle,
    vertices: Float32[np.ndarray, "v 3"],
    place: Similarity,
    mirrored: bool,
    stretch: Float[np.ndarray, "3"],
) -> Mesh:
    """The hair of a person with these base-mesh vertices.

    Args:
        style: what the hair is like.
        vertices: of the base mesh, without expression.
        place: the person's place.
        mirrored: whether left and right are exchanged.
        stretch: factors of the hair's size along the axes, away from the middle of the skull.
    """
    flip = np.array([-1 if mirrored else 1, 1, 1], np.float32)
    points = SKULL_CENTRE + (style.proxy.fit(vertices) * flip - SKULL_CENTRE) * stretch.astype(np.float32)
    triangles = style.proxy.triangles
    return Mesh(
        points=place.points(points),
        normals=place.directions(_outward(points, triangles)),
        triangles=triangles,
        uvs=style.proxy.corner_uvs,
        materials=np.full(len(triangles), Material.HAIR, np.int32),
        reach=style.reach,
        alpha=style.alpha,
        tangents=place.directions(style.tangents * flip),
    )


def even_luminance(texture: UInt8[np.ndarray, "h w 4"]) -> UInt8[np.ndarray, "h w 4"]:
    """A grey texture whose opaque texels have the median 118 and a moderate contrast; alpha stays."""
    grey = texture[..., :3].astype(np.float32) @ np.array([0.3, 0.55, 0.15], np.float32)
    opaque = texture[..., 3] > 128
    median = max(float(np.median(grey[opaque])), 1.0)
    contrast = np.clip(0.45 / max(float(np.log(np.maximum(grey[opaque], 1) / median).std()), 0.05), 0.7, 1.6)
    out = np.empty_like(texture)
    out[..., :3] = np.clip(118 * (np.maximum(grey, 1) / median) ** contrast, 12, 250)[..., None]
    out[..., 3] = texture[..., 3]
    return out


def _outward(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Normals that point away from the skull."""
    radial = points - SKULL_CENTRE
    radial /= np.linalg.norm(radial, axis=1, keepdims=True) + 1e-6
    normals = vertex_normals(points, triangles)
    normals = normals * np.where((normals * radial).sum(1, keepdims=True) < 0, -1, 1)
    normals = normals * (1 - ROUNDNESS) + radial * ROUNDNESS
    return (normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32)


def _tangents(proxy: Proxy, points: np.ndarray, texture: np.ndarray) -> Float32[np.ndarray, "n 3"]:
    """Direction of the strands at the vertices: across the texture's strongest changes, by its structure tensor."""
    grey = texture[..., 0].astype(np.float32) * (texture[..., 3] / np.float32(255))
    dv, du = np.gradient(gaussian_filter(grey, 1.0))
    spread = len(grey) / 64
    uu, vv, uv = (gaussian_filter(product, spread) for product in (du * du, dv * dv, du * dv))
    turn = 0.5 * np.arctan2(2 * uv, uu - vv) + np.pi / 2  # of the strands, in texels with v down
    corners, uvs = points[proxy.triangles], proxy.corner_uvs
    middle = uvs.mean(1)
    column = np.clip((middle[:, 0] * grey.shape[1]).astype(int), 0, grey.shape[1] - 1)
    row = np.clip(((1 - middle[:, 1]) * grey.shape[0]).astype(int), 0, grey.shape[0] - 1)
    along = np.stack([np.cos(turn[row, column]), -np.sin(turn[row, column])], 1)
    edges, steps = corners[:, 1:] - corners[:, :1], uvs[:, 1:] - uvs[:, :1]
    size = steps[:, 0, 0] * steps[:, 1, 1] - steps[:, 0, 1] * steps[:, 1, 0]
    first = (along[:, 0] * steps[:, 1, 1] - along[:, 1] * steps[:, 1, 0]) / np.where(np.abs(size) < 1e-12, 1, size)
    second = (along[:, 1] * steps[:, 0, 0] - along[:, 0] * steps[:, 0, 1]) / np.where(np.abs(size) < 1e-12, 1, size)
    strands = edges[:, 0] * first[:, None] + edges[:, 1] * second[:, None]
    strands /= np.linalg.norm(strands, axis=1, keepdims=True) + 1e-9
    # A strand has no sign: the one with the most of the middle direction of its tensor is found for each vertex.
    tensor = np.zeros((len(points), 3, 3))
    for k in range(3):
        np.add.at(tensor, proxy.triangles[:, k], strands[:, :, None] * strands[:, None, :])
    _, vectors = np.linalg.eigh(tensor)
    return vectors[:, :, 2].astype(np.float32)


def _open_sky(
    points: Float32[np.ndarray, "n 3"],
    normals: Float32[np.ndarray, "n 3"],
    meshes: list[tuple[Float32[np.ndarray, "v 3"], Int32[np.ndarray, "m 3"]]],
) -> Float32[np.ndarray, " n"]:
    """Share of the light from everywhere that reaches points in spite of meshes, weighted by the cosine."""
    turns = np.arange(OCCLUSION_LIGHTS) * np.pi * (3 - 5**0.5)
    heights = 1 - (2 * np.arange(OCCLUSION_LIGHTS) + 1) / OCCLUSION_LIGHTS
    seen, total = np.zeros(len(points)), np.full(len(points), 1e-3)
    for turn, height in zip(turns, heights, strict=True):
        wide = np.sqrt(1 - height * height)
        light = np.array([wide * np.cos(turn), height, wide * np.sin(turn)])
        right = np.cross(light, [0, 1, 0.01])
        right /= np.linalg.norm(right)
        frame = np.stack([right, np.cross(light, right), -light])
        scale = np.array([OCCLUSION_CELLS / (2 * OCCLUSION_EXTENT)] * 2 + [1])
        shift = np.array([OCCLUSION_CELLS / 2, OCCLUSION_CELLS / 2, 10])

        def to_map(
            values: np.ndarray, frame: np.ndarray = frame, scale: np.ndarray = scale, shift: np.ndarray = shift
        ) -> np.ndarray:
            return np.ascontiguousarray((values - SKULL_CENTRE) @ frame.T * scale + shift, dtype=np.float32)

        depth = np.full((OCCLUSION_CELLS, OCCLUSION_CELLS), FAR, np.float32)
        for corners, triangles in meshes:
            _nearest(to_map(corners), triangles, depth)
        mine = to_map(points)
        column, row = (np.clip(mine[:, k].astype(int), 0, OCCLUSION_CELLS - 1) for k in (0, 1))
        cosine = np.maximum(0, normals @ light)
        seen += (mine[:, 2] < depth[row, column] + OCCLUSION_BIAS) * cosine
        total += cosine
    return (seen / total).astype(np.float32)


@exact
def _nearest(screen, triangles, depth):
    """Depth of a mesh in a parallel projection, in place; coarse: a cell belongs to a triangle's box of cells."""
    size = depth.shape[0]
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, z0 = screen[a, 0], screen[a, 1], screen[a, 2]
        x1, y1, z1 = screen[b, 0], screen[b, 1], screen[b, 2]
        x2, y2, z2 = screen[c, 0], screen[c, 1], screen[c, 2]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0:
            continue
        left, right = max(0, int(min(x0, x1, x2) - 0.5)), min(size - 1, int(max(x0, x1, x2) + 0.5))
        top, bottom = max(0, int(min(y0, y1, y2) - 0.5)), min(size - 1, int(max(y0, y1, y2) + 0.5))
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                px, py = x + np.float32(0.5), y + np.float32(0.5)
                w0 = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) / area
                w1 = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) / area
                w2 = 1 - w0 - w1
                if w0 < 0 or w1 < 0 or w2 < 0:
                    continue
                depth[y, x] = min(depth[y, x], w0 * z0 + w1 * z1 + w2 * z2)
