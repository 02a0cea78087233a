import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from gghead.data.labels import label_faults, mirror_labels, parse_labels
from gghead.geometry.cameras import Cameras
from tolerances import EXACT_FLOAT32

AT_REST = [1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 2.7, 0, 0, 0, 1, 4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1]
"""The camera at rest, written by hand from the convention of EG3D."""


def parsed(*entries: object) -> np.ndarray:
    return parse_labels(json.dumps({"labels": list(entries)}).encode(), "heads.zip").values


def changed(position: int, value: float) -> list[float]:
    return [*AT_REST[:position], value, *AT_REST[position + 1 :]]


def pixels_of(label: np.ndarray, points: torch.Tensor) -> torch.Tensor:
    cameras = Cameras.from_labels(torch.from_numpy(label), resolution=100)
    local = points @ cameras.viewmats[:3, :3].T + cameras.viewmats[:3, 3]
    image = local @ cameras.Ks.T
    return image[:, :2] / image[:, 2:]


def random_label(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    eye = torch.tensor([*rng.uniform(-1, 1, 2), 2.5], dtype=torch.float64)
    label = Cameras.looking_at(eye, torch.zeros(3, dtype=torch.float64), 64).labels().numpy()
    label[17], label[18], label[21] = rng.uniform(-0.1, 0.1), rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.6)
    return label


def test_the_camera_at_rest_is_the_frontal_camera() -> None:
    label = parsed(["a.png", AT_REST])
    frontal = Cameras.frontal(resolution=64).labels().numpy()
    np.testing.assert_allclose(label, frontal, **EXACT_FLOAT32._asdict())
    round_trip = Cameras.from_labels(torch.from_numpy(label), 64).labels().numpy()
    np.testing.assert_allclose(round_trip, label, **EXACT_FLOAT32._asdict())


@pytest.mark.parametrize("seed", range(5))
def test_a_mirrored_camera_sees_the_mirrored_world_mirrored(seed: int) -> None:
    label = random_label(seed)
    points = torch.from_numpy(np.random.default_rng(seed).uniform(-0.3, 0.3, (20, 3)))
    straight = pixels_of(label, points)
    mirrored = pixels_of(mirror_labels(label), points * torch.tensor([-1.0, 1, 1]))
    torch.testing.assert_close(mirrored[:, 0], 100 - straight[:, 0])
    torch.testing.assert_close(mirrored[:, 1], straight[:, 1])
    np.testing.assert_array_equal(mirror_labels(mirror_labels(label))[:16], label[:16])
    np.testing.assert_allclose(mirror_labels(mirror_labels(label)), label, **EXACT_FLOAT32._asdict())


def test_mirroring_keeps_labels_valid_and_the_camera_at_rest_where_it_is() -> None:
    labels = np.stack([random_label(seed) for seed in range(3)]).astype(np.float32)
    labels[:, 17] = 0
    mirrored = mirror_labels(labels)
    assert mirrored.shape == labels.shape
    parsed(*[[f"{i}.png", label.tolist()] for i, label in enumerate(mirrored)])
    at_rest = np.array(AT_REST, np.float32)
    np.testing.assert_array_equal(mirror_labels(at_rest), at_rest)


def test_labels_are_sorted_by_name_and_back_slashes_turned() -> None:
    labels = parse_labels(json.dumps({"labels": [["b\\2.png", AT_REST], ["a/1.png", AT_REST]]}).encode(), "x")
    assert labels.names == ("a/1.png", "b/2.png")
    assert labels.values.dtype == np.float32


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "not JSON"),
        (b'{"labels": {"a.png": [1], "a.png": [2]}}', "'a.png' is there twice"),
        (b'{"labels": [["a.png", [1]]], "labels": []}', "'labels' is there twice"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[]", "holds no labels"),
        (b"{}", "holds no labels"),
        (b'{"labels": null}', "cannot learn from pictures without cameras"),
        (b'{"labels": []}', "holds no labels"),
        (b'{"labels": {"a.png": []}}', "a.png has a label of 0 numbers"),
        (b'{"labels": [["a.png", null]]}', "a.png has no label"),
        (b'{"labels": [["a.png"]]}', r"expected \[name"),
    ],
)
def test_malformed_files_are_refused(text: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_labels(text, "heads.zip")


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (AT_REST[:24], "24 numbers; expected 25"),
        (changed(0, float("nan")), "not finite"),
        (changed(3, float("inf")), "not finite"),
        (changed(3, 1e300), "not finite"),
        (changed(3, 10**400), "not finite"),
        (changed(0, "1"), "not made of numbers"),
        (changed(0, True), "not made of numbers"),
        (changed(0, 1.01), "no rotation"),
        (changed(0, -1), "no rotation"),
        (changed(12, 1), "last row is not 0 0 0 1"),
        (changed(16, -4), "positive focal"),
        (changed(20, 0), "positive focal"),
        (changed(24, 0), "positive focal"),
        (changed(24, 2), "last row 0 0 1"),
        (changed(22, 0.1), "last row 0 0 1"),
        (changed(16, 2183), "focal length of 2183, in pixels"),
        (changed(20, 2183), "focal length of 2183, in pixels"),
        (changed(16, 0.01), "focal length of 0.01 sides"),
        (changed(20, 8.5), "focal lengths of 4.265 and 8.5"),
        (changed(17, 0.1), "skew"),
        (changed(19, -0.1), "skew"),
        (changed(18, 256), "principal point at 256, 0.5"),
        (changed(21, -9), "principal point at 0.5, -9"),
    ],
)
def test_labels_that_are_no_cameras_are_refused_by_name(label: list, message: str) -> None:
    with pytest.raises(ValueError, match=rf"(?s)1 of 2 labels.*bad\.png.*{message}"):
        parsed(["good.png", AT_REST], ["bad.png", label])


