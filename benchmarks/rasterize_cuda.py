"""The CUDA backend on the scenes of head_scenes.py, beside gsplat; `rasterize.py` is the command.

Forward and forward + backward are whole calls of `render`: checks, projection, lists, compositing, autograd. Each timed
call starts on an idle GPU, between two events, as a user of a single picture sees it; so the host's part counts. The
scenes have colours of degree 0 and draw rgb + alpha + depth; gsplat gets plain rgb and draws rgb + alpha.
"""

import importlib.metadata
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

import torch
from torch import Tensor

from benchmarks.gpu_clock import milliseconds
from benchmarks.head_scenes import SCENES, Heads, Scene, build
from benchmarks.rows import Spread, append, commit
from gghead.cuda.program import CACHE_VARIABLE, compile_program, load_program
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.rasterizer import Rendering, render
from gghead.rasterizer.cuda.kernels import Variant

WARMUP = 10
REPLAYS = 2000
MEAN_ERROR, MAX_ERROR = 1e-5, 5e-2
"""What a picture may differ from the CPU backend's: rounding, and cut-offs that rounding flips."""
GRADIENT_ERROR = 1e-2
"""Relative error of each gradient in norm: likewise."""
SAME_PICTURE = 1e-4
"""Mean difference from gsplat's picture on black."""
FIELDS = ("means", "quats", "scales", "opacities", "sh")


@dataclass(frozen=True)
class Gsplat:
    """The other side of a row."""

    version: str
    forward_ms: Spread
    forward_backward_ms: Spread
    same_thread_forward_backward_ms: Spread
    peak_mib: float
    calls_per_second: float
    mean_difference: float


@dataclass(frozen=True)
class Row:
    """One line of the results.

    Attributes:
        forward_ms: rgb, alpha, depth.
        forward_backward_ms: with the gradients of rgb.
        same_thread_forward_backward_ms: the same without torch's hand-over of the backward pass to another thread.
        with_uv_forward_ms: with two feature channels in the same pass.
        with_uv_forward_backward_ms: with the gradients of all outputs.
        deterministic_forward_backward_ms: like forward_backward_ms.
        peak_mib: memory of forward and backward beyond the inputs.
        calls_per_second: of `render`, one after the other.
        frames_per_second: replays of a captured graph; scenes of one head.
        compile_s: of the kernels, without a cache.
        load_s: of the same kernels from the disk.
    """

    scene: str
    gaussians: int
    heads: int
    resolution: int
    forward_ms: Spread
    forward_backward_ms: Spread
    same_thread_forward_backward_ms: Spread
    with_uv_forward_ms: Spread
    with_uv_forward_backward_ms: Spread
    deterministic_forward_backward_ms: Spread
    peak_mib: float
    calls_per_second: float
    frames_per_second: float | None
    compile_s: float
    load_s: float
    gsplat: Gsplat | None
    gpu: str
    torch: str
    cuda: str
    cuda_core: str
    commit: str
    date: str


def run(repeats: int, names: list[str] | None, named_commit: str | None) -> None:
    """Checks, times, prints and appends."""
    compile_s, load_s = time_first_use()
    for scene in SCENES:
        if names and scene.name not in names:
            continue
        heads = build(scene)
        check(heads)
        append("rasterize_cuda", measure(scene, heads, repeats, compile_s, load_s, named_commit or commit()))


def time_first_use() -> tuple[float, float]:
    """Seconds to compile the kernels of a scene, without any cache, and to load them from the disk."""
    source, device = Variant(1, 0, False).source, torch.cuda.current_device()
    major, minor = torch.cuda.get_device_capability(device)
    start = time.perf_counter()
    compile_program(source, f"sm_{major}{minor}", afresh=True)
    compiled = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE_VARIABLE] = folder
        load_program.__wrapped__(source, device)
        start = time.perf_counter()
        load_program.__wrapped__(source, device)
        loaded = time.perf_counter() - start
        del os.environ[CACHE_VARIABLE]
    return round(compiled, 3), round(loaded, 3)


def gradients(scene: Gaussians, cameras: Cameras) -> tuple[Tensor, list[Tensor]]:
    """A picture, and the gradients of a smooth loss of it, on the CPU."""
    leaves = scene.map(lambda tensor: tensor.detach().requires_grad_())
    rgb = render(leaves, cameras, pairwise=True).rgb
    target = torch.linspace(0, 1, rgb.shape[-2], device=rgb.device)[:, None]
    loss = (rgb - target).square().sum()
    found = torch.autograd.grad(loss, [getattr(leaves, name) for name in FIELDS])
    return rgb.detach().cpu(), [gradient.cpu() for gradient in found]


def check(heads: Heads) -> None:
    """Raises unless the first head looks as on the CPU, with the same gradients."""
    scene, camera = heads.gaussians[:1], heads.cameras[:1]
    round_ones = bool(scene.scales.amin() == scene.scales.amax())
    actual, actual_gradients = gradients(scene.to("cuda"), camera.to("cuda"))
    expected, expected_gradients = gradients(scene, camera)
    error = (actual - expected).abs()
    if not (float(error.mean()) <= MEAN_ERROR and float(error.max()) <= MAX_ERROR):
        raise SystemExit(
            f"the picture is wrong by {float(error.mean()):.2g} on average, {float(error.max()):.2g} at most"
        )
    for name, got, wanted in zip(FIELDS, actual_gradients, expected_gradients, strict=True):
        distance = float((got - wanted).norm() / wanted.norm().clamp_min(1e-6))
        # Round Gaussians do not care how they are turned: the gradient of quats is nothing but rounding.
        if not (name == "quats" and round_ones) and not distance <= GRADIENT_ERROR:
            raise SystemExit(f"the gradient of {name} is wrong by {distance:.2g} of its norm")


