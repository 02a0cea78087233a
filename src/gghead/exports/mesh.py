"""A head of Gaussians as a textured mesh: the template's chart gives vertices, triangles and texture at once.

Each grid point of the chart that carries a Gaussian is a vertex at its mean and a texel of its constant colour. What
Gaussians say counts by their opacity: where they are transparent, surface and colour are those of opaque ones around.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from gghead.gaussians.checks import require_single
from gghead.gaussians.scene import Gaussians
from gghead.geometry.grids import cell_corners, grid_places
from gghead.geometry.spherical_harmonics import C0
from gghead.media.meshes import Mesh, vertex_normals
from gghead.model.generator import Generator

FILL_RADII = (64.0, 16.0, 4.0, 1.5)
"""Standard deviations of the means that fill transparent texels, texels, coarse to fine."""
FILL_TRUST = 1e-3
"""Mean opacity at which a finer mean counts as much as the coarser one."""
SMOOTHING = 0.5
"""Standard deviation of the smoothing of offsets, texels: Gaussians in and out of a surface are one surface."""
THICKNESS = 1.0
"""Mean standard deviations by which the surface lies outside of the means: about that far out Gaussians hide what is
behind. On heads of a model 1 gives pictures nearer to the Gaussians' than 0.5, 1.5 and 2 do (docs/experiments.md)."""
SEAM_SPACINGS = 4.0
"""Border vertices that are nearer than this many grid spacings, but apart on the chart, are two sides of a seam."""
SEAM_CHART_DISTANCE = 8
"""Steps on the grid from which on two vertices are apart on the chart."""


def head_mesh(gaussians: Gaussians, generator: Generator) -> Mesh:
    """The surface of a head, in the head space, coloured by its Gaussians' constant colours.

    Args:
        gaussians: a single head.
        generator: that made it; its chart is the mesh's.

    Raises:
        ValueError: several scenes, or another number of Gaussians than the generator makes.
    """
    require_single(gaussians)
    if gaussians.num_gaussians != len(generator.texel_uvs):
        raise ValueError(
            f"the head has {gaussians.num_gaussians} Gaussians, the generator makes {len(generator.texel_uvs)}; a mesh "
            "needs the generator that made the head, and all of its Gaussians"
        )
    head = gaussians.detach().to("cpu").map(lambda tensor: tensor.double())
    size = generator.config.grid_size
    columns, rows = (places.numpy() for places in grid_places(generator.texel_uvs.cpu(), size))
    template = generator.template_positions.detach().cpu().double().numpy()
    chart = Chart(np.full((size, size), -1), template, np.stack([rows, columns], axis=1))
    chart.index[rows, columns] = np.arange(len(rows))
    offsets, colors, thickness = chart.maps_of(head)
    faces = chart.triangles()
    strips, copies = chart.seams(faces)
    faces = np.concatenate([faces, strips])
    source = np.concatenate([np.arange(len(rows)), copies.source])
    texels = chart.places[np.concatenate([np.arange(len(rows)), copies.texel])]
    points = template + offsets[rows, columns]
    if signed_volume(points[source], faces) < 0:
        faces = np.ascontiguousarray(faces[:, ::-1])
    # Both sides of a seam have the same normal, so that it neither opens nor shows when light falls on it.
    points = points + THICKNESS * thickness[rows, columns] * vertex_normals(points[source], faces)[: len(points)]
    return Mesh(
        vertices=points[source].astype(np.float32),
        normals=vertex_normals(points[source], faces)[source],
        faces=faces,
        uvs=((texels[:, ::-1] + 0.5) / size).astype(np.float32),
        texture=(colors.clip(0, 1) * 255).round().astype(np.uint8),
    )


