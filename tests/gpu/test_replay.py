"""Heads of a frozen generator that are replayed as CUDA graphs are those that are launched."""

import threading
from dataclasses import fields

import pytest
import torch
from torch import Tensor

from gghead.config.model import GeneratorConfig
from gghead.cuda.graphs import WARMUP
from gghead.gaussians.scene import Gaussians
from gghead.model.generator import Generator, build_generator
from gghead.model.replay import Recorder
from gghead.stylegan.folding import freeze
from tolerances import CUDA_FLOAT32

pytestmark = pytest.mark.gpu

HEADS = WARMUP + 3
"""After which a graph exists."""


def frozen_generator() -> Generator:
    generator = build_generator(GeneratorConfig(8, 8, 2, False, 32, 64, 8, 40, 0), seed=0).cuda()
    freeze(generator)
    return generator


def recorders(generator: Generator) -> list[Recorder]:
    assert generator.replay._folding is not None
    found = [folded.result for folded in generator.replay._folding._results.values()]
    return [result for result in found if isinstance(result, Recorder)]


def numbers(heads: Gaussians) -> Tensor:
    return torch.cat([getattr(heads, field.name).flatten() for field in fields(heads)])


def require_launched(generator: Generator, heads: Gaussians, seed: int) -> None:
    """Raises unless heads are those that are launched as they are, as two of the same seed in a batch are."""
    expected = numbers(generator.sample([seed, seed])[:1])
    assert float((numbers(heads) - expected).norm() / expected.norm()) < CUDA_FLOAT32


@pytest.fixture(autouse=True)
def exact_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Matrix products and convolutions in full precision."""
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def test_replayed_heads_are_the_callers_own() -> None:
    generator = frozen_generator()
    heads = [generator.sample([seed]) for seed in range(2 * HEADS)]
    (recorder,) = recorders(generator)
    assert recorder._replayer is not None
    for seed, head in enumerate(heads):
        require_launched(generator, head, seed)
    with torch.inference_mode():
        require_launched(generator, generator.sample([7]), 7)


def test_what_changes_is_recorded_anew() -> None:
    generator = frozen_generator()
    for _ in range(HEADS):
        before = generator.sample([0])
    with torch.no_grad():
        for parameter in generator.synthesis.parameters():
            parameter.mul_(1.1)
        generator.position_bias.add_(0.1)
    for _ in range(HEADS):
        require_launched(generator, generator.sample([0]), 0)
    assert not torch.equal(generator.sample([0]).means, before.means)
    freeze(generator)  # lets go of the weights that the graph read
    for _ in range(HEADS):
        require_launched(generator, generator.cuda().sample([0]), 0)


def test_settings_have_graphs_of_their_own() -> None:
    generator = frozen_generator()
    styles = generator.styles([0])
    heads = {}
    for _ in range(HEADS):
        for blocks in (0, 2):
            generator.synthesis.bf16_blocks = blocks
            for noise in ("const", "none"):
                heads[blocks, noise] = numbers(generator.decode(styles, noise))
    assert len(recorders(generator)) == 4
    generator.synthesis.bf16_blocks = 0
    require_launched(generator, generator.decode(styles), 0)
    assert len({float(head.double().sum()) for head in heads.values()}) >= 2


def test_gradients_are_launched() -> None:
    generator = frozen_generator()
    styles = generator.styles([0]).requires_grad_()
    for _ in range(HEADS):
        (gradient,) = torch.autograd.grad(generator.decode(styles).scales.sum(), styles)
    assert gradient.any()


def test_threads_and_streams_share_a_graph() -> None:
    generator, wrong = frozen_generator(), []
    expected = {seed: numbers(generator.sample([seed, seed])[:1]) for seed in range(4)}

    def make(seed: int) -> None:
        with torch.cuda.stream(torch.cuda.Stream()):
            for _ in range(20):
                found = numbers(generator.sample([seed]))
                wrong.append(float((found - expected[seed]).norm() / expected[seed].norm()))

    torch.cuda.synchronize()
    threads = [threading.Thread(target=make, args=(seed,)) for seed in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wrong) == 80
    assert max(wrong) < CUDA_FLOAT32