def test_crops_may_have_their_principal_point_outside_and_rounding_is_no_skew() -> None:
    assert parsed(["a.png", changed(18, 1.8)])[0, 18] == np.float32(1.8)
    assert parsed(["a.png", changed(17, 1e-6)])[0, 17] == 0


def test_many_problems_make_one_short_message() -> None:
    entries = [[f"{i}.png", AT_REST[:3]] for i in range(40)]
    with pytest.raises(ValueError, match="40 of 40 labels") as caught:
        parsed(*entries)
    assert "... and 35 more" in str(caught.value)
    assert len(str(caught.value).splitlines()) < 10


def test_two_labels_for_one_picture_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a\.png has two labels"):
        parsed(["a.png", AT_REST], ["a.png", AT_REST])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=20,
)
wild_labels = st.lists(st.floats() | st.integers() | st.none(), min_size=24, max_size=26)


@given(st.binary(max_size=40) | json_values.map(lambda value: json.dumps(value).encode()))
def test_wild_files_raise_nothing_but_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"dataset\.json"):
        parse_labels(text, "heads.zip")


@given(st.lists(st.tuples(st.text(max_size=4), wild_labels | json_values), max_size=4))
def test_wild_labels_raise_nothing_but_value_error(entries: list) -> None:
    with pytest.raises(ValueError, match=r"dataset\.json"):
        parse_labels(json.dumps({"labels": entries}).encode(), "heads.zip")


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", ["é.png", "e\u0301.png", "./é.png", ".\\é.png", ".//./é.png"])
def test_names_of_any_spelling_and_a_byte_order_mark(name: str, prefix: bytes) -> None:
    text = json.dumps({"labels": [[name, AT_REST]]}, ensure_ascii=False).encode()
    assert parse_labels(prefix + text, "heads.zip").names == ("é.png",)
    with pytest.raises(ValueError, match=r"entry 1: é\.png has two labels"):
        parse_labels(json.dumps({"labels": [["é.png", AT_REST], [name, AT_REST]]}).encode(), "heads.zip")


def test_labels_may_be_an_object() -> None:
    labels = parse_labels(json.dumps({"labels": {"b.png": AT_REST, "a.png": AT_REST}}).encode(), "heads.zip")
    assert labels.names == ("a.png", "b.png")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
NUMBERS = st.lists(st.floats() | st.integers(-(10**40), 10**40), min_size=24, max_size=26)
ENTRIES = st.lists(st.tuples(st.text(max_size=4), NUMBERS | st.just(AT_REST) | JSON_VALUES) | JSON_VALUES, max_size=4)


@settings(max_examples=200, deadline=None)
@given(content=JSON_VALUES | st.fixed_dictionaries({"labels": ENTRIES}))
def test_any_json_is_labels_or_a_named_error(content: object) -> None:
    try:
        labels = parse_labels(json.dumps(content).encode(), "heads.zip")
    except ValueError as error:
        refused = str(error)
    else:
        refused = None
    if refused is not None:
        assert "dataset.json of heads.zip" in refused
        return
    assert len(set(labels.names)) == len(labels.names) == len(labels.values) > 0
    assert list(labels.names) == sorted(labels.names)
    assert np.isfinite(labels.values).all()
    assert not label_faults(labels.values.astype(np.float64))