def fill(values: Float[np.ndarray, "n n C"], weights: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n C"]:
    """Values where the weights are 1, means of their neighbours where they are 0, mixtures in between."""
    total = weights.sum()
    mean = (values * weights[..., None]).sum((0, 1)) / total if total > 0 else values.mean((0, 1))
    filled = np.broadcast_to(mean, values.shape)
    for radius in FILL_RADII:
        near = gaussian_filter(weights, radius, mode="nearest")[..., None] / FILL_TRUST
        sums = gaussian_filter(values * weights[..., None], (radius, radius, 0), mode="nearest") / FILL_TRUST
        filled = (sums + filled) / (near + 1)
    return weights[..., None] * values + (1 - weights[..., None]) * filled


def signed_volume(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> float:
    """Six times the volume inside of a surface; negative if its triangles look inwards."""
    a, b, c = (vertices[faces[:, corner]] - vertices.mean(axis=0) for corner in range(3))
    return float((np.cross(a, b) * c).sum())


@dataclass(frozen=True)
class SeamCopies:
    """Vertices that the strips over seams need: the far side again, with a place in the texture beside the near side.

    Attributes:
        source: vertices that give the positions.
        texel: vertices that give the places in the texture.
    """

    source: Int[np.ndarray, " S"]
    texel: Int[np.ndarray, " S"]


@dataclass(frozen=True)
class Chart:
    """The grid points that carry Gaussians.

    Attributes:
        index: vertex at each grid point, -1 where there is none.
        template: the template's surface at the vertices.
        places: row and column of the vertices.
    """

    index: Int[np.ndarray, "n n"]
    template: Float[np.ndarray, "N 3"]
    places: Int[np.ndarray, "N 2"]

    def maps_of(
        self, head: Gaussians
    ) -> tuple[Float[np.ndarray, "n n 3"], Float[np.ndarray, "n n 3"], Float[np.ndarray, "n n 1"]]:
        """Offsets from the template, colours and mean standard deviations at every grid point, filled by opacity."""
        rows, columns = self.places.T
        weights = np.zeros(self.index.shape)
        weights[rows, columns] = head.opacities.clamp(0, 1).numpy()
        values = np.zeros((*self.index.shape, 7))
        values[rows, columns, :3] = head.means.numpy() - self.template
        values[rows, columns, 3:6] = (head.sh[:, 0] * C0 + 0.5).clamp(0, 1).numpy()
        values[rows, columns, 6] = head.scales.mean(dim=-1).numpy()
        filled = fill(values, weights)
        smooth = gaussian_filter(filled[..., :3], (SMOOTHING, SMOOTHING, 0), mode="nearest")
        return smooth, filled[..., 3:6], filled[..., 6:]

    def triangles(self) -> Int[np.ndarray, "F 3"]:
        """Two triangles in each cell of the grid with four vertices, one where a corner is missing."""
        a, b, c, d = cell_corners(self.index)
        present = (a >= 0).astype(int) + (b >= 0) + (c >= 0) + (d >= 0)
        choices = [((a, c, b), d), ((b, c, d), a), ((a, c, d), b), ((a, d, b), c)]
        parts = []
        for number, (corners, other) in enumerate(choices):
            triangle = np.stack(corners, axis=1)
            wanted = (triangle >= 0).all(axis=1) & ((other < 0) | ((number < 2) & (present == 4)))
            parts.append(triangle[wanted])
        return np.concatenate(parts)

    def seams(self, faces: Int[np.ndarray, "F 3"]) -> tuple[Int[np.ndarray, "G 3"], SeamCopies]:
        """Strips of triangles that close cuts of the chart, where the template's surface goes on elsewhere."""
        edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        keys = edges[:, 0] * len(self.template) + edges[:, 1]
        back = edges[:, 1] * len(self.template) + edges[:, 0]
        border = edges[~np.isin(keys, back)]  # directed, the surface on their left
        spacing = np.median(np.linalg.norm(self.template[edges[:, 0]] - self.template[edges[:, 1]], axis=1))
        partners = self._partners(np.unique(border), SEAM_SPACINGS * spacing)
        far = partners[border]
        # Of the two sides of a seam, the one whose vertices have the lower numbers makes the strip.
        border = border[((far > border) & (far >= 0)).all(axis=1)]
        if not len(border):
            return np.empty((0, 3), np.int64), SeamCopies(*np.empty((2, 0), np.int64))
        near = np.unique(border)
        copy = np.full(len(self.template), -1)
        copy[near] = len(self.template) + np.arange(len(near))
        a, b = border.T
        strips = np.concatenate([np.stack([b, a, copy[a]], axis=1), np.stack([b, copy[a], copy[b]], axis=1)])
        return strips, SeamCopies(source=partners[near], texel=near)

    def _partners(self, border: Int[np.ndarray, " E"], reach: float) -> Int[np.ndarray, " N"]:
        """The nearest border vertex on the other side of a cut for each border vertex, -1 where there is none."""
        partners = np.full(len(self.template), -1)
        near = KDTree(self.template[border])
        distances, found = near.query(self.template[border], k=min(32, len(border)), distance_upper_bound=reach)
        candidates = np.append(border, -1)[np.minimum(found, len(border))]  # [E, 32], nearest first
        steps = np.abs(self.places[border][:, None] - self.places[candidates]).max(axis=-1)
        apart: Bool[np.ndarray, "E 32"] = (candidates >= 0) & np.isfinite(distances) & (steps >= SEAM_CHART_DISTANCE)
        has = apart.any(axis=1)
        partners[border[has]] = candidates[has, apart.argmax(axis=1)[has]]
        return partners
