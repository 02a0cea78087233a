"""Visitors' heads are made and drawn while a photograph is fitted, and are the same as without."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gghead.inversion.fitting import Stage
from gghead.inversion.qualities import QUALITIES
from gghead.photos import Photo
from gghead.viewer.heads_service import HeadsService
from gghead.viewer.photographs.fitter import FitProgress, PhotographFitter
from gghead.viewer.state import HeadChoice, Look, View
from viewer.photographs.conftest import SIDE
from viewer.photographs.test_fitter import UPLOAD
from viewer.test_client_session import PATIENCE

SEEDS = range(8)


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_heads_are_the_same_while_a_photograph_is_fitted(
    device: str, prepares: Callable[[Callable[[], Photo]], None], model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.use_deterministic_algorithms(False)  # the gradient of resizing has no such kernel on CUDA
    monkeypatch.setitem(QUALITIES, "fast", (Stage(15, details=False), Stage(15, details=True)))
    begun, fitted = threading.Event(), []

    def tell(progress: FitProgress) -> None:
        if progress.share:
            begun.set()

    def draw(service: HeadsService) -> list[np.ndarray]:
        views = [View(HeadChoice(seed), Look(side=4 * SIDE)) for seed in SEEDS]
        return [service.portrait(model_file, view, 4 * SIDE) for view in views]

    def fit() -> None:
        fitted.append(PhotographFitter(device).fit(model_file, UPLOAD, "fast", tell, lambda: False))

    alone = draw(HeadsService(device))
    thread = threading.Thread(target=fit, daemon=True)
    thread.start()
    assert begun.wait(PATIENCE)
    rounds = 0
    service = HeadsService(device)
    while rounds < 2 or thread.is_alive():
        for picture, expected in zip(draw(service), alone, strict=True):
            np.testing.assert_allclose(picture.astype(int), expected, atol=device == "cuda")
        rounds += 1
    (result,) = fitted
    assert result.person.residual.isfinite().all()
    assert result.person.residual.abs().max() > 0
