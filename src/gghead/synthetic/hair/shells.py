"""Modelled hair: shells and cards with textures, made to lie off the face, with the direction of their strands.

Lengths are decimetres.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int32, Int64, UInt8
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from gghead.synthetic.anatomy.asset_pack import Proxy
from gghead.synthetic.anatomy.head_model import HeadModel, Similarity
from gghead.synthetic.hair.low_pass import low_pass
from gghead.synthetic.render.mesh_rasterizer import FAR, exact, vertex_normals
from gghead.synthetic.render.renderer import Material, Mesh

SKULL_CENTER = np.array([0.0, 7.5, 0.45], np.float32)
"""Of the neutral head: hair has its outside away from here."""
ROUNDNESS = 0.45
"""Share of the direction away from the skull in the normals: the facets of a shell disappear."""
ARCH, ARCH_FOOT, ARCH_ROOM = (0.66, 0.68), 6.95, 1.3
"""The arch over the face that stays free of hair: half its width, its height, where it begins, and how far outside of
it, in its own size, hair makes room for what was inside."""
HIDING, EYE_DEPTH = 0.8, 1.0
"""A style hides an eye if it has points so far inside of the arch, in its own size, and in front of this depth (z)."""
FACE_DEPTH = 0.75
"""What lies behind this depth (z) is not in front of the face."""
COARSE_SHARE, STRAND_CONTRAST = 0.35, 0.3
"""How much of a texture's painted light is kept, and the standard deviation of the logarithm of its luminance."""
MIN_LINE_SHARE = 1 / 200
"""Lines of alpha of this share of the texture's side vanish."""
OCCLUSION_LIGHTS, OCCLUSION_CELLS = 48, 112
OCCLUSION_EXTENT = 2.2
"""Ambient light is measured with so many parallel lights on maps of so many cells and half of this size."""
OCCLUSION_BIAS = 0.06
LEAST_GAP, MOST_GAP, NEAR = 0.02, 0.06, 0.5
"""Hair keeps a distance between the first two from the skin; what is farther than the third from its root is free."""
LYING, SLACK = 0.16, 0.03
"""Hair that is nearer than the first to the neutral skin lies on any skin as close, give or take the second."""


@dataclass(frozen=True)
class HairStyle:
    """A style on the neutral head, ready to be worn.

    Attributes:
        proxy: its geometry.
        texture: luminance and alpha.
        tangents: of its strands at the vertices; unit vectors.
        shift: of the vertices, so that no strand hangs over the eyes; decimetres.
        roots: the vertex of the skin nearest to each vertex.
        gaps: how far each vertex is outside of the skin there, decimetres.
        reach: ambient light at its vertices, 0 to 1.
        skin_reach: the same at the vertices of the skin below it, as a share of that without hair.
    """

    proxy: Proxy
    texture: UInt8[np.ndarray, "h w 4"]
    tangents: Float32[np.ndarray, "n 3"]
    shift: Float32[np.ndarray, "n 3"]
    roots: Int64[np.ndarray, " n"]
    gaps: Float32[np.ndarray, " n"]
    reach: Float32[np.ndarray, " n"]
    skin_reach: Float32[np.ndarray, " s"]


def prepare(sky: "Sky", proxy: Proxy, texture: UInt8[np.ndarray, "h w 4"]) -> HairStyle:
    """Measures a style on the neutral head."""
    points, gray = proxy.fit(sky.base), even_luminance(texture)
    shift = swept_aside(points, sky.skin) - points
    points = points + shift
    roots = np.asarray(KDTree(sky.skin).query(points)[1])
    gaps = ((points - sky.skin[roots]) * sky.normals[roots]).sum(1)
    reach, covered = sky.open_below(points, _outward(points, proxy.triangles), proxy, gray)
    return HairStyle(
        proxy=proxy,
        texture=gray,
        tangents=_tangents(proxy, points, gray),
        shift=shift,
        roots=roots,
        gaps=gaps.astype(np.float32),
        reach=0.5 + 0.5 * reach,
        skin_reach=np.clip((covered + 0.05) / (sky.bare + 0.05), 0, 1).astype(np.float32),
    )


