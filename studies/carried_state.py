"""The state of a run in 16 bits and in parts small enough for a repository, and a run again from them.

    python -m studies.carried_state pack RUN OUT --parts-of 15MB
    python -m studies.carried_state unpack OUT RUN --data heads512.zip
    gghead resume RUN

`pack` takes the newest checkpoint: both generators, the discriminator, what the optimizers remember, the counters from
which all random numbers follow, and the run's configuration and logs. Weights are rounded to float16, means of squared
gradients to bfloat16, which has the range that they need; places on the template stay exact. Three things are left out
and come back as they were: tensors that both generators share, Adam's means of gradients (of which its first beta, 0,
keeps nothing), and by --without-optimizers its means of squares, too, so that the optimizers start fresh.
"""

import argparse
import json
import math
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from gghead.checkpoint.atomic import new_folder
from gghead.checkpoint.store import Checkpoint, load_checkpoint, save_checkpoint
from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors
from gghead.config.codec import from_json, to_json
from gghead.config.printable import printable
from gghead.config.training import RunConfig
from gghead.model.storage import GEOMETRY
from gghead.runs.places import refuse_existing
from gghead.runs.resolve import CONFIG
from gghead.runs.run_folder import RunFolder
from gghead.training.checkpoints import EMA_NAME
from gghead.training.state import BETAS

MEGABYTE = 10**6
OPTIMIZER = "_optimizer"
"""End of the names of files with what an optimizer remembers, `<parameter>/<quantity>`."""
STEPS, MEANS, SQUARES = "step", "exp_avg", "exp_avg_sq"
MAX_SMALL_BYTES = 2**30
"""Of a small file of a run; the longest of them is the log."""
ASIDE = "run/"
"""Start of the names of the run's small files, whose compressed bytes are tensors of the state."""


def pack(run: RunFolder, out: Path, part_bytes: int, with_optimizers: bool = True) -> list[Path]:
    """Writes the newest checkpoint of a run in 16 bits, cut into parts.

    Args:
        run: whose state it is.
        out: folder to make.
        part_bytes: of a part, at most.
        with_optimizers: whether means of squared gradients are kept.

    Returns:
        The parts, in their order.

    Raises:
        FileExistsError: the folder exists.
        FileNotFoundError, ValueError: the run has no checkpoint, or it is damaged.
    """
    refuse_existing(out)
    if not run.checkpoints():
        raise FileNotFoundError(f"{run.path} has no checkpoint yet; go on with `gghead resume {run.path}`")
    checkpoint = load_checkpoint(run.checkpoints()[-1])
    content = TensorFile(
        _narrowed(checkpoint.files, with_optimizers) | _small_files(run),
        {
            "images": str(checkpoint.images),
            "numbers": json.dumps(dict(checkpoint.numbers)),
            "texts": json.dumps(dict(checkpoint.texts)),
            "files": json.dumps({name: dict(file.texts) for name, file in checkpoint.files.items()}),
            "config": to_json(run.config),
        },
    )
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "state.safetensors"
        save_tensors(whole, content)
        data = whole.read_bytes()
    pieces = [data[start : start + part_bytes] for start in range(0, len(data), part_bytes)]
    names = [f"state-{number:05d}-of-{len(pieces):05d}.part" for number in range(1, len(pieces) + 1)]
    with new_folder(out) as folder:
        for name, piece in zip(names, pieces, strict=True):
            (folder / name).write_bytes(piece)
    return [out / name for name in names]


