"""Of a mask, what hangs together with the head in the middle stays."""

import numpy as np

from gghead.photos.masks.one_person import one_person

SIDE = 256
FACE = 0.15


def disk(x: float, y: float, radius: float) -> np.ndarray:
    places = (np.arange(SIDE) + 0.5) / SIDE
    return (np.hypot(places - x, places[:, None] - y) < radius).astype(np.float32)


def test_other_people_and_islands_go() -> None:
    person = disk(0.5, 0.5, 0.2)
    others = np.maximum(disk(0.9, 0.6, 0.15), disk(0.2, 0.2, 0.01))
    np.testing.assert_array_equal(one_person(np.maximum(person, others), FACE), person)


def test_people_who_touch_stay() -> None:
    both = np.maximum(disk(0.5, 0.5, 0.2), disk(0.8, 0.6, 0.2))
    np.testing.assert_array_equal(one_person(both, FACE), both)


def test_soft_hair_stays_and_fog_goes() -> None:
    person, hair = disk(0.5, 0.5, 0.2), 0.3 * disk(0.5, 0.5, 0.22)
    fog = 0.3 * disk(0.9, 0.9, 0.05)
    soft = np.maximum(person, hair)
    np.testing.assert_array_equal(one_person(np.maximum(soft, fog), FACE), soft)


def test_holes_are_filled_where_they_are_small_or_in_the_face() -> None:
    person = disk(0.5, 0.5, 0.4)
    pierced = person * (1 - disk(0.2, 0.5, 0.015)) * (1 - disk(0.45, 0.45, 0.08))
    np.testing.assert_array_equal(one_person(pierced, FACE), person)


def test_what_one_sees_between_hair_and_shoulders_stays_background() -> None:
    person = disk(0.5, 0.5, 0.4) * (1 - disk(0.3, 0.7, 0.06))
    np.testing.assert_array_equal(one_person(person, FACE), person)


def test_a_bay_is_no_hole() -> None:
    person = disk(0.5, 0.5, 0.4)
    person[:, 120:124] = 0
    person[200:] = 0
    assert one_person(person, FACE)[:, 120:124].max() == 0


def test_nobody_in_the_middle_is_an_empty_mask() -> None:
    assert not one_person(disk(0.9, 0.9, 0.08), FACE).any()
    assert not one_person(np.zeros((SIDE, SIDE), np.float32), FACE).any()
