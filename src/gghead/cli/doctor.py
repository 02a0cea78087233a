"""gghead doctor"""

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import click

from gghead import __version__

if TYPE_CHECKING:
    from gghead.rasterizer.backends import Backend

MEASURED_SECONDS = 0.5
NVRTC_ADVICE = "install torch for CUDA, which brings it, and 'gghead[cuda]'"


@dataclass(frozen=True)
class Finding:
    """One line of the report: what, how it is, and whether that is as it should be."""

    name: str
    value: str
    sound: bool = True


@click.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Report what this machine has, which backend draws, and whether each is correct.

    The whole output is made to be pasted into an issue. The exit status is 1 if something is wrong.
    """
    wrong = 0
    click.echo("```text")
    for finding in findings():
        wrong += not finding.sound
        click.echo(f"{'  ' if finding.sound else '! '}{finding.name:<12}{finding.value}")
    click.echo("```")
    click.echo("Nothing is wrong." if not wrong else f"{wrong} of these lines, marked with !, need attention.")
    click.echo("If you file an issue, please paste all of the above.", err=True)
    ctx.exit(1 if wrong else 0)


def findings() -> Iterator[Finding]:
    """Everything, in order; what takes time comes last."""
    import torch

    yield Finding("gghead", __version__)
    yield Finding("Python", f"{platform.python_version()} on {platform.platform()}")
    yield Finding("torch", f"{torch.__version__}, threads: {torch.get_num_threads()}")
    yield threads_finding()
    yield Finding("numba", version("numba"))
    yield from gpu_findings()
    yield from backend_findings()


def threads_finding() -> Finding:
    """Whether torch's threads speed each other up, or wait for each other because another program uses a core."""
    import os

    import torch

    count = torch.get_num_threads()
    waiting = f"waiting {os.environ.get('OMP_WAIT_POLICY', 'as OpenMP likes it').lower()}"
    if count == 1:
        return Finding("threads", f"one; {waiting}")
    together, alone = layers_a_second(count), layers_a_second(1)
    advice = "" if together > alone else "; another program takes a core: OMP_NUM_THREADS=1 is faster now"
    return Finding("threads", f"{count} are {together / alone:.1f} times as fast as one; {waiting}{advice}")


def layers_a_second(threads: int) -> float:
    """Convolutions of the size of a small network's layers that torch computes in a second; takes half of one."""
    import torch
    from torch.utils.benchmark import Timer

    layer = {"x": torch.zeros(1, 32, 64, 64), "weight": torch.zeros(32, 32, 3, 3)}
    timer = Timer("torch.conv2d(x, weight)", globals=layer, num_threads=threads)
    return 1 / timer.blocked_autorange(min_run_time=MEASURED_SECONDS).mean


def gpu_findings() -> Iterator[Finding]:
    """GPUs, driver, and what compiles for them."""
    import torch

    from gghead.cuda.availability import has_cuda_core

    if not torch.cuda.is_available():
        reason = "this torch is built without CUDA" if torch.version.cuda is None else "torch sees none"
        yield Finding("GPU", f"none: {reason}")
        return
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        yield Finding(
            f"GPU {index}",
            f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB, sm_{properties.major}{properties.minor}",
        )
    yield Finding("CUDA", f"torch is built for {torch.version.cuda}, the driver is made for {driver_version()}")
    if not has_cuda_core():
        yield Finding("cuda-core", "missing; the CUDA backend needs it: pip install 'gghead[cuda]'", sound=False)
        return
    from gghead.cuda.program import cache_folder

    yield Finding("cuda-core", version("cuda-core"))
    yield nvrtc_finding()
    yield Finding("kernels", f"kept in {cache_folder()}")


def driver_version() -> str:
    """The CUDA version that the driver supports; unknown without cuda-bindings."""
    try:
        from cuda.bindings import driver  # pyright: ignore[reportAttributeAccessIssue] - compiled, without stubs
    except ImportError:
        return "an unknown version (cuda-bindings is missing)"
    error, number = driver.cuDriverGetVersion()
    return f"an unknown version ({error.name})" if error else f"{number // 1000}.{number % 1000 // 10}"


def nvrtc_finding() -> Finding:
    """The compiler of the kernels, asked to compile."""
    from gghead.cuda.program import compile_program, nvrtc_version
    from gghead.rasterizer.cuda.kernels import Variant

    try:
        compile_program(Variant(1, 0, False).source, "sm_80")
    except Exception as error:  # whatever is wrong with it is the finding
        return Finding("NVRTC", f"does not compile ({type(error).__name__}: {error}); {NVRTC_ADVICE}", sound=False)
    return Finding("NVRTC", f"{nvrtc_version()}, compiles")


def backend_findings() -> Iterator[Finding]:
    """Which backend draws on which device, and how far each is from the reference."""
    import torch

    from gghead.cuda.availability import obstacle
    from gghead.rasterizer.backends import choose_by_tensors
    from gghead.rasterizer.self_test import self_test

    devices = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    tests: list[tuple[Backend, str]] = [("reference", "cpu"), ("cpu", "cpu")]
    for device in devices:
        kind = device.split(":")[0]
        chosen = choose_by_tensors(torch.device(device), torch.float32)
        reason = obstacle(torch.device(device)) if kind == "cuda" else None
        why = f", because {reason}" if reason else ""
        yield Finding("draws", f"float32 on {device}: backend {chosen}{why}; float64: reference", reason is None)
        if chosen == "cuda":
            tests.append(("cuda", device))
    for backend, device in tests:
        try:
            errors = self_test(backend, device)
        except Exception as error:  # whatever is wrong with it is the finding
            yield Finding("self-test", f"{backend} on {device}: {type(error).__name__}: {error}", sound=False)
            continue
        verdict = "as the reference" if errors.sound else "NOT as the reference"
        off = f"picture off by {errors.picture:.1e}, gradients by {errors.gradient:.1e} of their norm"
        yield Finding("self-test", f"{backend} on {device}: {verdict}; {off}", errors.sound)
