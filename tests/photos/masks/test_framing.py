"""Heads that the photograph's edge cuts off are told apart from shoulders that it cuts off."""

import numpy as np
import pytest

from gghead.photos.crop import Crop
from gghead.photos.cutting import cut
from gghead.photos.masks.framing import cut_by_frame

CHIN = 0.72
SIDE = 128


def masked(width: int, height: int, crop: Crop) -> tuple[np.ndarray, np.ndarray]:
    """A person in a photograph whose head, an ellipse, fills the crop's middle, and which of the crop is inside."""
    _, inside = cut(np.zeros((height, width, 3), np.uint8), crop, SIDE)
    x, y = np.meshgrid((np.arange(SIDE) + 0.5) / SIDE - 0.5, (np.arange(SIDE) + 0.5) / SIDE - 0.5)
    head = np.square(x / 0.22) + np.square(y / 0.32) < 1
    shoulders = (y > 0.28) & (np.abs(x) < 0.42)
    return ((head | shoulders) & inside).astype(np.float32), inside


@pytest.mark.parametrize(
    ("crop", "is_cut"),
    [
        (Crop((200.0, 200.0), 200.0, 0.0), False),
        (Crop((200.0, 200.0), 200.0, 0.5), False),
        (Crop((200.0, 90.0), 200.0, 0.0), False),  # background above the head is missing
        (Crop((200.0, 40.0), 200.0, 0.0), True),  # and here the top of the head
        (Crop((20.0, 200.0), 200.0, 0.0), True),
        (Crop((380.0, 200.0), 200.0, 0.2), True),
        (Crop((60.0, 200.0), 200.0, 0.0), False),  # a shoulder
        (Crop((200.0, 340.0), 200.0, 0.0), False),  # the chest
        (Crop((200.0, 380.0), 200.0, 0.0), True),  # the chin
        (Crop((200.0, 380.0), 200.0, 0.4), True),
    ],
)
def test_the_head_must_be_whole(crop: Crop, is_cut: bool) -> None:
    assert cut_by_frame(*masked(400, 400, crop), CHIN) == is_cut


def test_the_edge_of_the_crop_does_not_count() -> None:
    inside = np.ones((SIDE, SIDE), bool)
    assert not cut_by_frame(np.ones((SIDE, SIDE), np.float32), inside, CHIN)


def test_a_hand_beside_the_head_may_be_cut_off() -> None:
    inside = np.ones((SIDE, SIDE), bool)
    inside[:, :4] = False
    alpha = np.zeros((SIDE, SIDE), np.float32)
    alpha[40:80, 4:20] = 1
    assert not cut_by_frame(alpha, inside, 0.6, focal=2.4)
    assert cut_by_frame(alpha, inside, 0.6)
