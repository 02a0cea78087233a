"""Tells a user of many problems in one message of bounded length."""

from collections.abc import Sequence

SHOWN = 5
"""Problems that are spelled out; the others are counted."""


def summarize(problems: Sequence[str]) -> str:
    """The first few problems, one a line, and how many there are beside them.

    Example:
        >>> print(summarize(["a.png is not square", "b.png is not square"]))
        a.png is not square
        b.png is not square
    """
    lines = list(problems[:SHOWN])
    if len(problems) > SHOWN:
        lines.append(f"... and {len(problems) - SHOWN} more")
    return "\n".join(lines)