def unpack(parts: Path, path: Path, data: Path | None = None) -> RunFolder:
    """Makes a run of which `gghead resume` goes on from where the packed one stood, but for rounding; whole or not at
    all.

    Args:
        parts: folder of the parts.
        path: of the run, which is made.
        data: archive of the pictures, where it lies elsewhere than it did.

    Raises:
        FileExistsError: something stands at the path.
        FileNotFoundError: a part is missing.
        ValueError: a part is damaged, there are parts of several states, or they hold something else.
    """
    refuse_existing(path)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "state.safetensors"
        whole.write_bytes(b"".join(part.read_bytes() for part in _all_parts(parts)))
        content = load_tensors(whole)
    texts = content.texts
    try:
        config = from_json(RunConfig, texts["config"])
        files = _widened(content.tensors, json.loads(texts["files"]))
        checkpoint = Checkpoint(files, int(texts["images"]), json.loads(texts["numbers"]), json.loads(texts["texts"]))
        small = {
            name.removeprefix(ASIDE): _decompressed(tensor)
            for name, tensor in content.tensors.items()
            if name.startswith(ASIDE)
        }
    except (AttributeError, KeyError, TypeError, ValueError, zlib.error) as error:
        raise ValueError(
            f"{parts} holds no state of a run ({type(error).__name__}: {printable(str(error))}); expected parts that "
            "`pack` wrote"
        ) from error
    config = config if data is None else replace(config, data=str(data.absolute()))
    with new_folder(path) as folder:
        run = RunFolder(folder, config)
        unknown = sorted(set(small) - {file.name for file in _asides(run)})
        if unknown:  # a name may lead out of the folder
            raise ValueError(f"{parts} holds a file {printable(unknown[0])}, which no run has; use another copy")
        (folder / CONFIG).write_text(to_json(config) + "\n", encoding="utf-8")
        for name, text in small.items():
            (folder / name).write_bytes(text)
        run.checkpoint(checkpoint.images).parent.mkdir()
        save_checkpoint(run.checkpoint(checkpoint.images), checkpoint)
    return RunFolder(path, config)


def _narrowed(files: Mapping[str, TensorFile], with_optimizers: bool) -> dict[str, Tensor]:
    """Tensors of a checkpoint as `<file>/<name>`, in 16 bits where these hold every value; no more than is needed."""
    assert BETAS[0] == 0, "else the optimizers' means of gradients are needed"
    shared = files[EMA_NAME].tensors
    kept: dict[str, Tensor] = {}
    for file, content in files.items():
        for name, tensor in content.tensors.items():
            quantity = name.rpartition("/")[2]
            if file.endswith(OPTIMIZER):
                if quantity == STEPS:
                    kept[f"{file}/{name}"] = tensor if with_optimizers else torch.zeros_like(tensor)
                elif quantity == SQUARES and with_optimizers:
                    kept[f"{file}/{name}"] = tensor.bfloat16()
            elif file == EMA_NAME or name not in shared or not torch.equal(tensor, shared[name]):
                half = tensor if name in GEOMETRY else tensor.half()
                kept[f"{file}/{name}"] = half if half.isfinite().all() else tensor
    return kept


def _widened(tensors: Mapping[str, Tensor], texts: Mapping[str, dict[str, str]]) -> dict[str, TensorFile]:
    """Files of a checkpoint, in single precision, with what had been left out."""
    found: dict[str, dict[str, Tensor]] = {file: {} for file in texts}
    for name, tensor in tensors.items():
        file, _, own = name.partition("/")
        if file in found:
            found[file][own] = tensor.float()
    found["generator"] = found[EMA_NAME] | found["generator"]
    for file in (file for file in found if file.endswith(OPTIMIZER)):
        network, moments = found[file.removesuffix(OPTIMIZER)], found[file]
        for parameter in [name.rpartition("/")[0] for name in moments if name.endswith(f"/{STEPS}")]:
            for quantity in (MEANS, SQUARES):
                moments.setdefault(f"{parameter}/{quantity}", torch.zeros_like(network[parameter]))
    return {file: TensorFile(content, texts[file]) for file, content in found.items()}


def _small_files(run: RunFolder) -> dict[str, Tensor]:
    """What else stands in a run and belongs to it, compressed."""
    paths = [path for path in _asides(run) if path.is_file()]
    compressed = {ASIDE + path.name: bytearray(zlib.compress(path.read_bytes(), 9)) for path in paths}
    return {name: torch.frombuffer(data, dtype=torch.uint8) for name, data in compressed.items()}


