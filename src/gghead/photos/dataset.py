"""From many photographs to a dataset: the same bytes with any number of threads, interrupted or not."""

import hashlib
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from gghead.config.numbers import require_whole
from gghead.data.dataset import masks_path
from gghead.data.parallel import ITEMS_PER_THREAD, prefetch, thread_count
from gghead.data.problems import summarize
from gghead.media.images import encode_picture, encode_png
from gghead.photos.archive.records import LeftOut, PhotoRecord
from gghead.photos.archive.resumable_heads import GrowingHeads, HeadFiles, photos_path, sheet_path
from gghead.photos.archive.sheet import thumbnail
from gghead.photos.faces.models import FaceModels
from gghead.photos.head_finder import HeadFinder, PhotoSettings
from gghead.photos.heads import FindHeads, Head
from gghead.photos.masks.onnx_matting import OnnxMatting, Scaling
from gghead.photos.refusal import Reason, Refused
from gghead.photos.sources.finding import Shots, find_shots
from gghead.photos.sources.shots import Shot
from gghead.runs.shards import refuse_hidden


@dataclass(frozen=True)
class Prepared:
    """What became of photographs.

    Attributes:
        photographs: number of all of them.
        heads: number of those in the archive.
        refused: how many photographs or faces were left out for which reason, the most frequent first.
        paths: of the files that were written, the archive first.
    """

    photographs: int
    heads: int
    refused: tuple[tuple[Reason, int], ...]
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class _Encoded:
    """A head as files, and what its record says of it beside their name."""

    picture: bytes
    mask: bytes
    facts: dict[str, object]


@dataclass(frozen=True)
class _Outcome:
    """What a thread made of a photograph; nothing but its content's digest where one of the same comes before it."""

    name: str
    source: str
    frame: int | None
    digest: str | None = None
    size: tuple[int, int] | None = None
    heads: tuple[_Encoded, ...] = ()
    refusals: tuple[LeftOut, ...] = ()
    thumbnail: bytes | None = None


class _FirstOfItsContent:
    """Which photograph of some content comes first, as far as it is known while threads read others."""

    def __init__(self) -> None:
        self._positions: dict[str, int] = {}
        self._lock = threading.Lock()

    def meet(self, digest: str, position: int) -> int:
        """The lowest position that was met with this content, and that is all there are once those below were met."""
        with self._lock:
            self._positions[digest] = min(position, self._positions.get(digest, position))
            return self._positions[digest]


def prepare_dataset(
    photographs: Sequence[Path | str],
    out: Path,
    settings: PhotoSettings = PhotoSettings(),
    every: int = 30,
    models: Path | None = None,
    matting: Path | None = None,
    matting_scaling: Scaling = "imagenet",
    workers: int | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    overwrite: bool = False,
) -> Prepared:
    """Writes the heads of photographs, as `write_dataset` says.

    Args:
        photographs: files, folders, patterns, as of `find_shots`.
        out: zip to write.
        settings: which heads are taken, and how they are cut out.
        every: of a video, one frame in so many is a photograph.
        models: where the face models are, as of `FaceModels`.
        matting: a network that makes the masks, as of `OnnxMatting`; by default the models' segmenter.
        matting_scaling: of the colours that it expects.
        workers: threads; by default one for each core.
        on_progress: called with the number of photographs that are done and of all.
        overwrite: whether existing files, and unfinished ones of other settings, are replaced.

    Raises:
        FileNotFoundError: there are no such photographs, models or network.
        ValueError: as `write_dataset`; there are no photographs; models or network are others than expected.
        OSError: as `write_dataset`.
    """
    _require_writable(out, overwrite)
    shots = find_shots(photographs, every, _files(out))
    made_with = {"version": version("gghead"), **asdict(settings), "matting": None}
    network = None
    if matting is not None:
        network = OnnxMatting(matting, matting_scaling)
        made_with["matting"] = [hashlib.sha256(matting.read_bytes()).hexdigest(), matting_scaling]
    find_heads = HeadFinder(settings, FaceModels(models), network)
    return write_dataset(shots, find_heads, out, json.dumps(made_with), workers, on_progress, overwrite)


def write_dataset(
    shots: Shots,
    find_heads: FindHeads,
    out: Path,
    settings: str,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    overwrite: bool = False,
) -> Prepared:
    """Writes the heads of photographs: heads.zip, heads_masks_modnet.zip, heads_photos.json, heads_sheet.jpg.

    All appear whole or not at all. Until then what is done lies in the hidden folder .heads.zip.unfinished, and the
    same call goes on from there after an interruption of any kind: from the first photograph that is another one than
    last time, if some came, went or changed names meanwhile.

    Args:
        shots: the photographs.
        find_heads: finds heads in one of them.
        out: zip to write.
        settings: what the heads are found with, as a JSON object.
        workers: threads; by default one for each core.
        on_progress: called with the number of photographs that are done and of all.
        overwrite: whether existing files, and unfinished ones of other settings, are replaced.

    Raises:
        ValueError: an argument is out of its range, or no photograph has a head that can be used; counts the reasons.
        FileExistsError: a file exists, or an unfinished dataset of other settings, and shall not be overwritten.
        BlockingIOError: another process makes the same dataset.
        OSError: the disk is full or not writable; what is done is kept.
    """
    workers = thread_count() if workers is None else require_whole("workers", workers, 1, 1024)
    _require_writable(out, overwrite)
    with GrowingHeads(out, settings, overwrite) as growing:
        _require_writable(out, overwrite)  # another process may have finished since
        growing.keep(_same(growing.records, shots))
        _add_shots(growing, shots, find_heads, workers, on_progress)
        refused = Counter(left.reason for record in growing.records for left in record.refusals)
        heads = sum(len(record.heads) for record in growing.records)
        if not heads:
            growing.discard()
            raise ValueError(_no_heads(growing.records, refused))
        paths = growing.finish()
    return Prepared(len(growing.records), heads, tuple(refused.most_common()), paths)


