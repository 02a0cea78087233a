"""What can be known of the decoder's kernels without a GPU."""

import pytest
import torch

pytest.importorskip("cuda.core", reason="needs the extra cuda")

from gghead.config.model import GeneratorConfig
from gghead.cuda.program import compile_program
from gghead.model import cuda_decoder
from gghead.model.cuda_decoder import KERNELS, Gathering, source
from gghead.uv.samples import sample_maps
from tolerances import EXACT_FLOAT32


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90", "sm_100"])
@pytest.mark.parametrize("degree", [0, 1, 3])
def test_every_kernel_compiles(architecture: str, degree: int) -> None:
    binary = compile_program(source(GeneratorConfig(sh_degree=degree)), architecture)
    for name in KERNELS:
        assert f".text.{name}\0".encode() in binary, name


def test_constants_of_python_and_cuda_agree() -> None:
    text = (cuda_decoder.SOURCES / "decoding.cu").read_text()
    assert f"#define THREADS {cuda_decoder.THREADS}" in text
    assert f"#define MIXED {cuda_decoder.MIXED}" in text


@pytest.mark.parametrize("side", [1, 2, 7])
def test_gathering_is_the_transpose_of_sampling(side: int) -> None:
    uvs = torch.rand(50, 2, generator=torch.Generator().manual_seed(0)) * 2.4 - 1.2  # some beyond the border
    uvs[:2] = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    maps = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(1), requires_grad=True)
    upstream = torch.randn(1, 50, 3, generator=torch.Generator().manual_seed(2))
    (expected,) = torch.autograd.grad(sample_maps(maps, uvs), maps, upstream)
    gathering = Gathering.of(uvs, side)
    texel = torch.repeat_interleave(torch.arange(side * side), gathering.starts.diff().long())
    contributions = gathering.weights[:, None] * upstream[0, gathering.points.long()]
    actual = torch.zeros(side * side, 3).index_add_(0, texel, contributions)
    torch.testing.assert_close(actual.T.reshape(1, 3, side, side), expected, **EXACT_FLOAT32._asdict())
