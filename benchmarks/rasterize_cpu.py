"""The CPU backend on heads as an untrained generator makes them; `rasterize.py` is the command.

Appends one row of JSON for each scene to benchmarks/results/rasterize_cpu.jsonl. The floor is the time that the
compositing alone would take if every vector instruction worked on pixels that are drawn: the evaluations that are
drawn, counted, times the measured cost of one in the same kernels on one resident square. On a machine with other work
the processor time (of all threads together) is the figure to trust.
"""

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numba
import numpy as np
import torch

from benchmarks.rows import append, commit
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.geometry.trajectories import on_sphere
from gghead.rasterizer import render
from gghead.rasterizer.cpu.backend import Workers, find_pairs
from gghead.rasterizer.cpu.compositing import SUMS, blend_square
from gghead.rasterizer.cpu.compositing_backward import BEHIND, GRADIENTS, unblend_square
from gghead.rasterizer.cpu.layout import CHANNELS, LANES, MOMENTS, OPACITY, TILE_HEIGHT, TILE_WIDTH
from gghead.uv.bake import bake
from gghead.uv.samples import place_uv_samples
from gghead.uv.template import HeadTemplate

INITIAL_LOG_SCALE = -5.127
OFFICIAL_COUNT = 58_361
"""Gaussians of the official template at a grid of 256; ours covers more of its grid."""
MEAN_ERROR, MAX_ERROR = 1e-5, 5e-2
"""What the picture may differ from the reference's: rounding, and cut-offs that rounding flips."""
GRADIENT_ERROR = 1e-2
"""Relative error of each gradient in norm: likewise."""


@dataclass(frozen=True)
class Timing:
    """Milliseconds of repeated runs."""

    median: float
    p20: float
    p80: float
    minimum: float
    processor: float
    """Least processor time, all threads together."""


@dataclass(frozen=True)
class Row:
    """One line of the results."""

    scene: str
    gaussians: int
    heads: int
    resolution: int
    backend: str
    threads: int
    forward_ms: Timing
    forward_backward_ms: Timing
    drawn_evaluations: int
    floor_forward_ms: float
    floor_forward_backward_ms: float
    floor_fraction_forward: float
    floor_fraction_forward_backward: float
    cpu: str
    cores: int
    torch: str
    numba: str
    commit: str
    date: str


def run(threads: int, repeats: int) -> None:
    """Checks, times, prints and appends."""
    torch.set_num_threads(threads)
    blend_ns, unblend_ns = square_costs()
    for name, count, heads in (
        ("initial-256-58k", OFFICIAL_COUNT, 1),
        ("initial-256", None, 1),
        ("initial-256-b8", None, 8),
    ):
        scene, cameras = initial_heads(heads, count, resolution=256)
        check(scene[:1], cameras[:1])
        drawn = count_drawn(scene, cameras)
        floors = [drawn / LANES * cost * 1e-6 / threads for cost in (blend_ns, blend_ns + unblend_ns)]
        forward, both = measure(scene, cameras, repeats)
        row = Row(
            name, scene.num_gaussians, heads, 256, "cpu", threads, forward, both, drawn,
            round(floors[0], 3), round(floors[1], 3),
            round(floors[0] / forward.minimum, 3), round(floors[1] / both.minimum, 3),
            cpu_model(), torch.get_num_threads(), torch.__version__, numba.__version__, commit(),
            datetime.now(UTC).date().isoformat(),
        )  # fmt: skip
        append("rasterize_cpu", row)


def initial_heads(heads: int, count: int | None, resolution: int) -> tuple[Gaussians, Cameras]:
    """Heads at the scale and opacity of an untrained generator, each with a camera; count picks so many texels."""
    generator = torch.Generator().manual_seed(0)
    texels = place_uv_samples(bake(HeadTemplate.builtin(), 256), 256).positions
    if count is not None:
        texels = texels[torch.randperm(len(texels), generator=generator)[:count].sort().values]
    shape = (heads, len(texels))
    quats = torch.nn.functional.normalize(torch.randn(*shape, 4, generator=generator), dim=-1)
    scene = Gaussians(
        means=texels + 0.004 * torch.randn(*shape, 3, generator=generator),
        quats=quats,
        scales=torch.full((*shape, 3), INITIAL_LOG_SCALE).exp(),
        opacities=torch.full(shape, 0.5),
        sh=0.3 * torch.randn(*shape, 4, 3, generator=generator),
    )
    yaw, pitch = torch.rand(2, heads, generator=generator) * torch.tensor([[1.22], [0.6]]) - torch.tensor(
        [[0.61], [0.3]]
    )
    return scene, Cameras.looking_at(on_sphere(yaw, pitch, 2.7), torch.zeros(3), resolution)


def gradients(scene: Gaussians, cameras: Cameras, backend: str) -> tuple[torch.Tensor, Gaussians]:
    """A picture, and the gradients of a smooth loss of it."""
    leaves = scene.map(lambda tensor: tensor.detach().requires_grad_())
    rgb = render(leaves, cameras, pairwise=True, backend=backend).rgb
    target = torch.linspace(0, 1, rgb.shape[-2], dtype=rgb.dtype)[:, None]
    (rgb - target).square().sum().backward()
    return rgb.detach(), replace(leaves, **{name: getattr(leaves, name).grad for name in vars(leaves)})


