"""The layers' CUDA kernels: one pass over memory for what follows or precedes a convolution.

Features lie channels last, as 32-bit floats or bfloat16; kernels/values.cuh says how. `takes` says which tensors are
for the kernels; everything else goes through plain torch, which computes the same.
"""

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from gghead.cuda.availability import is_available
from gghead.stylegan.constants import SLOPE

if TYPE_CHECKING:
    from gghead.cuda.program import Source

SOURCES = Path(__file__).parent / "kernels"
UNITS = ("filter", "activation", "picture")
KERNELS = (
    "smooth_8", "halve_8", "enlarge_8", "smooth_1", "halve_1", "enlarge_1", "activate_and_smooth",
    "activate_and_smooth_backward", "style_activation", "style_activation_backward", "bias_activation",
    "bias_activation_backward", "read_pictures", "read_pictures_backward",
)  # fmt: skip
THREADS = 256
"""Threads of a block; values.cuh says the same."""
VECTOR = 8
"""Channels that a thread takes at once; likewise."""
ROWS = 16
"""Rows that a thread of a filter walks down; filter.cu says the same."""
COLUMNS = {"smooth": 2, "halve": 1, "enlarge": 1}
"""Columns that it takes at once; likewise."""
COLORS = 3
"""Channels of a picture; picture.cu says the same."""
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


def takes_pictures(pictures: Tensor, channels: int) -> bool:
    """Whether the kernels of the first layer can read pictures into so many channels: a power of two, from 8 to 256."""
    is_known = pictures.shape[1] == COLORS and VECTOR <= channels <= 256 and channels & (channels - 1) == 0
    return is_known and takes(pictures)


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
    """The same values with the channels of a pixel side by side in memory, as convolutions like them."""
    return x.contiguous(memory_format=torch.channels_last)