def hair_mesh(
    style: HairStyle,
    vertices: Float32[np.ndarray, "v 3"],
    skin: Float32[np.ndarray, "s 3"],
    place: Similarity,
    mirrored: bool,
    stretch: Float[np.ndarray, "3"],
    skin_triangles: Int32[np.ndarray, "m 3"],
) -> Mesh:
    """The hair of a person.

    Args:
        style: what the hair is like.
        vertices: of the base mesh, without expression.
        skin: vertices of the skin, with expression.
        place: the person's place.
        mirrored: whether left and right are exchanged.
        stretch: factors of the hair's size along the axes, away from the middle of the skull.
        skin_triangles: of the skin.
    """
    flip = np.array([-1 if mirrored else 1, 1, 1], np.float32)
    points = style.proxy.fit(vertices) + style.shift
    points = SKULL_CENTER + (points - SKULL_CENTER) * stretch.astype(np.float32)
    # A mirrored style sits on the mirrored head; both are turned back afterwards.
    head = skin * flip
    triangles = skin_triangles[:, ::-1] if mirrored else skin_triangles
    normals = vertex_normals(head, np.ascontiguousarray(triangles))[style.roots]
    gaps = ((points - head[style.roots]) * normals).sum(1)
    near = np.linalg.norm(points - head[style.roots], axis=1) < NEAR
    least = np.clip(style.gaps, LEAST_GAP, MOST_GAP)
    most = np.where(style.gaps < LYING, np.maximum(style.gaps, least) + SLACK, np.inf)
    points = points + normals * ((np.clip(gaps, least, most) - gaps) * near)[:, None]
    points = points * flip
    own = style.proxy.triangles
    return Mesh(
        points=place.points(points),
        normals=place.directions(_outward(points, own)),
        triangles=own,
        uvs=style.proxy.corner_uvs,
        materials=np.full(len(own), Material.HAIR, np.int32),
        reach=style.reach,
        tangents=place.directions(style.tangents * flip),
    )


def swept_aside(points: Float32[np.ndarray, "n 3"], skin: Float32[np.ndarray, "s 3"]) -> Float32[np.ndarray, "n 3"]:
    """Hair of the neutral head [n, 3] with what hangs over its face pushed to the temples and up to the forehead.

    Points in front of an arch over brows and eyes move away from its middle until they are on its edge, and lie on the
    skin there; what is near its edge makes room. Styles that leave the eyes free stay as they are.
    """
    x, rise = points[:, 0] / ARCH[0], np.maximum(points[:, 1] - ARCH_FOOT, 0) / ARCH[1] + 1e-3
    radius = np.hypot(x, rise)
    if not ((radius < HIDING) & (points[:, 2] > EYE_DEPTH)).any():
        return points
    inside = np.clip((points[:, 2] - FACE_DEPTH) / 0.2, 0, 1) * (radius < ARCH_ROOM)
    factor = (1 + radius * (ARCH_ROOM - 1) / ARCH_ROOM) / radius
    moved = points.copy()
    moved[:, 0] *= factor
    moved[:, 1] = np.where(points[:, 1] > ARCH_FOOT, ARCH_FOOT + (points[:, 1] - ARCH_FOOT) * factor, points[:, 1])
    front = skin[skin[:, 2] > 0.3]
    tree = KDTree(front[:, :2])
    before, after = (front[tree.query(where[:, :2])[1], 2] for where in (points, moved))
    moved[:, 2] = after + np.clip(points[:, 2] - before, 0.03, 0.14)
    return (points + (moved - points) * inside[:, None]).astype(np.float32)


