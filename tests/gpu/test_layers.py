"""The networks' kernels on a CUDA device against plain torch on the CPU."""

import copy

import pytest
import torch
from torch import Tensor, nn

from gghead.stylegan.activations import bias_activation, smoothed_activation, style_activation
from gghead.stylegan.convolution import conv2d
from gghead.stylegan.discriminator import DiscriminatorNetwork
from gghead.stylegan.folding import freeze
from gghead.stylegan.layers import initialize
from gghead.stylegan.pictures import read_pictures
from gghead.stylegan.resampling import (
    add_upsampled,
    downsample,
    smooth,
    smooth_transposed,
    upsample,
    upsampling_conv,
    with_downsampled,
)
from gghead.stylegan.synthesis import SynthesisNetwork
from tolerances import CUDA_FLOAT32, CUDA_HALF

pytestmark = pytest.mark.gpu

TYPES = [(torch.float32, CUDA_FLOAT32), (torch.bfloat16, CUDA_HALF)]


@pytest.fixture(autouse=True)
def exact_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Matrix products and convolutions in full precision."""
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def distance(actual: Tensor, expected: Tensor) -> float:
    """Relative difference in norm."""
    return float(
        (actual.detach().double().cpu() - expected.detach().double()).norm() / expected.detach().double().norm()
    )


def results(function: object, inputs: list[Tensor]) -> list[Tensor]:
    """Outputs of a function, and the gradients of a random linear function of them."""
    leaves = [tensor.detach().requires_grad_() for tensor in inputs]
    outputs = function(*leaves)
    outputs = [out for out in (outputs if isinstance(outputs, tuple) else (outputs,)) if out is not None]
    loss = sum((out.float() * normal(*out.shape, seed=i).to(out.device)).sum() for i, out in enumerate(outputs))
    return [*outputs, *torch.autograd.grad(loss, leaves)]


def compare(function: object, inputs: list[Tensor], dtype: torch.dtype, bound: float, features: int) -> None:
    """The function in double precision on the CPU and in a type on the GPU; the first inputs are features."""
    inputs = [tensor.to(dtype) if i < features else tensor for i, tensor in enumerate(inputs)]
    expected = results(function, [tensor.double() for tensor in inputs])
    actual = results(function, [tensor.cuda() for tensor in inputs])
    for i, (got, wanted) in enumerate(zip(actual, expected, strict=True)):
        assert got.shape == wanted.shape
        assert distance(got, wanted) < bound, i


@pytest.mark.parametrize(("dtype", "bound"), TYPES)
@pytest.mark.parametrize("operator", [upsample, downsample, smooth, smooth_transposed])
@pytest.mark.parametrize("shape", [(2, 16, 10, 6), (3, 22, 4, 36), (1, 1, 2, 2), (2, 512, 32, 32)])
def test_resampling(operator: object, shape: tuple[int, ...], dtype: torch.dtype, bound: float) -> None:
    compare(operator, [normal(*shape)], dtype, bound, features=1)


@pytest.mark.parametrize(("dtype", "bound"), TYPES)
def test_resampling_convolutions(dtype: torch.dtype, bound: float) -> None:
    compare(upsampling_conv, [normal(2, 16, 10, 6), normal(16, 8, 3, 3)], dtype, bound, features=2)
    inputs = [normal(2, 16, 10, 6), normal(8, 16, 3, 3)]
    compare(lambda x, weight: conv2d(smooth(x), weight, stride=2), inputs, dtype, bound, features=2)


@pytest.mark.parametrize(("dtype", "bound"), TYPES)
@pytest.mark.parametrize("shape", [(2, 16, 10, 6), (3, 22, 4, 36), (1, 64, 70, 34)])
def test_features_beside_resampled_ones(shape: tuple[int, ...], dtype: torch.dtype, bound: float) -> None:
    compare(with_downsampled, [normal(*shape)], dtype, bound, features=1)
    small = normal(*shape[:2], shape[2] // 2, shape[3] // 2, seed=1)
    compare(add_upsampled, [normal(*shape), small], dtype, bound, features=2)


@pytest.mark.parametrize(("dtype", "bound"), TYPES)
@pytest.mark.parametrize("channels", [8, 128, 2048, 24])
@pytest.mark.parametrize("pictures", [1, 3])
def test_style_activation(pictures: int, channels: int, dtype: torch.dtype, bound: float) -> None:
    noise = normal(pictures, 1, 13, 5, seed=7)

    def function(x: Tensor, norm: Tensor, bias: Tensor, strength: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        return style_activation(x, norm, bias, noise.to(x.device), strength, scale)

    x, norm, scale = normal(3, channels, 13, 5), normal(3, channels, seed=1), normal(3, channels, seed=2)
    compare(function, [x, norm, normal(channels, seed=3), torch.tensor(0.7), scale], dtype, bound, features=1)


@pytest.mark.parametrize("kept", [True, False])
def test_style_activation_of_fewer_things(kept: bool) -> None:
    def function(x: Tensor, norm: Tensor, bias: Tensor) -> tuple[Tensor | None, Tensor | None]:
        scale = None if kept else torch.linspace(-1, 1, 32, device=x.device, dtype=norm.dtype).expand(2, 32)
        return style_activation(x, norm, bias, None, x.new_ones(()), scale, is_kept=kept)

    inputs = [normal(2, 32, 20, 30), normal(2, 32, seed=1), normal(32, seed=2)]
    compare(function, inputs, torch.float32, CUDA_FLOAT32, features=1)


@pytest.mark.parametrize(("dtype", "bound"), TYPES)
def test_bias_activation(dtype: torch.dtype, bound: float) -> None:
    compare(bias_activation, [normal(2, 64, 12, 20), normal(64)], dtype, bound, features=1)
    residual = normal(2, 64, 12, 20, seed=2)
    compare(
        lambda x, more, bias: bias_activation(x, bias, more),
        [normal(2, 64, 12, 20), residual, normal(64)],
        dtype,
        bound,
        2,
    )


@pytest.mark.parametrize(("dtype", "bound"), TYPES)
@pytest.mark.parametrize("shape", [(2, 64, 12, 20), (1, 2048, 3, 5), (3, 8, 40, 33), (2, 128, 32, 32), (2, 24, 6, 6)])
def test_smoothed_activation(shape: tuple[int, ...], dtype: torch.dtype, bound: float) -> None:
    compare(smoothed_activation, [normal(*shape), normal(shape[1])], dtype, bound, features=1)


@pytest.mark.parametrize("channels", [8, 32, 256, 24, 512])
def test_reading_pictures(channels: int) -> None:
    """24 and 512 are no case for the kernels; torch alone rounds to bfloat16 after each operation."""
    inputs = [normal(2, 3, 50, 33), normal(channels, 3, seed=1), normal(channels, seed=2)]
    for dtype, bound in TYPES if channels in (8, 32, 256) else TYPES[:1]:
        compare(read_pictures, inputs, dtype, bound, features=1)


@pytest.mark.parametrize(("dtype", "bound"), TYPES)
@pytest.mark.parametrize("function", [bias_activation, smoothed_activation])
def test_second_derivatives_of_activations(function: object, dtype: torch.dtype, bound: float) -> None:
    """A penalty on the gradient w.r.t. x, as R1 makes it: what the gradients of the penalty are."""

    def penalties(x: Tensor, bias: Tensor, upstream: Tensor) -> list[Tensor]:
        leaves = [tensor.detach().requires_grad_() for tensor in (x, upstream)]
        (gradient,) = torch.autograd.grad(function(leaves[0], bias), leaves[0], leaves[1], create_graph=True)
        (second,) = torch.autograd.grad(gradient.square().sum(), leaves[1])
        return [gradient, second]

    x, bias, more = normal(2, 32, 9, 17).to(dtype), normal(32), int(function is smoothed_activation)
    upstream = normal(2, 32, 9 + more, 17 + more, seed=3).to(dtype)
    expected = penalties(x.double(), bias.double(), upstream.double())
    actual = penalties(x.cuda(), bias.cuda(), upstream.cuda())
    for got, wanted in zip(actual, expected, strict=True):
        assert distance(got, wanted) < bound


def all_gradients(network: nn.Module) -> Tensor:
    """Gradients by all weights as one vector: some of its parts are next to nothing, sums of what cancels."""
    return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])


def penalty_gradients(critic: nn.Module, pictures: Tensor, labels: Tensor) -> list[Tensor]:
    """Logits, and the gradients of R1."""
    pictures = pictures.detach().requires_grad_()
    logits = critic(pictures, labels)
    (gradient,) = torch.autograd.grad(logits.sum(), pictures, create_graph=True)
    gradient.square().sum().backward()
    return [logits, all_gradients(critic)]


@pytest.mark.parametrize(("bf16_blocks", "bound"), [(0, CUDA_FLOAT32), (2, CUDA_HALF)])
def test_r1_of_the_critic(bf16_blocks: int, bound: float) -> None:
    critic = DiscriminatorNetwork(32, 3, 5, channel_base=512, channel_max=64, mapping_layers=2, group_size=2)
    initialize(critic, seed=0)
    twin = copy.deepcopy(critic).cuda()
    twin.bf16_blocks = bf16_blocks
    pictures, labels = normal(4, 3, 32, 32), normal(4, 5)
    expected = penalty_gradients(critic.double(), pictures.double(), labels.double())
    actual = penalty_gradients(twin, pictures.cuda(), labels.cuda())
    assert distance(actual[0], expected[0]) < bound
    assert distance(actual[1], expected[1]) < 20 * bound


@pytest.mark.parametrize(("bf16_blocks", "bound"), [(0, CUDA_FLOAT32), (2, CUDA_HALF)])
def test_synthesis(bf16_blocks: int, bound: float) -> None:
    network = SynthesisNetwork(16, 32, 22, channel_base=512, channel_max=64)
    initialize(network, seed=0)
    styles = normal(3, network.num_styles, 16)
    twin = copy.deepcopy(network).cuda()
    twin.bf16_blocks = bf16_blocks
    expected, actual = network.double()(styles.double()), twin(styles.cuda())
    assert actual.dtype == torch.float32
    assert distance(actual, expected) < bound
    for image in (expected, actual):
        (image * normal(*image.shape).to(image)).sum().backward()
    assert distance(all_gradients(twin), all_gradients(network)) < 3 * bound


@pytest.mark.parametrize("pictures", [1, 2])
@pytest.mark.parametrize(("bf16_blocks", "bound"), [(0, CUDA_FLOAT32), (2, CUDA_HALF)])
def test_frozen_synthesis(bf16_blocks: int, bound: float, pictures: int) -> None:
    network = SynthesisNetwork(16, 32, 22, channel_base=512, channel_max=64)
    initialize(network, seed=0)
    styles = normal(pictures, network.num_styles, 16)
    frozen = copy.deepcopy(network).cuda()
    frozen.bf16_blocks = bf16_blocks
    freeze(frozen)
    first, second = (frozen(styles.cuda()) for _ in range(2))
    assert torch.equal(first, second)
    assert distance(first, network.double()(styles.double())) < bound
