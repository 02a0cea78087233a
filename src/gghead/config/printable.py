"""Foreign text and values in messages: short, without control characters, and never a container's contents.

Names inside of files were chosen by whoever made the file. Printed as they are, they move the cursor, colour the
screen, turn the direction of writing, or fill the terminal for minutes. Every message that quotes a file goes through
here.
"""

from collections.abc import Sequence

MAX_CHARACTERS = 80
"""Characters of foreign text that a message shows."""


def printable(text: str, longest: int = MAX_CHARACTERS) -> str:
    """Text with everything escaped that is no visible character (controls, line breaks, bidirectional marks), cut.

    Args:
        text: of any length; the time taken depends on `longest` alone.
        longest: characters that are shown; more are cut and said to be.

    Example:
        >>> printable("eyes\\x1b[2J")
        'eyes\\\\x1b[2J'
    """
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:longest])
    return shown if len(shown) <= longest and len(text) <= longest else f"{shown[:longest]}... ({len(text)} characters)"


def shown(value: object) -> str:
    """A value that a file holds where another was expected: its text or number, else what kind of thing it is."""
    if value is None or isinstance(value, bool | float):
        return str(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10**20 else f"a whole number of {value.bit_length()} bits"
    if isinstance(value, str):
        return f"'{printable(value)}'"
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    told = ", ".join(printable(name) for name in names[:most])
    return told if len(names) <= most else f"{told} and {len(names) - most} more"
