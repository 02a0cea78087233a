"""Distances between sets of features against closed forms, scipy, and torchmetrics where it is installed."""

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings, strategies as st

from gghead.metrics.frechet import frechet_distance, frechet_distance_of_few
from gghead.metrics.kernel import kernel_distance, squared_discrepancy
from gghead.metrics.moments import Moments
from gghead.metrics.neighbors import nearest, precision_recall
from tolerances import EXACT_FLOAT64, FRECHET


def sample(count: int, size: int, seed: int, shift: float = 0.0, scale: float = 1.0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    mix = torch.randn(size, size, generator=torch.Generator().manual_seed(7)).double()
    return shift + scale * torch.randn(count, size, generator=draw).double() @ mix


def gaussian(mean: torch.Tensor, covariance: torch.Tensor) -> Moments:
    return Moments(1, mean.double(), covariance.double())


def test_identical_sets_are_at_distance_zero() -> None:
    moments = Moments.of(sample(200, 20, 0))
    assert frechet_distance(moments, moments) == pytest.approx(0, abs=1e-9 * float(moments.covariance.trace()))


def test_closed_forms_of_gaussians() -> None:
    eye = torch.eye(5)
    assert frechet_distance(gaussian(torch.zeros(5), eye), gaussian(torch.full((5,), 2.0), eye)) == pytest.approx(20)
    # Commuting covariances: the sum of (sqrt a - sqrt b)^2.
    first, second = torch.tensor([1.0, 4.0, 9.0]), torch.tensor([4.0, 4.0, 1.0])
    distance = frechet_distance(gaussian(torch.zeros(3), first.diag()), gaussian(torch.zeros(3), second.diag()))
    assert distance == pytest.approx(1 + 0 + 4)


@pytest.mark.parametrize(("counts", "size"), [((300, 200), 40), ((30, 20), 40)], ids=["full", "singular"])
def test_the_root_is_that_of_scipy(counts: tuple[int, int], size: int) -> None:
    first = Moments.of(sample(counts[0], size, 1))
    second = Moments.of(sample(counts[1], size, 2, shift=0.3, scale=1.4))
    root = scipy.linalg.sqrtm((first.covariance @ second.covariance).numpy())
    expected = (first.mean - second.mean).square().sum() + (first.covariance + second.covariance).trace()
    assert frechet_distance(first, second) == pytest.approx(float(expected) - 2 * np.trace(root).real, rel=FRECHET)


def test_the_way_for_few_pictures_is_the_same_distance() -> None:
    first, second = sample(15, 40, 1), sample(20, 40, 2, shift=0.3)
    whole = frechet_distance(Moments.of(first), Moments.of(second))
    assert frechet_distance_of_few(first, second) == pytest.approx(whole, rel=FRECHET)
    with pytest.raises(ValueError, match="not finite"):
        frechet_distance_of_few(first, second * torch.nan)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_moments_of_parts_add_up(sizes: list[int], seed: int) -> None:
    features = sample(sum(sizes), 4, seed, shift=100.0)
    total = Moments.of(features[:0])
    for part in features.split(sizes):
        total = total + Moments.of(part)
    whole = Moments.of(features)
    assert total.count == whole.count
    torch.testing.assert_close(total.mean, whole.mean, **EXACT_FLOAT64._asdict())
    torch.testing.assert_close(total.scatter, whole.scatter, rtol=1e-9, atol=1e-9)


def test_bad_sets_are_named() -> None:
    good = Moments.of(sample(5, 3, 0))
    with pytest.raises(ValueError, match="at least one picture"):
        frechet_distance(good, Moments.of(torch.empty(0, 3)))
    with pytest.raises(ValueError, match="same detector"):
        frechet_distance(good, Moments.of(sample(5, 4, 0)))
    with pytest.raises(ValueError, match="not finite"):
        frechet_distance(good, Moments.of(torch.full((2, 3), torch.nan)))
    with pytest.raises(ValueError, match="at least two"):
        kernel_distance(sample(1, 3, 0), sample(5, 3, 0))
    with pytest.raises(ValueError, match="more than 3"):
        precision_recall(sample(3, 3, 0), sample(5, 3, 0))


def test_the_kernel_distance_is_its_definition() -> None:
    x, y = sample(4, 3, 0), sample(5, 3, 1)

    def kernel(a: torch.Tensor, b: torch.Tensor) -> float:
        return float((a @ b / 3 + 1) ** 3)

    same_x = np.mean([kernel(x[i], x[j]) for i in range(4) for j in range(4) if i != j])
    same_y = np.mean([kernel(y[i], y[j]) for i in range(5) for j in range(5) if i != j])
    between = np.mean([kernel(a, b) for a in x for b in y])
    assert float(squared_discrepancy(x, y)) == pytest.approx(same_x + same_y - 2 * between)


def test_the_kernel_distance_is_unbiased_and_sees_a_shift() -> None:
    distances = [float(squared_discrepancy(sample(40, 3, 2 * i), sample(40, 3, 2 * i + 1))) for i in range(200)]
    assert abs(np.mean(distances)) < 3 * np.std(distances) / np.sqrt(200)
    near, far = (kernel_distance(sample(300, 3, 0), sample(300, 3, 1, shift), subsets=5) for shift in (0.0, 2.0))
    assert far.mean > 10 * abs(near.mean)
    assert far.deviation == 0, "sets of one size below a subset's are compared whole, once"
    assert far.mean == pytest.approx(float(squared_discrepancy(sample(300, 3, 0), sample(300, 3, 1, 2.0))))
    more = [kernel_distance(sample(1100, 3, 0), sample(1000, 3, 1, 2.0), seed, subsets=3) for seed in (0, 0, 1)]
    assert more[0] == more[1], "seeded"
    assert more[0] != more[2]
    assert more[0].deviation > 0


def test_precision_falls_with_bad_pictures_and_recall_with_missing_ones() -> None:
    real, same = sample(300, 3, 0), sample(300, 3, 1)
    alike = precision_recall(real, same)
    assert min(alike.precision, alike.recall) > 0.8
    assert precision_recall(real, real[:100].repeat(3, 1)).recall < alike.recall
    half_bad = precision_recall(real, torch.cat([same[:150], same[:150] + 1000]))
    assert half_bad.precision == pytest.approx(alike.precision / 2, abs=0.05)


def test_a_copy_is_its_own_nearest_neighbour() -> None:
    real = sample(50, 8, 0)
    assert nearest(real[[3, 40]], real).tolist() == [3, 40]


class Pixels(torch.nn.Module):
    """Pixels as features; torchmetrics answers in their type, so they must not be bytes."""

    num_features = 12

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.flatten(1).float()


@pytest.mark.filterwarnings("ignore")
def test_torchmetrics_says_the_same() -> None:
    fid = pytest.importorskip("torchmetrics.image.fid", reason="torchmetrics is a second opinion, not a dependency")
    kid = pytest.importorskip("torchmetrics.image.kid")
    features = Pixels()
    pictures = torch.randint(0, 256, (2, 60, 3, 2, 2), generator=torch.Generator().manual_seed(0)).float()
    pictures[1] *= 0.7
    theirs = fid.FrechetInceptionDistance(feature=features, normalize=False, input_img_size=(3, 2, 2))
    kernel = kid.KernelInceptionDistance(feature=features, subsets=2, subset_size=60)
    for real, batch in zip((True, False), pictures, strict=True):
        theirs.update(batch.to(torch.uint8), real=real)
        kernel.update(batch.to(torch.uint8), real=real)
    real, fake = pictures.to(torch.uint8).flatten(2)
    # torchmetrics divides by the count less one; the official FID, and gghead, by the count.
    sizes = [
        Moments(m.count, m.mean, m.scatter * 60 / 59) for m in (Moments.of(real.float()), Moments.of(fake.float()))
    ]
    assert frechet_distance(*sizes) == pytest.approx(float(theirs.compute()), rel=1e-4)
    assert kernel_distance(real.float(), fake.float()).mean == pytest.approx(float(kernel.compute()[0]), rel=1e-4)
