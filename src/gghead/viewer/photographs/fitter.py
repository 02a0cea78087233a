"""Where the photographs of all visitors become heads: prepared, and fitted one at a time."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from gghead.config.printable import printable
from gghead.inversion.encoder.encoder_file import find_encoder
from gghead.inversion.inversion import Interrupted, Progress, begin, person_of, photo_settings, run
from gghead.inversion.person import Person
from gghead.inversion.qualities import Quality, stages_of
from gghead.photos.faces.models import FaceModels
from gghead.photos.photo import prepare
from gghead.photos.reading import read_photograph
from gghead.photos.refusal import Reason, Refused
from gghead.viewer.heads_service import file_of, load_model
from gghead.viewer.photographs.comparison import Comparison, compare
from gghead.viewer.photographs.turns import Stopped, Turns

MAX_PIXELS = 2**26
"""8192 x 8192; decoding takes up to 8 bytes a pixel."""
COMPARISON_SECONDS = 3.0
"""Time between two comparisons of a fit that goes on."""
REMEDIES = {
    Reason.SMALL: "take one in which it is larger",
    Reason.DOUBTFUL: "take one in which nothing covers the face",
    Reason.TURNED: "take one that is seen from the front or half from the side",
}
"""What to do about refusals that name options of commands instead."""


@dataclass(frozen=True)
class Upload:
    """A file that a visitor sent.

    Attributes:
        name: as the visitor's machine calls it.
        content: its bytes.
    """

    name: str
    content: bytes


@dataclass(frozen=True)
class FitProgress:
    """How far a photograph is.

    Attributes:
        text: what is done now.
        share: of the fit that is done, 0 to 1.
        comparison: what it looks like, where that is new.
    """

    text: str
    share: float = 0.0
    comparison: Comparison | None = None


@dataclass(frozen=True, eq=False)
class FittedPerson:
    """What became of a photograph.

    Attributes:
        person: the head.
        comparison: with the photograph.
    """

    person: Person
    comparison: Comparison


class PhotographFitter:
    """Makes people of photographs. Its methods may be called from any thread.

    Args:
        device: that fits are made on.
        models: where MediaPipe's face models are, as of `FaceModels`.
    """

    def __init__(self, device: str, models: Path | None = None) -> None:
        self._device, self._models = device, models
        self._turns = Turns()

    def objection(self) -> str | None:
        """Why no photograph can be taken on this machine, with the remedy; None if they can."""
        try:
            FaceModels(self._models)
        except (ValueError, OSError) as error:
            return str(error)
        return None

    def fit(
        self,
        path: Path,
        upload: Upload,
        quality: Quality,
        on_progress: Callable[[FitProgress], None],
        stopped: Callable[[], bool],
    ) -> FittedPerson:
        """Waits for its turn, finds the face, and fits a head; nothing is written to the disk.

        Args:
            path: of the model, as of `load_model`.
            upload: the photograph.
            quality: how long it may take.
            on_progress: is told of each step.
            stopped: asked whether to stop.

        Raises:
            Stopped: `stopped` said so.
            FileNotFoundError: the model, or the face models, are not there.
            ValueError: the photograph can't be used, for a reason in words that need no knowledge of commands.
            MemoryError: there is too little.
        """
        stages_of(quality)
        wait = "one photograph is before yours", "{} photographs are before yours"
        with self._turns.turn(lambda n: on_progress(FitProgress(wait[n > 1].format(n))), stopped):
            on_progress(FitProgress("looking for the face"))
            pixels = read_photograph(upload.content, MAX_PIXELS)
            # A generator of its own: visitors' heads are made by the others at the same time.
            generator, known = load_model(path, self._device)
            try:
                photo = prepare(pixels, photo_settings(generator), FaceModels(self._models))
            except Refused as refused:
                raise ValueError(plain_words(refused)) from refused
            if stopped():
                raise Stopped
            on_progress(FitProgress("a face is found; the fit begins"))
            encoder = find_encoder(generator, None if known else file_of(path))
            fitting = begin([photo], generator, quality, seed=0, encoder=encoder)
            next_look = 0.0

            def tell(progress: Progress) -> None:
                nonlocal next_look
                comparison = None
                if time.monotonic() > next_look:
                    comparison = compare(photo.image, fitting)
                    next_look = time.monotonic() + COMPARISON_SECONDS
                text = f"step {progress.done} of {progress.total}"
                on_progress(FitProgress(text, progress.done / progress.total, comparison))

            try:
                run(fitting, quality, tell, stopped=stopped)
            except Interrupted as error:
                raise Stopped from error
            name = printable(PurePath(upload.name).name)
            person = person_of(fitting, [name], known.model if known else file_of(path).name)
            return FittedPerson(person, compare(photo.image, fitting))


def plain_words(refused: Refused) -> str:
    """A refusal without options of commands."""
    if refused.reason == Reason.SEVERAL_FACES:
        return f"{str(refused).partition(';')[0]}; cut one person out"
    text = re.sub(r" \([^)]*--[^)]*\)", "", str(refused))
    return f"{text}: {REMEDIES[refused.reason]}" if refused.reason in REMEDIES else text