def _asides(run: RunFolder) -> tuple[Path, ...]:
    """The small files that a run may have."""
    return run.log, run.metrics, run.data, run.transfer


def _decompressed(compressed: Tensor) -> bytes:
    """A small file again.

    Raises:
        ValueError: it is cut off, or larger than such files are.
    """
    stream = zlib.decompressobj()
    found = stream.decompress(compressed.numpy().tobytes(), MAX_SMALL_BYTES)
    if not stream.eof:
        raise ValueError(f"a small file is cut off, or of more than {MAX_SMALL_BYTES} bytes")
    return found


def _all_parts(folder: Path) -> list[Path]:
    """The parts of a folder in their order.

    Raises:
        FileNotFoundError: some are missing.
        ValueError: they are of several states.
    """
    found = sorted(folder.glob("state-*-of-*.part"))
    counts = sorted({part.stem.rpartition("-")[2] for part in found})
    if len(counts) > 1 or not all(map(str.isdecimal, counts)):
        raise ValueError(f"{folder} holds parts of {' and of '.join(counts)}; expected those of one state")
    count = int(counts[0]) if counts else 1
    expected = [folder / f"state-{number:05d}-of-{count:05d}.part" for number in range(1, count + 1)]
    missing = [path.name for path in expected if path not in found]
    if missing:
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing[:5])}; expected all {count} parts of one state")
    return expected


def _size(text: str) -> int:
    """Bytes of "15MB"."""
    number = float(text.upper().removesuffix("MB"))
    if not 1 <= number * MEGABYTE < math.inf:
        raise argparse.ArgumentTypeError(f"a part of {text} is none; expected a size like 15MB")
    return int(number * MEGABYTE)


def main() -> None:
    """Packs or unpacks, and says how large what is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="the newest checkpoint of a run, in parts")
    packing.add_argument("run", type=Path)
    packing.add_argument("out", type=Path, help="folder to make")
    packing.add_argument("--parts-of", type=_size, default=15 * MEGABYTE, help="size of a part, like 15MB")
    packing.add_argument("--without-optimizers", action="store_true", help="they start fresh; about half the size")
    unpacking = commands.add_parser("unpack", help="a run from its parts")
    unpacking.add_argument("parts", type=Path, help="folder of the parts")
    unpacking.add_argument("run", type=Path, help="folder to make")
    unpacking.add_argument("--data", type=Path, help="archive of pictures, where it lies elsewhere than before")
    options = parser.parse_args()
    try:
        _obey(options)
    except (OSError, ValueError) as error:
        parser.exit(1, f"error: {error}\n")


def _obey(options: argparse.Namespace) -> None:
    if options.command == "unpack":
        run = unpack(options.parts, options.run, options.data)
        print(f"{run.checkpoints()[-1]}; go on with: gghead resume {run.path}")
        return
    run = RunFolder.open(options.run)
    parts = pack(run, options.out, options.parts_of, not options.without_optimizers)
    print(f"{len(parts)} parts, {sum(part.stat().st_size for part in parts) / MEGABYTE:.1f} MB")
    for name, size in packed_sizes(run, not options.without_optimizers).items():
        print(f"{name}: {size / MEGABYTE:.1f} MB")


def packed_sizes(run: RunFolder, with_optimizers: bool = True) -> dict[str, int]:
    """Bytes of each network and optimizer of a run's newest checkpoint as `pack` writes them."""
    sizes: dict[str, int] = {}
    for name, tensor in _narrowed(load_checkpoint(run.checkpoints()[-1]).files, with_optimizers).items():
        file = name.partition("/")[0]
        sizes[file] = sizes.get(file, 0) + tensor.nbytes
    return sizes


if __name__ == "__main__":
    main()
