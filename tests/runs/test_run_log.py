"""Logs of a run: whatever stands in them, a line that is none stops nothing and is not lost."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from gghead.runs.retention import measured_distances
from gghead.runs.run_log import append_values, forget_after, read_log
from gghead.training.step_report import Tick

ODD = [
    b"null",
    b"5",
    b"[1]",
    b"{}",
    b'{"imagds": 8}',
    b'{"images": "x"}',
    b'{"images": null}',
    b'{"images": true}',
    b'{"images": 8.0}',
    b'{"images": -8}',
    b'{"images": NaN}',
    b'{"images": 1' + b"0" * 5000 + b"}",
    b'{"images": 8, "x": 1',
    b"[" * 100_000,
    b"\xff\xfe\x00{",
    "{“images”: 8}".encode(),
    b"\0" * 64,
]

WHOLE = [b'{"images": 4}', b'{"images": 20, "x": null}', b'{"images": 40, "x": 1e3}']


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str(odd[:20]))
def test_an_odd_line_is_passed_over_and_kept(odd: bytes, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'{"images": 4, "x": 1.5}\n' + odd + b'\n{"images": 8, "x": 2}\n{"images": 12, "x": 3}\n')
    assert [(line.images, line.values["x"]) for line in read_log(log)] == [(4, 1.5), (8, 2), (12, 3)]
    assert forget_after(log, 8) == f"{log}: what stands in line 2 is no entry of a log and is passed over"
    assert log.read_bytes() == b'{"images": 4, "x": 1.5}\n' + odd + b'\n{"images": 8, "x": 2}\n'


def test_a_line_that_was_cut_off_goes_and_a_whole_one_stays(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'\xef\xbb\xbf{"images": 4}\r\n{"images": 8}\n{"images": 12, "genera')
    assert forget_after(log, 100) == ""
    assert [line.images for line in read_log(log)] == [4, 8]
    log.write_bytes(b'{"images": 4}\n{"images": 8}')
    assert forget_after(log, 100) == ""
    append_values(log, 12, Tick(12, 3.0, {"generator": 0.5}).values())
    assert [line.images for line in read_log(log)] == [4, 8, 12]
    assert forget_after(tmp_path / "missing.jsonl", 8) == ""
    assert read_log(tmp_path / "missing.jsonl") == []


def test_scores_that_are_no_numbers_choose_nothing(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.jsonl"
    append_values(metrics, 4, {"fid": 3.0, "other": 1.0})
    append_values(metrics, 8, {"fid": math.nan, "other": math.inf})
    scores = ['"text"', "true", "null", "[1]", "Infinity", "-Infinity", "-1e999", "9" * 400, '{"a": 1}']
    with metrics.open("a") as file:
        for number, score in enumerate(scores):
            file.write(f'{{"images": {100 + number}, "fid": {score}, "other": 2}}\n')
        file.write('{"images": 200}\n')
    assert json.loads(metrics.read_text().splitlines()[1]) == {"images": 8, "fid": None, "other": None}
    assert measured_distances(metrics) == {4: 3.0}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([*WHOLE, *ODD[:-4]]) | st.binary(max_size=12), max_size=8), st.binary(max_size=12))
def test_no_log_stops_a_run(tmp_path: Path, lines: list[bytes], end: bytes) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"\n".join([*lines, end]))
    before = read_log(log)
    forget_after(log, 20)
    assert read_log(log) == [line for line in before if line.images <= 20]
    again = log.read_bytes()
    forget_after(log, 20)
    assert log.read_bytes() == again
    append_values(log, 24, {"x": 1.0})
    assert read_log(log)[-1].images == 24
