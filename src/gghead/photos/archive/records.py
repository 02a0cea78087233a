"""What heads_photos.json says of each photograph: where its heads lie, or why it was left out."""

import json
from dataclasses import dataclass

from gghead.photos.refusal import Reason


@dataclass(frozen=True)
class TakenHead:
    """A head in the archive.

    Attributes:
        picture: its name there.
        label: its camera, 25 numbers.
        score: how good it is, 0 to 1.
    """

    picture: str
    label: tuple[float, ...]
    score: float


@dataclass(frozen=True)
class LeftOut:
    """A photograph, or a face of it, that is not in the archive.

    Attributes:
        reason: the kind.
        text: a sentence.
    """

    reason: Reason
    text: str


@dataclass(frozen=True)
class PhotoRecord:
    """What became of a photograph; landmarks, boxes and crops stand in the file alone, for they are long.

    Attributes:
        name: of its pictures, without suffix.
        source: its file, as it was named.
        frame: which one of a video; None for a picture.
        digest: of its content; None where that could not be read.
        heads: those that were taken.
        refusals: why there is no head, or not one for each face.
    """

    name: str
    source: str
    frame: int | None
    digest: str | None
    heads: tuple[TakenHead, ...]
    refusals: tuple[LeftOut, ...]

    @property
    def shown(self) -> str:
        """The source, for a person."""
        return shown_source(self.source, self.frame)

    @staticmethod
    def from_line(line: str | bytes) -> "PhotoRecord":
        """The record in a line of the file.

        Raises:
            ValueError: it is no such line, as the last one may be that a killed process wrote.
        """
        try:
            entry = json.loads(line)
            heads = tuple(TakenHead(head["picture"], tuple(head["label"]), head["score"]) for head in entry["heads"])
            refusals = tuple(LeftOut(Reason(left["reason"]), left["text"]) for left in entry["refusals"])
            return PhotoRecord(entry["name"], entry["source"], entry["frame"], entry["digest"], heads, refusals)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{line[:80]!r} is no record of a photograph") from error


def shown_source(source: str, frame: int | None) -> str:
    """A photograph, for a person."""
    return source if frame is None else f"{source}, frame {frame}"
