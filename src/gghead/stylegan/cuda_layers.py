"""The layers' CUDA kernels: one pass over memory for what follows or precedes a convolution.

Features lie channels last, as 32-bit floats or bfloat16; kernels/values.cuh says how. `takes` says which tensors are
for the kernels; everything else goes through plain torch, which computes the same.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from gghead.cuda.availability import is_available
from gghead.stylegan.constants import SLOPE

if TYPE_CHECKING:
    from gghead.cuda.program import Source

SOURCES = Path(__file__).parent / "kernels"
UNITS = ("filter", "activation")
KERNELS = (
    "smooth_8", "halve_8", "enlarge_8", "smooth_1", "halve_1", "enlarge_1", "style_activation",
    "style_activation_backward", "bias_activation", "bias_activation_backward",
)  # fmt: skip
THREADS = 256
"""Threads of a block; values.cuh says the same."""
VECTOR = 8
"""Channels that a thread takes at once; likewise."""
ROWS = 8
"""Rows that a thread of a filter walks down; filter.cu says the same."""
RUN, RUN_BACK = 8, 32
"""Pixels of a thread in the kernels of activations, forward and backward, where there are many."""
DTYPES = (torch.float32, torch.bfloat16)


def takes(x: Tensor) -> bool:
    """Whether the filters' kernels can work on these features."""
    return x.is_cuda and x.dtype in DTYPES and is_available(x.device)


def takes_channels(x: Tensor) -> bool:
    """Whether the activations' kernels can: a power of two of channels, from 8 to 2048."""
    channels = x.shape[1]
    return takes(x) and VECTOR <= channels <= THREADS * VECTOR and channels & (channels - 1) == 0


@cache
def source(dtype: torch.dtype) -> "Source":
    """The program for features of a type."""
    from gghead.cuda.program import Source

    macros = (("HALF", str(int(dtype == torch.bfloat16))), ("SLOPE", f"{SLOPE!r}f"))
    return Source(SOURCES, UNITS, KERNELS, macros)


def launch(name: str, x: Tensor, blocks: tuple[int, int, int], arguments: tuple[Tensor | int | None, ...]) -> None:
    """Launches a kernel on the device and for the type of x."""
    from gghead.cuda.program import run

    run(source(x.dtype), name, x.device, blocks, arguments)