def check(scene: Gaussians, cameras: Cameras) -> None:
    """Raises unless the backend's picture and gradients are the reference's; no number is worth printing otherwise."""
    actual, actual_gradients = gradients(scene, cameras, "cpu")
    expected, expected_gradients = gradients(scene, cameras, "reference")
    error = (actual - expected).abs()
    if float(error.mean()) > MEAN_ERROR or float(error.max()) > MAX_ERROR:
        raise SystemExit(
            f"the picture is wrong by {float(error.mean()):.2g} on average, {float(error.max()):.2g} at most"
        )
    for name in vars(scene):
        wanted = getattr(expected_gradients, name)
        distance = float((getattr(actual_gradients, name) - wanted).norm() / wanted.norm().clamp_min(1e-6))
        # Round Gaussians do not care how they are turned: the gradient of quats is nothing but rounding.
        if name != "quats" and distance > GRADIENT_ERROR:
            raise SystemExit(f"the gradient of {name} is wrong by {distance:.2g} of its norm")


def measure(scene: Gaussians, cameras: Cameras, repeats: int) -> tuple[Timing, Timing]:
    """Times the whole call without gradients, and with a backward pass through a squared error."""
    leaves = scene.map(lambda tensor: tensor.detach().requires_grad_())

    def forward() -> None:
        with torch.no_grad():
            render(scene, cameras, pairwise=True, backend="cpu")

    def forward_backward() -> None:
        for name in vars(leaves):
            getattr(leaves, name).grad = None
        render(leaves, cameras, pairwise=True, backend="cpu").rgb.square().mean().backward()

    return repeat(forward, repeats), repeat(forward_backward, repeats)


def repeat(run: Callable[[], None], repeats: int) -> Timing:
    """Percentiles over repeated runs, after two that warm up."""
    times, processor = [], []
    for _ in range(repeats + 2):
        start, start_processor = time.perf_counter(), time.process_time()
        run()
        times.append((time.perf_counter() - start) * 1e3)
        processor.append((time.process_time() - start_processor) * 1e3)
    p20, median, p80 = np.percentile(times[2:], [20, 50, 80])
    return Timing(*(round(float(value), 2) for value in (median, p20, p80, min(times[2:]), min(processor[2:]))))


def count_drawn(scene: Gaussians, cameras: Cameras) -> int:
    """Pairs of pixel and Gaussian that are drawn."""
    empty = scene.means.new_zeros(*scene.opacities.shape, 0)
    inputs = (*(getattr(scene, name) for name in vars(scene)), empty, cameras.viewmats, cameras.Ks.contiguous())
    size = (cameras.width, cameras.height)
    with Workers() as workers:
        lists = find_pairs(workers, inputs, np.arange(len(cameras)), slice(0, len(cameras)), size)
    return int(count_pixels(lists.splats, lists.tile_starts, lists.entry_splats, size[0]))


@numba.njit
def count_pixels(splats, tile_starts, entry_splats, width):  # type: ignore[no-untyped-def]
    """Blends without colour, pixel by pixel, and counts what is drawn."""
    columns, drawn = (width + TILE_WIDTH - 1) // TILE_WIDTH, 0
    for p in range(splats.shape[0]):
        for tile in range(tile_starts.shape[1] - 1):
            for r in range(TILE_HEIGHT):
                for i in range(TILE_WIDTH):
                    x, y = tile % columns * TILE_WIDTH + i + 0.5, tile // columns * TILE_HEIGHT + r + 0.5
                    transmittance = 1.0
                    for entry in range(tile_starts[p, tile], tile_starts[p, tile + 1]):
                        splat = splats[p, entry_splats[entry]]
                        dx, dy = x - splat[0], y - splat[1]
                        q = splat[2] * dx * dx + 2 * splat[3] * dx * dy + splat[4] * dy * dy
                        alpha = min(0.99, splat[OPACITY] * np.exp(-0.5 * q))
                        if alpha < 1 / 255:
                            continue
                        if transmittance * (1 - alpha) < 1e-4:
                            break
                        transmittance *= 1 - alpha
                        drawn += 1
    return drawn


def square_costs() -> tuple[float, float]:
    """Nanoseconds of both kernels on a square and a splat that stay in the first cache."""
    splats = np.zeros((1, CHANNELS + 4), np.float32)
    splats[0, :CHANNELS] = 8, 8, 0.1, 0, 0.1, 100, 0.5, -4.85
    state = np.ones((SUMS + 4) * LANES, np.float32)
    state_back = np.ones((GRADIENTS + 4) * LANES, np.float32)
    sums = np.zeros((MOMENTS + 4) * LANES, np.float32)
    count = 200_000
    costs = []
    for run in (lambda: blend_many(count, splats, state), lambda: unblend_many(count, splats, state_back, sums)):
        run()
        times = []
        for _ in range(9):
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
        costs.append(min(times) / count * 1e9)
    return costs[0], costs[1]


@numba.njit(error_model="numpy", nogil=True)
def blend_many(count, splats, state):  # type: ignore[no-untyped-def]
    """The forward kernel over and over, on a square that never fills up."""
    for k in range(count):
        state[:LANES] = np.float32(1)
        blend_square(splats, 0, np.float32(k), k & 0, np.float32(0), np.float32(0), 4, state)


@numba.njit(error_model="numpy", nogil=True)
def unblend_many(count, splats, state, sums):  # type: ignore[no-untyped-def]
    """The backward kernel likewise."""
    for k in range(count):
        state[BEHIND * LANES : (BEHIND + 1) * LANES] = np.float32(1)
        unblend_square(splats, 0, np.float32(0), k & 0, np.float32(0), np.float32(0), 4, state, sums)


def cpu_model() -> str:
    """The processor's name, where the system tells."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