def _files(out: Path) -> tuple[Path, ...]:
    return out, masks_path(out), photos_path(out), sheet_path(out)


def _require_writable(out: Path, overwrite: bool) -> None:
    if out.suffix.lower() != ".zip":
        raise ValueError(f"{out} does not end in .zip; name the archive like heads.zip")
    refuse_hidden(out)
    for path in _files(out):
        if os.path.lexists(path) and not overwrite:
            raise FileExistsError(
                f"{path} exists already; name another file, or overwrite it (--force, overwrite=True)"
            )


def _same(records: Sequence[PhotoRecord], shots: Shots) -> int:
    """How many of the records are those of the first photographs."""
    pairs = zip(records, shots.identities(), strict=False)
    same = takewhile(lambda pair: (pair[0].name, pair[0].source, pair[0].frame) == pair[1], pairs)
    return sum(1 for _ in same)


def _add_shots(
    growing: GrowingHeads, shots: Shots, find_heads: FindHeads, workers: int, on_progress: Callable[[int, int], None]
) -> None:
    """Prepares the photographs that are missing, and adds them in their order."""
    first = _FirstOfItsContent()
    for position, record in enumerate(growing.records):
        if record.digest is not None:
            first.meet(record.digest, position)
    done, total = len(growing.records), len(shots)
    unwanted = threading.Event()

    def find_wanted(pixels: UInt8[np.ndarray, "H W 3"]) -> Iterable[Head | Refused]:
        """Ends early when the command does: a crowd takes minutes."""
        return takewhile(lambda _: not unwanted.is_set(), find_heads(pixels))

    outcomes = prefetch(
        lambda item: _outcome(*item, find_wanted, first),
        ([item] for item in enumerate(shots.since(done), done)),
        ITEMS_PER_THREAD * workers - 1,
        workers,
        unwanted,
    )
    on_progress(done, total)
    with closing(outcomes):
        for position, (outcome,) in enumerate(outcomes, done):
            if outcome.digest is not None and (other := first.meet(outcome.digest, position)) < position:
                text = f"it has the same content as {growing.records[other].shown}, which comes before it"
                refusal = LeftOut(Reason.DUPLICATE, text)
                outcome = replace(outcome, size=None, heads=(), refusals=(refusal,), thumbnail=None)
            names = [_head_name(outcome.name, number) for number in range(len(outcome.heads))]
            files = [HeadFiles(name, head.picture, head.mask) for name, head in zip(names, outcome.heads, strict=True)]
            growing.add(_line(outcome, names), files, outcome.thumbnail)
            on_progress(position + 1, total)


def _outcome(position: int, shot: Shot, find_heads: FindHeads, first: _FirstOfItsContent) -> _Outcome:
    outcome = _Outcome(shot.name, shot.source, shot.frame)
    try:
        outcome = replace(outcome, digest=shot.digest())
        if outcome.digest is not None and first.meet(outcome.digest, position) < position:
            return outcome
        pixels = shot.read()
    except ValueError as error:
        return replace(outcome, refusals=(LeftOut(Reason.UNREADABLE, str(error)),))
    heads, refusals = [], []
    for found in find_heads(pixels):  # one after the other, for a crowd's would fill the memory
        if isinstance(found, Refused):
            refusals.append(LeftOut(found.reason, str(found)))
        else:
            heads.append(_encoded(found))
    return replace(
        outcome,
        size=(pixels.shape[1], pixels.shape[0]),
        heads=tuple(heads),
        refusals=tuple(refusals),
        thumbnail=encode_picture(thumbnail(pixels), ".jpg") if refusals else None,
    )


def _head_name(name: str, number: int) -> str:
    """Further heads of a photograph have a sign in their name that no photograph has in its own (sources/naming.py)."""
    return f"{name}.png" if number == 0 else f"{name}~{number + 1}.png"


def _encoded(head: Head) -> _Encoded:
    facts: dict[str, object] = {
        "score": round(head.score, 4),
        "box": _square(head.box.center, head.box.side, head.box.roll),
        "crop": _square(head.crop.center, head.crop.side, head.crop.roll),
        "label": [float(f"{number:.9g}") for number in head.label.tolist()],
        "landmarks": np.round(head.landmarks.astype(np.float64), 1).tolist(),
    }
    mask = (head.alpha * 255).round().astype(np.uint8)
    return _Encoded(encode_png(head.image), encode_png(mask), facts)


def _square(center: tuple[float, float], side: float, roll: float) -> dict[str, object]:
    return {"center": [round(place, 2) for place in center], "side": round(side, 2), "roll": round(roll, 5)}


def _line(outcome: _Outcome, names: Sequence[str]) -> str:
    return json.dumps(
        {
            "name": outcome.name,
            "source": outcome.source,
            "frame": outcome.frame,
            "digest": outcome.digest,
            "size": outcome.size,
            "heads": [{"picture": name, **head.facts} for name, head in zip(names, outcome.heads, strict=True)],
            "refusals": [{"reason": left.reason, "text": left.text} for left in outcome.refusals],
        }
    )


def _no_heads(records: Sequence[PhotoRecord], refused: Counter[Reason]) -> str:
    """Why there is no dataset."""
    told = summarize([f"{record.shown}: {left.text}" for record in records for left in record.refusals])
    if len(records) == 1:
        return told
    counts = ", ".join(f"{count} {reason}" for reason, count in refused.most_common())
    return f"none of the {len(records)} photographs has a head that can be used ({counts}):\n{told}"
