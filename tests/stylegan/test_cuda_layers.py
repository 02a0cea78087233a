"""What can be known of the layers' kernels without a GPU: that they compile, and that both sides say the same."""

import pytest
import torch

pytest.importorskip("cuda.core", reason="needs the extra cuda")

from gghead.cuda.program import compile_program
from gghead.stylegan import cuda_layers
from gghead.stylegan.cuda_layers import KERNELS, SOURCES, runs_of, source

ELF_MAGIC = b"\x7fELF"


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90", "sm_100"])
@pytest.mark.parametrize("dtype", cuda_layers.DTYPES)
def test_every_kernel_compiles(architecture: str, dtype: torch.dtype) -> None:
    binary = compile_program(source(dtype), architecture)
    assert binary.startswith(ELF_MAGIC)
    for name in KERNELS:
        assert f".text.{name}\0".encode() in binary, name


def test_constants_of_python_and_cuda_agree() -> None:
    text = "".join(path.read_text() for path in SOURCES.glob("*.cu*"))
    for name in ("THREADS", "VECTOR", "ROWS", "COLORS"):
        assert f"#define {name} {getattr(cuda_layers, name)} " in text.replace("\n", " ")


@pytest.mark.parametrize("channels", [8, 64, 512, 2048])
def test_blocks_cover_all_pixels(channels: int) -> None:
    for pixels in (1, 16, 1000, 65536):
        run, blocks = runs_of(pixels, channels, cuda_layers.RUN)
        assert (blocks - 1) * run < pixels <= blocks * run


def test_nothing_is_for_the_kernels_on_a_cpu() -> None:
    assert not cuda_layers.takes_channels(torch.zeros(1, 8, 4, 4))
