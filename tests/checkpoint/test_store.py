"""Checkpoints: whole or not at all, damage found before anything is used."""

from pathlib import Path

import pytest
import torch

from gghead.checkpoint.store import MANIFEST, Checkpoint, load_checkpoint, save_checkpoint
from gghead.checkpoint.tensors import TensorFile

CHECKPOINT = Checkpoint(
    {"generator": TensorFile({"w": torch.ones(3)}, {}), "optimizer": TensorFile({"m": torch.zeros(2, 2)}, {})}, 4016
)


def test_round_trip(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "000004016", CHECKPOINT)
    again = load_checkpoint(tmp_path / "000004016")
    assert again.images == 4016
    assert torch.equal(again.files["generator"].tensors["w"], torch.ones(3))
    assert sorted(path.name for path in (tmp_path / "000004016").iterdir()) == [
        "generator.safetensors",
        MANIFEST,
        "optimizer.safetensors",
    ]


@pytest.mark.parametrize("name", ["generator.safetensors", "optimizer.safetensors", MANIFEST])
@pytest.mark.parametrize("damage", ["cut", "flip", "remove"])
def test_damage_is_found(tmp_path: Path, name: str, damage: str) -> None:
    folder = tmp_path / "1"
    save_checkpoint(folder, CHECKPOINT)
    file = folder / name
    content = file.read_bytes()
    if damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "flip":
        # In the manifest the tenth byte is in the key of the version; in a tensor file, in its header.
        file.write_bytes(content[:9] + bytes([content[9] ^ 1]) + content[10:])
    else:
        file.unlink()
    with pytest.raises((ValueError, FileNotFoundError), match=name if damage != "remove" else "."):
        load_checkpoint(folder)


def test_an_existing_checkpoint_is_not_overwritten(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "1", CHECKPOINT)
    with pytest.raises(FileExistsError, match="exists already"):
        save_checkpoint(tmp_path / "1", CHECKPOINT)