def peak_mib(call: Callable[[], object]) -> float:
    """Memory of a call beyond what is there before it."""
    call()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    torch.cuda.synchronize()
    return round((torch.cuda.max_memory_allocated() - before) / 2**20, 1)


def per_second(call: Callable[[], object], times: int) -> float:
    """Calls a second, one after the other."""
    for _ in range(WARMUP):
        call()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(times):
        call()
    torch.cuda.synchronize()
    return round(times / (time.perf_counter() - start), 1)


def same_thread(call: Callable[[], object], repeats: int) -> Spread:
    """Milliseconds of a call whose backward pass runs on the thread that asks for it."""
    with torch.autograd.set_multithreading_enabled(False):
        return milliseconds(call, repeats, WARMUP)


def frames_per_second(scene: Gaussians, cameras: Cameras) -> float:
    """A frozen head as a viewer draws it: the call captured once in a CUDA graph."""
    graph = torch.cuda.CUDAGraph()
    render(scene, cameras, pairwise=True)
    torch.cuda.synchronize()
    with torch.cuda.graph(graph):
        render(scene, cameras, pairwise=True)
    return per_second(graph.replay, REPLAYS)


def measure(scene: Scene, heads: Heads, repeats: int, compile_s: float, load_s: float, version: str) -> Row:
    """Everything about a scene."""
    gaussians, cameras = heads.gaussians.to("cuda"), heads.cameras.to("cuda")
    leaves = gaussians.map(lambda tensor: tensor.requires_grad_())
    inputs = [getattr(leaves, name) for name in FIELDS]
    uv = torch.rand(*gaussians.opacities.shape, 2, device="cuda").requires_grad_()
    weight = torch.rand(scene.heads, scene.resolution, scene.resolution, 3, device="cuda")

    def forward(features: Tensor | None = None) -> Rendering:
        with torch.no_grad():
            return render(leaves, cameras, pairwise=True, features=features)

    def forward_backward(deterministic: bool = False) -> object:
        rgb = render(leaves, cameras, pairwise=True, deterministic=deterministic).rgb
        return torch.autograd.grad((rgb * weight).sum(), inputs)

    def with_uv() -> object:
        drawn = render(leaves, cameras, pairwise=True, features=uv)
        loss = (drawn.rgb * weight).sum() + drawn.alpha.sum() + drawn.depth.sum() + drawn.features.sum()
        return torch.autograd.grad(loss, [*inputs, uv])

    with torch.no_grad():
        frames = frames_per_second(gaussians, cameras) if scene.heads == 1 else None
    return Row(
        scene.name, gaussians.num_gaussians, scene.heads, scene.resolution,
        milliseconds(forward, repeats, WARMUP), milliseconds(forward_backward, repeats, WARMUP),
        same_thread(forward_backward, repeats),
        milliseconds(lambda: forward(uv), repeats, WARMUP), milliseconds(with_uv, repeats, WARMUP),
        milliseconds(lambda: forward_backward(deterministic=True), repeats, WARMUP), peak_mib(forward_backward),
        per_second(forward, 4 * repeats), frames, compile_s, load_s,
        measure_gsplat(heads, weight, repeats), torch.cuda.get_device_name(), torch.__version__,
        str(torch.version.cuda), importlib.metadata.version("cuda-core"), version, datetime.now(UTC).date().isoformat(),
    )  # fmt: skip


@cache
def gsplat_rasterization() -> Callable[..., tuple[Tensor, ...]] | None:
    """gsplat's entry, if it is installed; it compiles itself at first use."""
    try:
        from gsplat import rasterization
    except ImportError:
        return None
    return rasterization


def measure_gsplat(heads: Heads, weight: Tensor, repeats: int) -> Gsplat | None:
    """The same scene drawn by gsplat, which must look the same."""
    rasterization = gsplat_rasterization()
    if rasterization is None:
        return None
    scene, cameras = heads.gaussians.to("cuda"), heads.cameras.to("cuda")
    leaves = [
        tensor.to("cuda").requires_grad_()
        for tensor in (scene.means, scene.quats, scene.scales, scene.opacities, heads.rgb)
    ]
    views = (cameras.viewmats[:, None], cameras.Ks[:, None], cameras.width, cameras.height)

    def draw() -> Tensor:
        return rasterization(*leaves, *views, packed=False)[0][:, 0]

    def forward() -> Tensor:
        with torch.no_grad():
            return draw()

    def forward_backward() -> object:
        return torch.autograd.grad((draw() * weight).sum(), leaves)

    ours = render(replace(scene), cameras, pairwise=True, background=0.0).rgb
    difference = float((ours.detach() - forward()).abs().mean())
    if not difference <= SAME_PICTURE:
        raise SystemExit(f"gsplat draws another picture: {difference:.2g} on average")
    return Gsplat(
        importlib.metadata.version("gsplat"), milliseconds(forward, repeats, WARMUP),
        milliseconds(forward_backward, repeats, WARMUP), same_thread(forward_backward, repeats),
        peak_mib(forward_backward), per_second(forward, 4 * repeats), difference,
    )  # fmt: skip
