import time
from types import SimpleNamespace

from benchmarks.photographs.speed import PARTS, Stopwatch


def test_the_functions_whose_time_is_taken_are_there() -> None:
    missing = [
        name for functions in PARTS.values() for holder, name in functions if not callable(getattr(holder, name))
    ]
    assert not missing


def test_what_a_part_spends_in_another_is_the_others() -> None:
    def spend(seconds: float) -> None:
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass

    work = SimpleNamespace(inner=lambda: spend(0.04))
    work.outer = lambda: (spend(0.01), work.inner())
    before, watch = work.outer, Stopwatch()
    with watch.put_on({"inner": ((work, "inner"),), "outer": ((work, "outer"),)}):
        work.outer()
    assert work.outer is before
    assert 0.04 <= watch.spent["inner"] < 0.06
    assert 0.01 <= watch.spent["outer"] < 0.03
