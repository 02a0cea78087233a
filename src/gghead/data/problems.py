"""Tells a user of many problems in one message of bounded length."""

from collections.abc import Sequence

from gghead.config.printable import printable

MAX_SHOWN = 5
"""Problems that are spelled out; the others are counted."""
MAX_CHARACTERS = 1000
"""Characters of a problem; names in it are foreign and may be of any length."""


def summarize(problems: Sequence[str]) -> str:
    """The first few problems, one a line, and how many there are beside them.

    Example:
        >>> print(summarize(["a.png is not square", "b.png is not square"]))
        a.png is not square
        b.png is not square
    """
    lines = [printable(problem, MAX_CHARACTERS) for problem in problems[:MAX_SHOWN]]
    if len(problems) > MAX_SHOWN:
        lines.append(f"... and {len(problems) - MAX_SHOWN} more")
    return "\n".join(lines)
