"""Pictures for measurements are the same replayed as launched."""

from itertools import pairwise

import pytest
import torch

from gghead.config.model import GeneratorConfig
from gghead.cuda.graphs import WARMUP, run_directly
from gghead.geometry.cameras import Cameras
from gghead.inference.generated import ConditioningCamera, GeneratedHeads, SamplingProtocol
from gghead.model.generator import build_generator
from gghead.stylegan.folding import freeze

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("camera", ["render", "front"])
def test_batches_of_two_sizes_are_replayed(camera: ConditioningCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    generator = build_generator(GeneratorConfig(8, 8, 2, True, 32, 64, 8, 40, 0), seed=0).cuda()
    freeze(generator)
    labels, protocol = Cameras.orbit(7, 64).labels(), SamplingProtocol(seed=3, resolution=64, mapping_camera=camera)
    replayed, launched = (GeneratedHeads(generator, labels, protocol) for _ in range(2))
    launched._runner = run_directly
    ends = [4 * number for number in range(WARMUP + 4)] + [4 * WARMUP + 18 + 2 * number for number in range(WARMUP + 3)]
    for start, stop in pairwise(ends):
        found, expected = (fakes.draw(range(start, stop)) for fakes in (replayed, launched))
        assert bool(found.finite.all())
        assert int((found.pixels.int() - expected.pixels.int()).abs().max()) <= 1, "rounded to the other side at most"
