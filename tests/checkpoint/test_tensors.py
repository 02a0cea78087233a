"""Files of tensors: round trip, damage, full disks."""

import os
from pathlib import Path

import pytest
import torch

from gghead.checkpoint import atomic, tensors
from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors

CONTENT = TensorFile(
    {
        "weights": torch.arange(60.0).reshape(3, 4, 5),
        "half": torch.linspace(-1, 1, 7, dtype=torch.bfloat16),
        "count": torch.tensor(3),
        "nothing": torch.zeros(0, 4),
    },
    {"config": '{"a": 1}'},
)


def test_round_trip_is_bit_exact(tmp_path: Path) -> None:
    save_tensors(tmp_path / "a.safetensors", CONTENT)
    again = load_tensors(tmp_path / "a.safetensors")
    assert again.texts == CONTENT.texts
    assert again.tensors.keys() == CONTENT.tensors.keys()
    for name, tensor in CONTENT.tensors.items():
        assert again.tensors[name].dtype == tensor.dtype
        assert torch.equal(again.tensors[name], tensor)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_who_may_read_the_folder_may_read_the_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    save_tensors(tmp_path / "a.safetensors", CONTENT)
    assert (tmp_path / "a.safetensors").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_every_flipped_byte_is_detected(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_tensors(path, CONTENT)
    good = path.read_bytes()
    for position in range(0, len(good), 7):
        path.write_bytes(good[:position] + bytes([good[position] ^ 0x10]) + good[position + 1 :])
        with pytest.raises(ValueError, match=r"a\.safetensors"):
            load_tensors(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_cut_off_file_is_named(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.safetensors"
    save_tensors(path, CONTENT)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ValueError, match="cut off or damaged"):
        load_tensors(path)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.safetensors"
    save_tensors(path, CONTENT)
    before = path.read_bytes()

    def fail(content: object, temporary: Path, metadata: object) -> None:
        temporary.write_bytes(b"half a fi")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tensors, "save_file", fail)
    with pytest.raises(OSError, match="No space left"):
        save_tensors(path, TensorFile({"other": torch.ones(1)}, {}))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path], "no temporary file stays behind"


def test_a_failed_folder_leaves_nothing(tmp_path: Path) -> None:
    def fill() -> None:
        with atomic.new_folder(tmp_path / "folder") as temporary:
            (temporary / "file").write_text("x")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_the_same_content_is_the_same_bytes(tmp_path: Path) -> None:
    texts = dict.fromkeys("abcdefgh", 'a "text"\nof two lines \x1f ü')
    written = set()
    for name in "xyz":
        save_tensors(tmp_path / name, TensorFile(CONTENT.tensors, texts))
        written.add((tmp_path / name).read_bytes())
    assert len(written) == 1
    assert load_tensors(tmp_path / "x").texts == texts
