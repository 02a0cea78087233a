"""The same code on a CUDA device: pictures, training, sampling. `python -m pytest -m gpu` runs what is in here."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gghead.geometry.cameras import Cameras
from gghead.inference.loading import load
from gghead.inference.observation import draw
from gghead.model.generator import build_generator
from gghead.rasterizer import render
from gghead.runs.run_folder import RunFolder
from gghead.training.loop import Outcome, train
from tiny_run import MODEL, SilentMonitor, tiny_config, write_tiny_dataset
from tolerances import CUDA_PICTURE

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def exact_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA's own deterministic matrix products, in full precision."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(False)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def test_pictures_are_those_of_the_cpu() -> None:
    generator = build_generator(MODEL.generator, seed=0)
    cameras = Cameras.orbit(frames=3, resolution=48)
    with torch.no_grad():
        expected = render(generator.sample(seeds=[0, 1]), cameras).rgb
        drawn = render(generator.to("cuda").sample(seeds=[0, 1]), cameras.to("cuda")).rgb
    assert drawn.device.type == "cuda"
    torch.testing.assert_close(drawn.cpu(), expected, **CUDA_PICTURE._asdict())


@pytest.mark.parametrize("side", [16, 64])
def test_heads_are_seen_as_on_the_cpu(side: int) -> None:
    """Supersampled, and with the smoothing filter."""
    generator = build_generator(replace(MODEL.generator, picture_resolution=32, supersampling=2), seed=0)
    cameras = Cameras.frontal(side)
    with torch.no_grad():
        heads = generator.sample(seeds=[0, 1])
        expected = draw(generator, heads, cameras).rgb
        drawn = draw(generator.to("cuda"), heads.to("cuda"), cameras.to("cuda")).rgb
    torch.testing.assert_close(drawn.cpu(), expected, **CUDA_PICTURE._asdict())


def test_a_run_trains_resumes_and_samples(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", tiny_config(write_tiny_dataset(tmp_path / "blobs.zip"), total_images=32))
    monitor = SilentMonitor()
    assert train(run, monitor, "cuda") == Outcome(images=32, interrupted=False)
    assert train(RunFolder.open(run.path), monitor, "cuda") == Outcome(images=32, interrupted=False)
    heads = load(run.path, "cuda").sample(seeds=[3])
    assert torch.isfinite(heads.means).all()
