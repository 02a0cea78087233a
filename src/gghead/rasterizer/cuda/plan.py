"""All that is the same for every drawing of a kind: sizes, grids, places in memory, and how long lists tend to be."""

from dataclasses import dataclass
from functools import lru_cache

from gghead.cuda.program import Kernels
from gghead.rasterizer.cuda.kernels import MAX_LOCAL_TILES, THREADS, TILE, Variant, load_kernels
from gghead.rasterizer.cuda.list_capacity import ListCapacity

CLASSES = 64
"""Classes of the length of a list, by which tiles are ordered; lists.cu says the same."""
KINDS = 256
"""Kinds of drawings that are remembered."""
MAX_ROWS = 2**32
"""Splats of one call; an entry of a list has 32 bits for a splat's row."""
MAX_TILES = 2**30
"""Tiles of one call; each is two blocks of a grid."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A kind of drawing.

    Attributes:
        device: index of the GPU.
        pictures: P.
        views: pictures of each head; picture p shows head p // views.
        count: N, Gaussians of a head.
        width: pixels of a row.
        height: pixels of a column.
        variant: what the kernels are compiled for.
        kernels: of the forward pass.
        tiles: of all pictures.
        local_tiles: tiles of a picture if a block of threads counts them in shared memory, else 0.
        blocks: of threads for the Gaussians of one picture.
        starts: where, after the splats, the tiles' starts lie, bytes; 64 bits each.
        order: where the tiles' order lies; 32 bits each.
        pixels: where the pixels' transmittances lie, and after them how far they came; 32 bits each.
        rows: where the rows of the splats in the order of drawing lie; 32 bits for each entry of the lists.
        zeros: bytes that must be zero: of each tile, entries counted and entries filled in; entries of all lists
            (64 bits), finished blocks, problems of cameras; classes of tiles and their places.
        history: of the lengths of the lists.
    """

    device: int
    pictures: int
    views: int
    count: int
    width: int
    height: int
    variant: Variant
    kernels: Kernels
    tiles: int
    local_tiles: int
    blocks: int
    starts: int
    order: int
    pixels: int
    rows: int
    zeros: int
    history: ListCapacity

    def backward_kernels(self, deterministic: bool) -> tuple[Variant, Kernels]:
        """The program of the backward pass, which sums in floats or in integers."""
        if not deterministic:
            return self.variant, self.kernels
        variant = Variant(self.variant.coefficients, self.variant.features, True)
        return variant, load_kernels(variant, self.device)

    def describe(self, entries: int, keep: bool) -> str:
        """What a drawing needs in memory, for errors."""
        lists = entries * (12 if keep else 8)
        return (
            f"{self.pictures} pictures of {self.count} gaussians at {self.width} x {self.height}: splats and pixels "
            f"take {self.rows / 2**20:.0f} MiB, lists of {entries} entries {lists / 2**20:.0f} MiB, beside the pictures"
        )


@lru_cache(maxsize=KINDS)
def plan_of(
    device: int, heads: int, pictures: int, count: int, width: int, height: int, coefficients: int, features: int
) -> Plan:
    """The plan of a kind of drawing.

    Raises:
        ValueError: more splats or tiles than can be told apart.
    """
    per_picture = -(-width // TILE) * -(-height // TILE)
    tiles = pictures * per_picture
    if pictures * count >= MAX_ROWS or tiles >= MAX_TILES:
        raise ValueError(
            f"{pictures} pictures of {count} gaussians at {width} x {height} are more than one call can tell apart "
            f"({MAX_ROWS} splats, {MAX_TILES} tiles of 16 x 16 pixels); draw fewer gaussians or cameras at a time"
        )
    variant = Variant(coefficients, features, False)
    starts = 16 * variant.parts * pictures * count
    order = starts + 8 * tiles
    pixels = order + 4 * tiles
    return Plan(
        device, pictures, pictures // heads, count, width, height, variant, load_kernels(variant, device), tiles,
        local_tiles=per_picture if per_picture <= MAX_LOCAL_TILES else 0, blocks=-(-count // THREADS), starts=starts,
        order=order, pixels=pixels, rows=pixels + 8 * pictures * width * height, zeros=8 * tiles + 16 + 8 * CLASSES,
        history=ListCapacity(),
    )  # fmt: skip
