"""Face recognition: vectors are dlib's, faces are where landmarks say, gradients are right, other files are refused."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from gghead.metrics import identity
from gghead.metrics.dlib_weights import read_weights
from gghead.metrics.face_network import CHIP_SIDE, FaceNetwork
from gghead.metrics.identity import CHIP_PADDING, MEAN_LANDMARKS, FaceRecognizer, face_chips, load_recognizer
from golden.face_vectors import CORNERS, FILE, cartoon, patterns
from tolerances import CHIP_COLORS, DIFFERENCE_QUOTIENT, EXACT_FLOAT32, OTHER_CHIP, SAME_CHIP

EXPECTED = {name: torch.tensor(vectors) for name, vectors in json.loads(FILE.read_text(encoding="utf-8")).items()}
PLACES = (torch.tensor(MEAN_LANDMARKS, dtype=torch.float64) + CHIP_PADDING) / (1 + 2 * CHIP_PADDING) * CHIP_SIDE
"""Where a chip has its landmarks, pixels."""


@pytest.fixture(scope="module")
def recognizer() -> FaceRecognizer:
    found = load_recognizer()
    if found is None:
        pytest.skip("the weights are an extra: gghead[identity]")
    return found


@pytest.fixture(scope="module")
def published(recognizer: FaceRecognizer) -> bytes:
    spec = find_spec(identity.PACKAGE)
    assert spec is not None, "the recognizer has read it"
    return (Path(str(spec.origin)).parent / identity.WEIGHTS).read_bytes()


def test_vectors_of_a_chip_are_those_of_dlib(recognizer: FaceRecognizer) -> None:
    chips = torch.from_numpy(patterns()).permute(0, 3, 1, 2) / 255
    torch.testing.assert_close(recognizer.network(chips), EXPECTED["patterns"], **SAME_CHIP._asdict())
    alone = recognizer.network(chips[1:2])
    torch.testing.assert_close(alone, EXPECTED["patterns"][1:2], **SAME_CHIP._asdict())


def test_a_face_is_aligned_as_by_dlib(recognizer: FaceRecognizer) -> None:
    # dlib counts from the centre of the first pixel.
    landmarks = np.array(CORNERS)[None] + 0.5
    found = recognizer.embed(cartoon()[None], landmarks)[0]
    assert (found - EXPECTED["cartoon"]).norm() < OTHER_CHIP
    beside = recognizer.embed(cartoon()[None], landmarks + 12)[0]
    assert (beside - EXPECTED["cartoon"]).norm() > OTHER_CHIP


def test_pictures_of_eight_bits_and_of_floats_are_the_same(recognizer: FaceRecognizer) -> None:
    landmarks = np.array(CORNERS)[None] + 0.5
    pictures = torch.from_numpy(cartoon()).permute(2, 0, 1)[None] / 255
    found = recognizer(pictures, torch.from_numpy(landmarks).float())
    torch.testing.assert_close(found, recognizer.embed(cartoon()[None], landmarks), **EXACT_FLOAT32._asdict())


def turned(places: torch.Tensor, factor: complex, shift: complex) -> torch.Tensor:
    """Places after a similarity of the plane."""
    return torch.view_as_real(torch.view_as_complex(places) * factor + shift)


@pytest.mark.parametrize("factor", [0.4 + 0.1j, 1.1 - 0.5j, 2.6 + 0.3j])
def test_chips_show_what_lies_at_the_landmarks(factor: complex) -> None:
    """Colours that are the place: a chip's pixel must be the place to which the landmarks' similarity brings it."""
    side = 512
    rows, columns = torch.meshgrid(*(torch.arange(side, dtype=torch.float64),) * 2, indexing="ij")
    picture = (torch.stack([columns, rows, torch.full_like(rows, side)]) + 0.5) / side
    shift = complex(256, 250) - factor * (75 + 75j)
    chip = face_chips(picture[None], turned(PLACES, factor, shift)[None])[0]
    for x, y in ((40, 75), (75, 75), (100, 60), (80, 110)):
        (place,) = turned(torch.tensor([[x + 0.5, y + 0.5]], dtype=torch.float64), factor, shift)
        torch.testing.assert_close(chip[:2, y, x] * side, place, rtol=0, atol=CHIP_COLORS)
    corner = torch.view_as_complex(turned(torch.zeros(1, 2, dtype=torch.float64), factor, shift))
    outside = bool((torch.view_as_real(corner) < -2).any())
    assert (chip[2, 0, 0] == 0) == outside, "black outside of the picture"


def test_what_is_finer_than_a_chip_becomes_grey() -> None:
    rows, columns = torch.meshgrid(*(torch.arange(600),) * 2, indexing="ij")
    checkers = ((rows + columns) % 2).float().expand(1, 3, -1, -1)
    chips = face_chips(checkers, turned(PLACES, 3.7 + 0.4j, 10).float()[None])
    assert (chips[..., 20:80, 20:80] - 0.5).abs().max() < 0.1


def test_chips_have_gradients_of_pictures_and_landmarks() -> None:
    torch.manual_seed(0)
    small = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    picture = torch.nn.functional.interpolate(small, (64, 64), mode="bicubic").requires_grad_()
    landmarks = turned(PLACES, 0.4 + 0.05j, 2 + 3j)[None].clone().requires_grad_()
    weights = torch.rand(3, CHIP_SIDE, CHIP_SIDE, dtype=torch.float64)
    (face_chips(picture, landmarks)[0] * weights).sum().backward()
    for values in (picture, landmarks):
        assert values.grad is not None
        way = torch.randn_like(values) * 1e-5
        ends = [
            (face_chips(*(part + sign * way if part is values else part for part in (picture, landmarks)))[0] * weights)
            .sum()
            .detach()
            for sign in (1, -1)
        ]
        expected = float(values.grad.mul(way).sum())
        assert expected == pytest.approx(float(ends[0] - ends[1]) / 2, rel=DIFFERENCE_QUOTIENT)


def test_a_picture_comes_nearer_along_the_gradient(recognizer: FaceRecognizer) -> None:
    """The vector of the cartoon, sought from a grey one by steps that lower the distance."""
    landmarks = (torch.tensor(CORNERS) + 0.5)[None]
    picture = (torch.from_numpy(cartoon()).permute(2, 0, 1)[None] / 255 * 0.5 + 0.25).requires_grad_()
    distances = []
    for _ in range(3):
        distance = (recognizer(picture, landmarks) - EXPECTED["cartoon"]).norm()
        (gradient,) = torch.autograd.grad(distance, picture)
        distances.append(float(distance.detach()))
        picture = (picture - 0.1 * gradient / gradient.norm()).detach().requires_grad_()
    assert distances[2] < distances[1] < distances[0]


def test_the_network_takes_batches_without_weights() -> None:
    assert FaceNetwork()(torch.zeros(2, 3, CHIP_SIDE, CHIP_SIDE)).shape == (2, 128)


@pytest.mark.parametrize("damage", ["cut", "longer", "name", "size", "version", "not a number"])
def test_another_file_is_refused(published: bytes, damage: str) -> None:
    place = published.index(b"con_4")
    numbers = place + len(b"con_4") + 2 + 3 + 6  # behind the tensor's version and its four sizes
    changed = {
        "cut": published[:-10],
        "longer": published + b"0",
        "name": published.replace(b"con_4", b"con_5", 1),
        "size": published[: numbers - 7] + b"\x13" + published[numbers - 6 :],
        "version": published[: place - 40] + published[place - 39 :],
        "not a number": published[:numbers] + b"\xff" * 4 + published[numbers + 4 :],
    }
    assert len(read_weights(published)["stem.weight"]) == 32
    with pytest.raises(ValueError, match="expected"):
        read_weights(changed[damage])


def test_a_file_with_another_hash_is_not_read(recognizer: FaceRecognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(ValueError, match="not the published file"):
        load_recognizer()


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"gghead\[identity\]"):
        FaceRecognizer()
    assert load_recognizer() is None
