"""The folder of a run: what stands where.

config.json                      written once, never changed
transfer.json                    of a run that starts from another: what it took, and what not
data.json                        which pictures it learns from: size and CRC-32 of each
trackers.json                    where else the log goes, if anywhere
log.jsonl                        a line a tick
metrics.jsonl                    a line a measurement
evaluations/<images>.json        reports of measurements, with all that repeats them
snapshots/<images>.png           heads of fixed seeds from several sides
snapshots/depth_<images>.png     their depth
snapshots/maps_<images>.png      colours, offsets and opacities over the chart
snapshots/<images>.safetensors   the EMA generator, a model file
.lock                            held by the process that trains it
checkpoints/<images>/            everything that is needed to go on; generator_ema.safetensors in it is a model file,
                                 the same as the snapshot of that number, where there is one
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from gghead.checkpoint.atomic import named_errors, new_folder
from gghead.checkpoint.leftovers import is_being_written, remove
from gghead.checkpoint.naming import checkpoint_name, is_checkpoint_name
from gghead.config.codec import from_json, to_json
from gghead.config.training import RunConfig
from gghead.runs.places import refuse_existing
from gghead.runs.resolve import CHECKPOINT_FOLDER, CONFIG, SNAPSHOT_FOLDER, find_checkpoints


@dataclass(frozen=True)
class RunFolder:
    """A run on disk: its folder and its configuration."""

    path: Path
    config: RunConfig

    @classmethod
    def create(cls, path: Path, config: RunConfig) -> "RunFolder":
        """Makes the folder of a new run.

        Raises:
            FileExistsError: something stands at the path.
        """
        refuse_existing(path)
        with new_folder(path) as folder:
            (folder / CONFIG).write_text(to_json(config) + "\n", encoding="utf-8")
        return cls(path, config)

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Opens the folder of a run that was started before.

        Raises:
            FileNotFoundError: the folder holds no run.
            ValueError: its configuration can't be read.
        """
        file = path / CONFIG
        if not file.is_file():
            raise FileNotFoundError(f"{path} is no run: it has no {CONFIG}; start one with `gghead train`")
        try:
            return cls(path, from_json(RunConfig, file.read_text(encoding="utf-8-sig")))
        except ValueError as error:
            raise ValueError(f"{file} can't be read: {error}; mend it, or take it from a copy of the run") from error

    @property
    def log(self) -> Path:
        """The log file."""
        return self.path / "log.jsonl"

    @property
    def transfer(self) -> Path:
        """What was taken from the run that this one starts from."""
        return self.path / "transfer.json"

    @property
    def data(self) -> Path:
        """Which pictures the run learns from."""
        return self.path / "data.json"

    @property
    def trackers(self) -> Path:
        """Where else the log goes."""
        return self.path / "trackers.json"

    @property
    def metrics(self) -> Path:
        """The numbers measured while the run went on."""
        return self.path / "metrics.jsonl"

    @property
    def evaluations(self) -> Path:
        """Folder of the reports of evaluations."""
        return self.path / "evaluations"

    def snapshot(self, images: int, suffix: str) -> Path:
        """A file of the snapshot taken at a number of images."""
        return self.path / SNAPSHOT_FOLDER / f"{images:09d}{suffix}"

    def sheet(self, images: int, name: str) -> Path:
        """A picture of the snapshot taken at a number of images; "heads" is the one that carries no name."""
        path = self.snapshot(images, ".png")
        return path if name == "heads" else path.with_name(f"{name}_{path.name}")

    def checkpoint(self, images: int) -> Path:
        """The checkpoint folder of a number of images."""
        return self.path / CHECKPOINT_FOLDER / checkpoint_name(images)

    def checkpoints(self) -> list[Path]:
        """Checkpoint folders, oldest first; those that were not finished, or have another name, are not among them."""
        return find_checkpoints(self.path)

    def strangers(self) -> list[Path]:
        """What else stands among the checkpoints and is not hidden; nothing of it is read or removed."""
        folder = self.path / CHECKPOINT_FOLDER
        found = folder.iterdir() if folder.is_dir() else ()
        return sorted(path for path in found if not (is_checkpoint_name(path.name) or path.name.startswith(".")))

    def keep_only(self, images: Collection[int]) -> None:
        """Removes the checkpoints of all other numbers of images."""
        for folder in self.checkpoints():
            if int(folder.name) not in images:
                # First out of sight, so that a half removed one is never taken for a checkpoint.
                hidden = folder.with_name(f".{folder.name}.removed.tmp")
                folder.rename(hidden)
                remove(hidden)

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Keeps others from training this run for as long as the block lasts, or the process lives.

        Raises:
            ValueError: another process trains it.
        """
        lock = FileLock(self.path / ".lock")
        try:
            with named_errors(Path(lock.lock_file)):
                lock.acquire(timeout=0)
        except Timeout as error:
            raise ValueError(
                f"{self.path} is trained by another process; wait for its end, or stop it first"
            ) from error
        except NotImplementedError:
            pass  # a file system without locks; its users have to look after themselves
        try:
            yield
        finally:
            lock.release()

    def sweep(self) -> None:
        """Removes what a killed process left half written or half removed."""
        for leftover in (*self.path.glob(".*.tmp"), *self.path.glob("*/.*.tmp")):
            if not is_being_written(leftover):  # a report of `gghead evaluate`, say
                remove(leftover)
