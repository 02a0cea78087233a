"""A fit on a CUDA device goes the way that it goes on the CPU."""

import copy
from pathlib import Path

import pytest
import torch

from gghead.inversion.fitting import Fitting, Stage
from gghead.inversion.losses import multiscale_ssim
from gghead.inversion.targets import Targets, archive_names, read_archive
from gghead.metrics.efficientnet import load_efficientnet
from gghead.model.generator import build_generator
from gghead.stylegan.folding import freeze
from tiny_run import MODEL, write_tiny_dataset
from tolerances import FAINT_STRUCTURE, GPU_FITS

pytestmark = pytest.mark.gpu
SIDE = 32


def losses(fitting: Fitting) -> list[float]:
    """Of some steps on styles, then on details of two pictures; on CUDA the last ones are replayed."""
    found = []
    for stage in (Stage(6, details=False), Stage(6, details=True)):
        optimizer = fitting.optimizer(stage)
        found += [fitting.step(stage, number, optimizer) for number in range(stage.steps)]
    return found


def test_losses_are_those_of_the_cpu(tmp_path: Path) -> None:
    torch.use_deterministic_algorithms(False)  # the gradient of resizing for the network has no such kernel on CUDA
    generator = build_generator(MODEL.generator, seed=0)
    with torch.no_grad():
        generator.position_weight += 0.3 * torch.eye(3)
    freeze(generator.eval())
    archive = write_tiny_dataset(tmp_path / "discs.zip", count=2, resolution=SIDE)
    pictures = read_archive(archive, archive_names(archive, [], SIDE), SIDE)
    try:
        network = load_efficientnet()
    except FileNotFoundError:
        network = None
    fits = []
    for device in ("cpu", "cuda"):
        twin = copy.deepcopy(generator).to(device)
        eye = None if network is None else copy.deepcopy(network).to(device)
        fits.append(Fitting(twin, Targets.of(pictures, SIDE, 4, 0, twin.device), eye))
    torch.testing.assert_close(torch.tensor(losses(fits[1])), torch.tensor(losses(fits[0])), rtol=GPU_FITS, atol=0.0)


def test_structure_of_faint_patterns_is_told_as_on_the_cpu() -> None:
    """Variances are differences of means of squares, for which TF32 is too coarse."""
    noise = torch.Generator().manual_seed(0)
    first, second = (0.8 + 0.02 * torch.randn(2, 3, 192, 160, generator=noise) for _ in range(2))
    found = multiscale_ssim(first.cuda(), second.cuda()).cpu()
    torch.testing.assert_close(found, multiscale_ssim(first, second), rtol=FAINT_STRUCTURE, atol=0.0)