def even_luminance(texture: UInt8[np.ndarray, "h w 4"]) -> UInt8[np.ndarray, "h w 4"]:
    """A grey texture whose opaque texels have the median 118: strands stay, painted light and shadow go.

    The renderer makes its own light, so that only what is finer than a fifteenth of the texture is kept in full. Lines
    of alpha that are thinner than a strand, borders of the pictures, become clear.
    """
    gray = np.log(np.maximum(texture[..., :3].astype(np.float32) @ np.array([0.3, 0.55, 0.15], np.float32), 6))
    alpha = texture[..., 3] / np.float32(255)
    opaque = texture[..., 3] > 128
    spread = len(gray) / 30
    coarse = low_pass(gray * alpha, spread) / np.maximum(low_pass(alpha, spread), 0.02)
    fine = gray - coarse + np.float32(COARSE_SHARE) * (coarse - np.median(coarse[opaque]))
    fine -= np.median(fine[opaque])
    fine *= np.clip(STRAND_CONTRAST / max(float(fine[opaque].std()), 0.05), 0.5, 2.5)
    out = np.empty_like(texture)
    out[..., :3] = np.clip(118 * np.exp(fine), 70, 250)[..., None]
    thick = low_pass(alpha, len(gray) * MIN_LINE_SHARE)
    out[..., 3] = texture[..., 3] * np.clip((thick - 0.25) / 0.35, 0, 1)
    return out