def channels_last(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """The same values with the channels of a pixel side by side in memory."""
    return x.contiguous(memory_format=torch.channels_last)


def filter_cuda(
    x: Float[Tensor, "B C H W"], kind: Literal["smooth", "halve", "enlarge"], padding: int, gain: float
) -> Float[Tensor, "B C h w"]:
    """Filters every channel; see `resampling`.

    Args:
        x: features.
        kind: at the same size, every second pixel, or the transpose of that.
        padding: zeros around the picture; enlarging takes that of its transpose, 1.
        gain: factor of the result.
    """
    from gghead.cuda.program import bits_of

    x = channels_last(x)
    batch, channels, height, width = x.shape
    if kind == "enlarge":
        size = (2 * height, 2 * width)
        threads, rows = width, height
    else:
        step = 1 if kind == "smooth" else 2
        size = ((height + 2 * padding - 4) // step + 1, (width + 2 * padding - 4) // step + 1)
        rows, threads = size
    out = torch.empty((batch, channels, *size), dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    vector = VECTOR if channels % VECTOR == 0 else 1
    blocks = (-(-threads * channels // (vector * THREADS)), -(-rows // ROWS), batch)
    launch(f"{kind}_{vector}", x, blocks, (x, out, height, width, channels, padding, bits_of(gain)))
    return out


def runs_of(pixels: int, channels: int, longest: int) -> tuple[int, int]:
    """Pixels of a block of the activations' kernels, and the number of blocks."""
    run = THREADS * VECTOR // channels * longest
    return run, -(-pixels // run)


def style_activation_cuda(
    x: Float[Tensor, "B C H W"],
    norm: Float[Tensor, "B C"],
    bias: Float[Tensor, " C"],
    noise: Float[Tensor, "N 1 H W"] | None,
    strength: Float[Tensor, ""],
    scale: Float[Tensor, "B C"] | None,
    is_kept: bool,
) -> tuple[Float[Tensor, "B C H W"] | None, Float[Tensor, "B C H W"] | None]:
    """y = leaky ReLU(x norm + bias + strength noise) if it is to be kept, y scale if there is a scale.

    x lies channels last; the others are 32-bit floats without gaps.
    """
    pixels, channels = x.shape[2] * x.shape[3], x.shape[1]
    run, blocks = runs_of(pixels, channels, RUN)
    y = torch.empty_like(x) if is_kept else None
    z = None if scale is None else torch.empty_like(x)
    launch(
        "style_activation", x, (blocks, len(x), 1),
        (x, norm, bias, noise, strength, scale, y, z, pixels, channels, noise_step(noise, pixels), run),
    )  # fmt: skip
    return y, z


def noise_step(noise: Tensor | None, pixels: int) -> int:
    """Distance of the noises of two pictures in memory; 0 where there is one for all."""
    return pixels if noise is not None and len(noise) > 1 else 0


def style_activation_backward_cuda(
    x: Float[Tensor, "B C H W"],
    norm: Float[Tensor, "B C"],
    bias: Float[Tensor, " C"],
    noise: Float[Tensor, "N 1 H W"] | None,
    strength: Float[Tensor, ""],
    scale: Float[Tensor, "B C"] | None,
    grad_y: Float[Tensor, "B C H W"] | None,
    grad_z: Float[Tensor, "B C H W"] | None,
) -> tuple[Float[Tensor, "B C H W"], Float[Tensor, "B 4 C"]]:
    """Gradients w.r.t. x, and for each picture and channel w.r.t. norm, scale, bias and strength."""
    pixels, channels = x.shape[2] * x.shape[3], x.shape[1]
    run, blocks = runs_of(pixels, channels, RUN_BACK)
    grad_x = torch.empty_like(x)
    sums = torch.empty((len(x), blocks, 4, channels), dtype=torch.float32, device=x.device)
    launch(
        "style_activation_backward", x, (blocks, len(x), 1),
        (x, norm, bias, noise, strength, scale, None if grad_y is None else channels_last(grad_y),
         None if grad_z is None else channels_last(grad_z), grad_x, sums, pixels, channels, noise_step(noise, pixels),
         run),
    )  # fmt: skip
    return grad_x, sums.sum(1)


def bias_activation_cuda(x: Float[Tensor, "B C H W"], bias: Float[Tensor, " C"]) -> Float[Tensor, "B C H W"]:
    """leaky ReLU(x + bias)."""
    x = channels_last(x)
    pixels, channels = x.numel() // x.shape[1], x.shape[1]
    run, blocks = runs_of(pixels, channels, RUN)
    y = torch.empty_like(x)
    launch("bias_activation", x, (blocks, 1, 1), (x, bias, y, pixels, channels, run))
    return y


def bias_activation_backward_cuda(
    grad_y: Float[Tensor, "B C H W"], y: Float[Tensor, "B C H W"], with_bias: bool
) -> tuple[Float[Tensor, "B C H W"], Float[Tensor, " C"] | None]:
    """Gradients w.r.t. x and, if wanted, by bias."""
    grad_y = channels_last(grad_y)
    pixels, channels = y.numel() // y.shape[1], y.shape[1]
    run, blocks = runs_of(pixels, channels, RUN_BACK)
    grad_x = torch.empty_like(y)
    sums = torch.empty((blocks, channels), dtype=torch.float32, device=y.device) if with_bias else None
    launch("bias_activation_backward", y, (blocks, 1, 1), (grad_y, y, grad_x, sums, pixels, channels, run))
    return grad_x, None if sums is None else sums.sum(0)
