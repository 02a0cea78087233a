"""What files say of themselves reaches the terminal short and without control characters."""

import logging
import time

import pytest

from gghead.cli.main import HarmlessFormatter
from gghead.config.printable import MAX_CHARACTERS, listed, printable, shown


@pytest.mark.parametrize(
    "text",
    ["\x1b[2J\x1b]0;title\x07", "one\ntwo\r\x08", "\u202eevil\u2066", "\x9b31m", "\ud800", "zero\u200bwidth", "\u2028"],
)
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    assert printable(text).isprintable()
    assert shown(text).isprintable()
    printable(text).encode()  # no lone surrogates either


def test_visible_text_stays_as_it_is() -> None:
    assert printable("Größe 頭 é") == "Größe 頭 é"
    assert shown("wxyz") == "'wxyz'"


def test_long_text_is_cut_in_no_time() -> None:
    long = "\x1b" * 20_000_000
    start = time.monotonic()
    assert len(printable(long)) < MAX_CHARACTERS + 40
    assert time.monotonic() - start < 0.5
    assert printable("x" * 100).endswith("... (100 characters)")


def test_values_are_told_by_kind() -> None:
    nested: list[object] = []
    for _ in range(60):
        nested = [nested, nested]
    assert shown(nested) == "a list"
    assert shown(2**100_000) == "a whole number of 100001 bits"
    assert [shown(value) for value in (True, None, 3, 0.5, (1,))] == ["True", "None", "3", "0.5", "a tuple"]
    assert listed([f"n{i}" for i in range(7)]) == "n0, n1, n2, n3, n4 and 2 more"


def test_what_is_logged_steers_no_terminal() -> None:
    record = logging.LogRecord("gghead", logging.WARNING, "", 0, "%s: 3 are left out\nso", ("\x1b[2J.ply",), None)
    assert HarmlessFormatter("%(name)s: %(message)s").format(record) == "gghead: \\x1b[2J.ply: 3 are left out\nso"