def _outward(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Normals that point away from the skull."""
    radial = points - SKULL_CENTER
    radial /= np.linalg.norm(radial, axis=1, keepdims=True) + 1e-6
    normals = vertex_normals(points, triangles)
    normals = normals * np.where((normals * radial).sum(1, keepdims=True) < 0, -1, 1)
    normals = normals * (1 - ROUNDNESS) + radial * ROUNDNESS
    return (normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32)


def _tangents(proxy: Proxy, points: np.ndarray, texture: np.ndarray) -> Float32[np.ndarray, "n 3"]:
    """Direction of the strands at the vertices: across the texture's strongest changes, by its structure tensor."""
    gray = texture[..., 0].astype(np.float32) * (texture[..., 3] / np.float32(255))
    dv, du = (np.asarray(step) for step in np.gradient(gaussian_filter(gray, 1.0)))
    spread = len(gray) / 64
    corners, uvs = points[proxy.triangles], proxy.corner_uvs
    middle = uvs.mean(1)
    column = np.clip((middle[:, 0] * gray.shape[1]).astype(int), 0, gray.shape[1] - 1)
    row = np.clip(((1 - middle[:, 1]) * gray.shape[0]).astype(int), 0, gray.shape[0] - 1)
    uu, vv, uv = (low_pass(product, spread)[row, column] for product in (du * du, dv * dv, du * dv))
    turn = 0.5 * np.arctan2(2 * uv, uu - vv) + np.pi / 2  # of the strands, in texels with v down
    along = np.stack([np.cos(turn), -np.sin(turn)], 1)
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


class Sky:
    """Light from everywhere on the neutral head, to measure how much of it hair lets through.

    Attributes:
        base, skin: vertices of the base mesh and of the skin of the neutral head.
        normals: of the skin.
        bare: share of the light that reaches the skin without hair, weighted by the cosine.
    """

    def __init__(self, model: HeadModel) -> None:
        self.base = model.morph(np.zeros(model.target_count, np.float32))
        self.skin = model.skin(self.base)
        turns = np.arange(OCCLUSION_LIGHTS) * np.pi * (3 - 5**0.5)
        heights = 1 - (2 * np.arange(OCCLUSION_LIGHTS) + 1) / OCCLUSION_LIGHTS
        wide = np.sqrt(1 - heights**2)
        self._frames = _frames_of(np.stack([wide * np.cos(turns), heights, wide * np.sin(turns)], 1))
        self.normals = vertex_normals(self.skin, model.triangles)
        no_uvs, opaque = np.zeros((len(model.triangles), 3, 2), np.float32), np.full((1, 1), 255, np.uint8)
        self._maps = np.full((OCCLUSION_LIGHTS, OCCLUSION_CELLS, OCCLUSION_CELLS), FAR, np.float32)
        _draw_maps(self.skin, self._frames, model.triangles, no_uvs, opaque, self._maps)
        self.bare = self._share(self.skin, self.normals, np.full_like(self._maps, FAR), 0.0)

    def open_below(
        self,
        points: Float32[np.ndarray, "n 3"],
        normals: Float32[np.ndarray, "n 3"],
        proxy: Proxy,
        texture: UInt8[np.ndarray, "h w 4"],
    ) -> tuple[Float32[np.ndarray, " n"], Float32[np.ndarray, " s"]]:
        """Share of the light that reaches the points of hair on the head, and the skin."""
        alpha = np.ascontiguousarray(texture[..., 3])
        maps = np.full_like(self._maps, FAR)
        _draw_maps(points, self._frames, proxy.triangles, proxy.corner_uvs, alpha, maps)
        return self._share(points, normals, maps, OCCLUSION_BIAS), self._share(self.skin, self.normals, maps, 0.0)

    def _share(
        self, points: np.ndarray, normals: np.ndarray, hair: np.ndarray, hair_bias: float
    ) -> Float32[np.ndarray, " n"]:
        """Share of the light that neither skin nor hair takes; hair may be nearer to the light by a bias."""
        limits = np.minimum(self._maps + np.float32(OCCLUSION_BIAS), hair + np.float32(hair_bias))
        return _open_share(points, normals, self._frames, limits)


def _frames_of(lights: Float[np.ndarray, "l 3"]) -> Float32[np.ndarray, "l 3 4"]:
    """The way of a point into the map of each light: column, row and depth."""
    right = np.cross(lights, [0, 1, 0.01])
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    size, middle = OCCLUSION_CELLS / (2 * OCCLUSION_EXTENT), OCCLUSION_CELLS / 2
    turned = np.stack([size * right, size * np.cross(lights, right), -lights], 1)
    shift = np.array([middle, middle, 10]) - turned @ SKULL_CENTER
    return np.concatenate([turned, shift[..., None]], 2).astype(np.float32)


@exact
def _into_map(points, frame):
    """Columns, rows and depths [n, 3] of points [n, 3] in the map of a light, by its frame [3, 4]."""
    out = np.empty((points.shape[0], 3), np.float32)
    for i in range(points.shape[0]):
        for k in range(3):
            across = frame[k, 0] * points[i, 0] + frame[k, 1] * points[i, 1] + frame[k, 2] * points[i, 2]
            out[i, k] = across + frame[k, 3]
    return out


@exact
def _draw_maps(points, frames, triangles, uvs, alpha, maps):
    """`_nearest` for all lights: maps [l, s, s] by their frames [l, 3, 4], in place."""
    for light in range(frames.shape[0]):
        _nearest(_into_map(points, frames[light]), triangles, uvs, alpha, maps[light])


@exact
def _open_share(points, normals, frames, limits):
    """Share of the light [n], weighted by the cosine, from where points [n, 3] are nearer than limits [l, s, s]."""
    size = limits.shape[1]
    seen, total = np.zeros(points.shape[0], np.float32), np.full(points.shape[0], 1e-3, np.float32)
    for light in range(frames.shape[0]):
        mine, toward = _into_map(points, frames[light]), -frames[light, 2]
        for i in range(points.shape[0]):
            cosine = normals[i, 0] * toward[0] + normals[i, 1] * toward[1] + normals[i, 2] * toward[2]
            if cosine > 0:
                column = min(max(int(mine[i, 0]), 0), size - 1)
                row = min(max(int(mine[i, 1]), 0), size - 1)
                total[i] += cosine
                if mine[i, 2] < limits[light, row, column]:
                    seen[i] += cosine
    return seen / total


@exact
def _nearest(screen, triangles, uvs, alpha, depth):
    """Depth of a mesh in a parallel projection, in place, where its texture's alpha [h, w] is more than a half."""
    size, height, width = depth.shape[0], alpha.shape[0], alpha.shape[1]
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
                z = w0 * z0 + w1 * z1 + w2 * z2
                u = w0 * uvs[t, 0, 0] + w1 * uvs[t, 1, 0] + w2 * uvs[t, 2, 0]
                v = w0 * uvs[t, 0, 1] + w1 * uvs[t, 1, 1] + w2 * uvs[t, 2, 1]
                column, row = min(max(int(u * width), 0), width - 1), min(max(int((1 - v) * height), 0), height - 1)
                if z < depth[y, x] and alpha[row, column] > 127:
                    depth[y, x] = z
