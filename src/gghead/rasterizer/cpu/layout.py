"""How the CPU kernels are compiled, how their work is divided, and how a splat lies in memory.

Every kernel works through tasks first, first + step, first + 2 step, ... and releases the GIL, so that plain Python
threads run it in parallel: no OpenMP runtime, nothing that a fork or a second caller could upset. A task writes only
its own rows, and no result depends on the order of tasks: pictures and gradients are the same bits in every run.
"""

from pathlib import Path

import numpy as np

from gghead.config.compiled import compiled

HERE = Path(__file__).parent
# Functions that a kernel calls become a part of it: passing arrays to one takes longer than a row of pixels.
FLAGS = {
    "sources": [*HERE.glob("*.py"), HERE.parent / "constants.py"],
    "nogil": True,
    "error_model": "numpy",
    "forceinline": True,
}
# Only what keeps NaN and infinity intact: numbers may be fused and sums reordered, always in the same way.
kernel = compiled(fastmath={"contract"}, **FLAGS)
"""Decorator of a kernel."""
lane_kernel = compiled(fastmath={"contract", "reassoc", "nsz"}, **FLAGS)
"""The same for kernels whose sums over the lanes of a row must become vector instructions."""

BLOCK = 4096
"""Gaussians of a task; a constant, so that sums over blocks do not depend on the number of threads."""
LANES = 16
"""Pixels of a square, and Gaussians side by side: one AVX-512 register, two of AVX2, four of NEON."""
LANES_U = np.uint64(LANES)
"""The same without a sign: the compiler then needs no checks to turn loops over lanes into vector instructions."""
SIDE = 4
"""Side of a square in pixels: what most Gaussians cover is few squares, where it would be many rows of 16 pixels."""
TILE_WIDTH, TILE_HEIGHT = 16, 32
"""In pixels. Squares are numbered from the upper left, row by row, and pixels in them likewise."""
SQUARES = TILE_WIDTH * TILE_HEIGHT // LANES
"""Of a tile: a bit of 32 for each."""

# Columns of a splat, float32. The conic (A, B, C) is the inverse of the covariance: q = A dx^2 + 2 B dx dy + C dy^2.
X, Y, CONIC_A, CONIC_B, CONIC_C, DETERMINANT, OPACITY, FLOOR, CHANNELS = range(9)
"""DETERMINANT is the covariance's, which can't be had from the conic of a needle; FLOOR is the value of -q / 2 at which
alpha falls to 1/255; channels follow: rgb, camera z, features."""
DEPTH = CHANNELS + 3

# Columns of a gradient row: sums of dL/d(-q/2) times 1, dx, dy, dx^2, dx dy, dy^2 over the pixels; then the channels.
MOMENTS = 6

ZERO = np.float32(0)
ONE = np.float32(1)
HALF = np.float32(0.5)
