"""Runs as versions before wrote them: checkpoints of plain tensor files, hashed whole; snapshots are files apart."""

import hashlib
import json
import shutil
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file

from gghead.checkpoint.tensors import TensorFile, content_hash


def make_earlier(run: Path) -> Path:
    """Rewrites a run, in place, into what a version before would have left of the same training."""
    for snapshot in (run / "snapshots").glob("*.safetensors"):
        apart = shutil.copy(snapshot, snapshot.with_suffix(".copy"))
        snapshot.unlink()
        apart.rename(snapshot)
    for checkpoint in (run / "checkpoints").iterdir():
        make_plain(checkpoint / "generator_ema.safetensors")
        manifest = json.loads((checkpoint / "manifest.json").read_text())
        hashes = {name: hashlib.sha256((checkpoint / name).read_bytes()).hexdigest() for name in files(checkpoint)}
        earlier = {"version": 2, **{key: manifest[key] for key in ("images", "numbers", "texts")}, "sha256": hashes}
        text = json.dumps(earlier, sort_keys=True, separators=(",", ":"))
        earlier["manifest_sha256"] = hashlib.sha256(text.encode()).hexdigest()
        (checkpoint / "manifest.json").write_text(json.dumps(earlier, indent=2) + "\n")
    return run


def make_plain(file: Path) -> None:
    """Takes from a file of tensors what it says of the network in it."""
    with safe_open(file, framework="pt") as opened:
        tensors = {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118 - not a mapping
    file.unlink()
    save_file(tensors, file, metadata={"sha256": content_hash(TensorFile(tensors, {}))})


def files(checkpoint: Path) -> list[str]:
    """Names of the tensor files of a checkpoint."""
    return sorted(path.name for path in checkpoint.glob("*.safetensors"))
