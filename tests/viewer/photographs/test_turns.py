"""Long work is done one after the other, in the order in which it was asked for."""

import threading

import pytest

from gghead.viewer.photographs.turns import Stopped, Turns
from viewer.test_client_session import PATIENCE, until


class Visitor:
    """Somebody who waits in a thread, and works until they may end."""

    def __init__(self, turns: Turns) -> None:
        self.places: list[int] = []
        self.works, self.ends, self.stops = threading.Event(), threading.Event(), threading.Event()
        self.stopped = False
        self.thread = threading.Thread(target=self._run, args=(turns,), daemon=True)
        self.thread.start()

    def _run(self, turns: Turns) -> None:
        try:
            with turns.turn(self.places.append, self.stops.is_set):
                self.works.set()
                self.ends.wait(PATIENCE)
        except Stopped:
            self.stopped = True


def test_who_waits_is_told_how_many_are_before_until_nobody_is() -> None:
    turns = Turns()
    visitors = []
    for place in range(4):
        visitors.append(Visitor(turns))
        until(lambda: visitors[-1].works.is_set() if not place else visitors[-1].places == [place])  # noqa: B023
    first, second, third, last = visitors
    assert [visitor.works.is_set() for visitor in visitors] == [True, False, False, False]
    second.stops.set()
    until(lambda: second.stopped)
    until(lambda: last.places == [3, 2] and third.places == [2, 1])
    first.ends.set()
    assert third.works.wait(PATIENCE)
    until(lambda: last.places == [3, 2, 1])
    assert not last.works.is_set()
    third.ends.set()
    assert last.works.wait(PATIENCE)
    last.ends.set()
    for visitor in visitors:
        visitor.thread.join(PATIENCE)
    assert not second.works.is_set()


def test_an_accident_ends_the_turn() -> None:
    turns = Turns()
    with pytest.raises(KeyError), turns.turn(lambda place: None, lambda: False):
        raise KeyError
    with turns.turn(lambda place: pytest.fail("nobody is before"), lambda: False):
        pass