def lay_channels_last(network: nn.Module) -> None:
    """Lays the kernels of convolutions out as a GPU reads them, so that it copies none; the numbers stay."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = channels_last(parameter.data)


def filter_cuda(
    x: Float[Tensor, "B C H W"],
    kind: Literal["smooth", "halve", "enlarge"],
    padding: int,
    gain: float,
    other: Float[Tensor, "B C h w"] | None = None,
) -> Float[Tensor, "B C h w"]:
    """Filters every channel; see `resampling`.

    Args:
        x: features.
        kind: at the same size, every second pixel, or the transpose of that.
        padding: zeros around the picture; enlarging takes that of its transpose, 1.
        gain: factor of the result.
        other: what is added to enlarged features.
    """
    from gghead.cuda.program import bits_of

    x = channels_last(x)
    batch, channels, height, width = x.shape
    if kind == "enlarge":
        size, walked = (2 * height, 2 * width), (height, width)
    else:
        step = 1 if kind == "smooth" else 2
        size = walked = ((height + 2 * padding - 4) // step + 1, (width + 2 * padding - 4) // step + 1)
    out = torch.empty((batch, channels, *size), dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    vector = VECTOR if channels % VECTOR == 0 else 1
    blocks = filter_blocks(kind, batch, channels // vector, *walked)
    if kind == "enlarge":
        beside = None if other is None else channels_last(other)
        launch(f"enlarge_{vector}", x, blocks, (x, beside, out, height, width, channels, bits_of(gain)))
    else:
        launch(f"{kind}_{vector}", x, blocks, (x, out, height, width, channels, padding, bits_of(gain)))
    return out


def filter_blocks(
    kind: Literal["smooth", "halve", "enlarge"], batch: int, groups: int, rows: int, columns: int
) -> tuple[int, int, int]:
    """The grid of a filter that walks down so many rows of so many columns, for groups of channels."""
    threads = -(-columns // COLUMNS[kind]) * groups
    return -(-threads // THREADS), -(-rows // ROWS), batch


def activate_and_smooth_cuda(
    x: Float[Tensor, "B C H W"], bias: Float[Tensor, " C"]
) -> tuple[Float[Tensor, "B C H+1 W+1"], UInt8[Tensor, "B H W C//8"]]:
    """The filter at the same size, padded by 2, of leaky ReLU(x + bias); and the signs of x + bias, a bit each."""
    x = channels_last(x)
    batch, channels, height, width = x.shape
    size = (batch, channels, height + 1, width + 1)
    out = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    signs = empty_signs(x)
    blocks = filter_blocks("smooth", batch, channels // VECTOR, height + 1, width + 1)
    launch("activate_and_smooth", x, blocks, (x, bias, signs, out, height, width, channels))
    return out, signs


def activate_and_smooth_backward_cuda(
    gradient: Float[Tensor, "B C H W"], signs: UInt8[Tensor, "B H-1 W-1 C//8"], with_bias: bool
) -> tuple[Float[Tensor, "B C H-1 W-1"], Float[Tensor, " C"] | None]:
    """Gradients w.r.t. x and, if wanted, by bias."""
    gradient = channels_last(gradient)
    batch, channels, height, width = gradient.shape
    size = (batch, channels, height - 1, width - 1)
    out = torch.empty(size, dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last)
    blocks = filter_blocks("smooth", batch, channels // VECTOR, height - 1, width - 1)
    sums = gradient.new_empty(math.prod(blocks), channels, dtype=torch.float32) if with_bias else None
    launch("activate_and_smooth_backward", gradient, blocks, (gradient, signs, out, sums, height, width, channels))
    return out, None if sums is None else sums.sum(0)


def empty_signs(x: Float[Tensor, "B C H W"]) -> UInt8[Tensor, "B H W C//8"]:
    """Room for the sign of every feature, a bit each."""
    batch, channels, height, width = x.shape
    return torch.empty(batch, height, width, channels // VECTOR, dtype=torch.uint8, device=x.device)


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


def bias_activation_cuda(
    x: Float[Tensor, "B C H W"], bias: Float[Tensor, " C"], residual: Float[Tensor, "B C H W"] | None
) -> tuple[Float[Tensor, "B C H W"], UInt8[Tensor, "B H W C//8"]]:
    """leaky ReLU(x + bias) + residual, if there is one; and the signs of x + bias, a bit each."""
    x = channels_last(x)
    pixels, channels = x.numel() // x.shape[1], x.shape[1]
    run, blocks = runs_of(pixels, channels, RUN)
    y, signs = torch.empty_like(x), empty_signs(x)
    more = None if residual is None else channels_last(residual)
    launch("bias_activation", x, (blocks, 1, 1), (x, bias, more, y, signs, pixels, channels, run))
    return y, signs


def bias_activation_backward_cuda(
    grad_y: Float[Tensor, "B C H W"], signs: UInt8[Tensor, "B H W C//8"], with_bias: bool
) -> tuple[Float[Tensor, "B C H W"], Float[Tensor, " C"] | None]:
    """Gradients w.r.t. x and, if wanted, by bias."""
    grad_y = channels_last(grad_y)
    pixels, channels = grad_y.numel() // grad_y.shape[1], grad_y.shape[1]
    run, blocks = runs_of(pixels, channels, RUN_BACK)
    grad_x = torch.empty_like(grad_y)
    sums = grad_y.new_empty(blocks, channels, dtype=torch.float32) if with_bias else None
    launch("bias_activation_backward", grad_y, (blocks, 1, 1), (grad_y, signs, grad_x, sums, pixels, channels, run))
    return grad_x, None if sums is None else sums.sum(0)


def read_pictures_cuda(
    pictures: Float[Tensor, "B 3 H W"], weight: Float[Tensor, "C 3"], bias: Float[Tensor, " C"]
) -> tuple[Float[Tensor, "B C H W"], UInt8[Tensor, "B H W C//8"]]:
    """leaky ReLU(weight colours + bias) of each pixel; and the signs before, a bit each."""
    pictures = channels_last(pictures)
    batch, _, height, width = pictures.shape
    size, pixels = (batch, len(weight), height, width), batch * height * width
    y = torch.empty(size, dtype=pictures.dtype, device=pictures.device, memory_format=torch.channels_last)
    signs = empty_signs(y)
    run, blocks = runs_of(pixels, len(weight), RUN_BACK)
    launch("read_pictures", pictures, (blocks, 1, 1), (pictures, weight, bias, y, signs, pixels, len(weight), run))
    return y, signs


def read_pictures_backward_cuda(
    grad_y: Float[Tensor, "B C H W"],
    signs: UInt8[Tensor, "B H W C//8"],
    pictures: Float[Tensor, "B 3 H W"],
    weight: Float[Tensor, "C 3"],
    with_pictures: bool,
    with_weight: bool,
) -> tuple[Float[Tensor, "B 3 H W"] | None, Float[Tensor, "C 3"] | None, Float[Tensor, " C"] | None]:
    """Gradients w.r.t. pictures, if wanted, and w.r.t. weight and bias, if wanted."""
    grad_y, pictures = channels_last(grad_y), channels_last(pictures)
    pixels, channels = grad_y.numel() // grad_y.shape[1], grad_y.shape[1]
    run, blocks = runs_of(pixels, channels, RUN_BACK)
    grad_pictures = torch.empty_like(pictures) if with_pictures else None
    sums = grad_y.new_empty(blocks, COLORS + 1, channels, dtype=torch.float32) if with_weight else None
    launch(
        "read_pictures_backward", grad_y, (blocks, 1, 1),
        (grad_y, signs, pictures, weight, grad_pictures, sums, pixels, channels, run),
    )  # fmt: skip
    if sums is None:
        return grad_pictures, None, None
    *by_weight, by_bias = sums.sum(0)
    return grad_pictures, torch.stack(by_weight, dim=1), by_bias
