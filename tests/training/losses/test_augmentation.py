"""Changes of pictures before the discriminator: what they do to pixels, and that labels go with them."""

import pytest
import torch
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_cameras import posed_label
from gghead.rasterizer import render
from gghead.training.losses.augmentation import CUT, LARGEST_ZOOM, NUMBERS, augment
from tolerances import ENLARGED_PART, EXACT_FLOAT32

MIDDLE = 0.5
"""Of brightness, saturation and contrast: as they are."""
SIDE = 64
ROUNDING = 1e-5


def numbers_of(zoom: float = 0, left: float = 0, top: float = 0, colors: float = MIDDLE, row: float = 0) -> Tensor:
    """Of one changed picture; the grey square hides its upper left quarter."""
    return torch.tensor([[0.0, zoom, left, top, colors, colors, colors, 0.0, row]])


def front_label() -> Tensor:
    return torch.tensor(posed_label(0.3, 0.1), dtype=torch.float32)[None]


def draw(seed: int, count: int = 2, side: int = SIDE) -> Tensor:
    return 2 * torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed)) - 1


def test_without_numbers_and_with_probability_0_nothing_changes() -> None:
    pictures, labels = draw(0), front_label().expand(2, -1)
    numbers = torch.rand(2, NUMBERS, generator=torch.Generator().manual_seed(1))
    for given, probability in ((None, 1.0), (numbers, 0.0)):
        same, same_labels = augment(pictures, labels, given, probability)
        torch.testing.assert_close(same, pictures, **EXACT_FLOAT32._asdict())
        torch.testing.assert_close(same_labels, labels, **EXACT_FLOAT32._asdict())


def test_about_as_many_pictures_are_changed_as_is_asked_for() -> None:
    pictures, labels = draw(0, 400, 8), front_label().expand(400, -1)
    numbers = torch.rand(400, NUMBERS, generator=torch.Generator().manual_seed(1))
    changed, _ = augment(pictures, labels, numbers, 0.25)
    share = (changed - pictures).abs().amax(dim=(1, 2, 3)).gt(1e-3).float().mean()
    assert 0.2 < share < 0.3


@pytest.mark.parametrize(("zoom", "left", "top"), [(1.0, 0.0, 0.0), (1.0, 1.0, 0.5), (0.4, 0.3, 1.0)])
def test_the_label_is_of_the_camera_that_sees_the_part(zoom: float, left: float, top: float) -> None:
    random = torch.Generator().manual_seed(0)
    count = 60
    head = Gaussians(
        means=0.35 * (torch.rand(count, 3, generator=random) - 0.5),
        quats=torch.tensor([1.0, 0, 0, 0]).repeat(count, 1),
        scales=torch.full((count, 3), 0.03),
        opacities=torch.full((count,), 0.8),
        sh=torch.randn(count, 1, 3, generator=random),
    )

    def picture(label: Tensor) -> Tensor:
        rgb = render(head, Cameras.from_labels(label, SIDE)).rgb
        return rgb.reshape(-1, SIDE, SIDE, 3).permute(0, 3, 1, 2) * 2 - 1

    label = front_label()
    part, label_of_part = augment(picture(label), label, numbers_of(zoom, left, top), 1.0)
    unhidden = slice(SIDE // 2, None)
    difference = (part - picture(label_of_part))[..., unhidden, unhidden].abs().mean()
    unmoved = (part - picture(label))[..., unhidden, unhidden].abs().mean()
    assert difference < ENLARGED_PART < unmoved / 2


def test_a_square_is_grey_and_the_rest_as_it_was() -> None:
    pictures = draw(0, 1)
    changed, _ = augment(pictures, front_label(), numbers_of(row=0.5), 1.0)
    half = int(SIDE * CUT / 2)
    hidden = (..., slice(SIDE // 2 - half, SIDE // 2 + half), slice(0, half))
    assert not changed[hidden].any()
    pictures[hidden] = 0
    torch.testing.assert_close(changed, pictures, **EXACT_FLOAT32._asdict())


def test_colours_can_lose_all_saturation_and_half_of_the_contrast() -> None:
    pictures = draw(0, 1)
    changed, _ = augment(pictures, front_label(), numbers_of(colors=0.0), 1.0)
    shown = changed[..., SIDE // 2 :, SIDE // 2 :]
    torch.testing.assert_close(shown[:, 0], shown[:, 2], **EXACT_FLOAT32._asdict())
    grey = pictures.mean(dim=1)
    expected = grey.mean() + (grey - grey.mean()) / 2 - 0.5
    torch.testing.assert_close(shown[:, 0], expected[..., SIDE // 2 :, SIDE // 2 :], **EXACT_FLOAT32._asdict())


def test_gradients_go_back_to_the_pictures() -> None:
    pictures = draw(0, 2, 6).double().requires_grad_()
    labels, numbers = front_label().double().expand(2, -1), torch.rand(2, NUMBERS, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: augment(x, labels, numbers, 1.0)[0], pictures)


def test_parts_are_never_smaller_than_they_may_be() -> None:
    labels = front_label().expand(50, -1)
    numbers = torch.rand(50, NUMBERS, generator=torch.Generator().manual_seed(0))
    _, of_parts = augment(draw(0, 50, 4), labels, numbers, 1.0)
    zoom = of_parts[:, 16] / labels[:, 16]
    assert ((zoom >= 1) & (zoom <= LARGEST_ZOOM)).all()
    left_top = labels[:, (18, 21)] - of_parts[:, (18, 21)] / zoom[:, None]
    assert (left_top > -ROUNDING).all()
    assert (left_top < 1 - 1 / zoom[:, None] + ROUNDING).all()
