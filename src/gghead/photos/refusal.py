"""Why a photograph, or a face in it, is left out."""

from enum import StrEnum


class Reason(StrEnum):
    """What is counted, and stands in photos.json and on the contact sheet."""

    UNREADABLE = "unreadable"
    DUPLICATE = "duplicate"
    NO_FACE = "no face"
    SEVERAL_FACES = "several faces"
    SMALL = "small face"
    BLURRED = "blurred"
    FAINT = "too little contrast"
    DOUBTFUL = "doubtful"
    TURNED = "turned away"
    CUT = "cut by the frame"
    NO_PERSON = "no person"


class Refused(ValueError):
    """A photograph can't be used; the text names the fact, what was expected and the remedy.

    Attributes:
        reason: the kind.
    """

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason
