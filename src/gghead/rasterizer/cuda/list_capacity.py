"""How long lists tend to be, and the room that is made for the next ones."""

SLACK = 1.25
"""Room for lists beyond what the last drawings of a kind needed."""
CAPTURE_SLACK = 2.0
"""The same in a captured graph, which can't be given more later."""
STEP = 2**16
"""Room is made in steps of so many entries, so that torch's allocator can use a block again."""


class ListCapacity:
    """How long the lists of the last drawings of a kind were."""

    def __init__(self) -> None:
        self.length: int | None = None

    def note(self, length: int) -> None:
        """Remembers a length; longer ones are forgotten slowly, lest lists that take turns are drawn twice."""
        self.length = max(length, int(0.95 * (self.length or 0)))

    def guess(self, slack: float = SLACK) -> int:
        """Entries to make room for; few before the first drawing."""
        return roomy(self.length or 0, slack)


def roomy(length: int, slack: float = SLACK) -> int:
    """A length with slack, in whole steps."""
    return max(1, -(-int(length * slack) // STEP)) * STEP
