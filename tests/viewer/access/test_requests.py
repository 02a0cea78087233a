"""A page's requests are done in order, one at a time, and no more wait than the page has widgets."""

import threading

from gghead.viewer.access.requests import Requests

PATIENCE = 30.0


def test_a_flood_of_one_widget_waits_once_and_others_get_their_turn() -> None:
    requests, begun, go_on, done = Requests(), threading.Event(), threading.Event(), threading.Event()
    seen: list[object] = []

    def slow(number: int) -> None:
        begun.set()
        go_on.wait(PATIENCE)
        seen.append(number)

    def other() -> None:
        seen.append("other")
        done.set()

    queue_slow, queue_other = requests.queued(slow), requests.queued(other)
    queue_slow(0)
    assert begun.wait(PATIENCE)
    for number in range(1, 1000):
        queue_slow(number)
    queue_other()
    go_on.set()
    assert done.wait(PATIENCE)
    assert seen == [0, 999, "other"]
    requests.close()


def test_nothing_is_done_for_who_left() -> None:
    requests, done = Requests(), threading.Event()
    requests.close()
    requests.queued(done.set)()
    assert not done.wait(0.1)
