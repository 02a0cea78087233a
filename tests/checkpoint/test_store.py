"""Checkpoints: whole or not at all, damage found before anything is used."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st

from gghead.checkpoint.naming import MANIFEST, checkpoint_name
from gghead.checkpoint.store import (
    CONTENT_HASHES,
    FILE_HASHES,
    MANIFEST_HASH,
    Checkpoint,
    file_hash,
    load_checkpoint,
    save_checkpoint,
)
from gghead.checkpoint.tensors import TensorFile, load_tensors

CHECKPOINT = Checkpoint(
    files={"generator": TensorFile({"w": torch.ones(3)}, {}), "optimizer": TensorFile({"m": torch.zeros(2, 2)}, {})},
    images=4016,
    numbers={"rollbacks": 2},
    texts={"data": "abc"},
)
NAME = checkpoint_name(4016)


def test_round_trip(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / NAME, CHECKPOINT)
    again = load_checkpoint(tmp_path / NAME)
    assert (again.images, again.numbers, again.texts) == (4016, {"rollbacks": 2}, {"data": "abc"})
    assert torch.equal(again.files["generator"].tensors["w"], torch.ones(3))
    assert sorted(path.name for path in (tmp_path / NAME).iterdir()) == [
        "generator.safetensors",
        MANIFEST,
        "optimizer.safetensors",
    ]


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("name", ["generator.safetensors", "optimizer.safetensors", MANIFEST])
@pytest.mark.parametrize("damage", ["cut", "flip", "remove"])
def test_damage_is_found(tmp_path: Path, name: str, damage: str, version: int) -> None:
    folder = tmp_path / NAME
    save_checkpoint(folder, CHECKPOINT)
    make_older(folder, version)
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
    save_checkpoint(tmp_path / NAME, CHECKPOINT)
    with pytest.raises(FileExistsError, match="exists already"):
        save_checkpoint(tmp_path / NAME, CHECKPOINT)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / NAME, CHECKPOINT)
    return tmp_path / NAME


def change_manifest(folder: Path, change: Callable[[dict], object]) -> None:
    """Edits the manifest as somebody would who does not know of its hash."""
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def make_older(folder: Path, version: int) -> None:
    """Gives a checkpoint the manifest of an earlier version: hashes of files; in version 1 no texts, no hash of it."""

    def as_written_then(manifest: dict) -> None:
        for key in (MANIFEST_HASH, *(("texts",) if version == 1 else ())):
            del manifest[key]
        manifest[FILE_HASHES] = {name: file_hash(folder / name) for name in manifest.pop(CONTENT_HASHES)}
        manifest["version"] = version
        if version > 1:
            text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
            manifest[MANIFEST_HASH] = hashlib.sha256(text.encode()).hexdigest()

    if version < 3:
        change_manifest(folder, as_written_then)


@pytest.mark.parametrize("version", [1, 2])
def test_a_manifest_of_an_earlier_version_is_read(version: int, saved: Path) -> None:
    make_older(saved, version)
    again = load_checkpoint(saved)
    texts = {} if version == 1 else {"data": "abc"}
    assert (again.images, again.numbers, again.texts) == (4016, {"rollbacks": 2}, texts)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_whole_file_of_another_checkpoint_is_refused(version: int, saved: Path) -> None:
    make_older(saved, version)
    other = Checkpoint({"generator": TensorFile({"w": torch.zeros(3)}, {})}, 4024)
    save_checkpoint(saved.with_name(checkpoint_name(4024)), other)
    shutil.copy(saved.with_name(checkpoint_name(4024)) / "generator.safetensors", saved)
    with pytest.raises(ValueError, match=rf"generator\.safetensors is damaged.*remove {saved}"):
        load_checkpoint(saved)


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_has_a_second_path_that_outlives_the_checkpoint(
    has_links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*paths: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    if not has_links:
        monkeypatch.setattr(os, "link", refuse)
    second = tmp_path / "snapshots" / "model.safetensors"
    second.parent.mkdir()
    second.write_text("what stood there")
    save_checkpoint(tmp_path / NAME, CHECKPOINT, {"generator": second})
    assert second.samefile(tmp_path / NAME / "generator.safetensors") is has_links
    shutil.rmtree(tmp_path / NAME)
    assert torch.equal(load_tensors(second).tensors["w"], torch.ones(3))
    assert list(second.parent.iterdir()) == [second]


@pytest.mark.parametrize(
    "change",
    [
        {"images": 4017},
        {"images": "4016"},
        {"images": None},
        {"images": [1]},
        {"images": 4016.0},
        {"images": -8},
        {"images": True},
        {"images": 10**400},
        {"numbers": {"rollbacks": 3}},
        {"numbers": {"rollbacks": float("inf")}},
        {"numbers": []},
        {"texts": {"data": "other"}},
        {"texts": {"data": 5}},
        {"sha256": []},
        {"sha256": None},
        {"sha256": {}},
        {"content_sha256": []},
        {"version": 4},
        {"version": "2"},
        {"version": True},
        {"more": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_changed_manifest_is_refused(version: int, change: dict, saved: Path) -> None:
    if version == 1 and (
        set(change) & {"more", "texts", "content_sha256"} or change in ({"numbers": {"rollbacks": 3}}, {"sha256": {}})
    ):
        pytest.skip("only a hash finds it")
    make_older(saved, version)
    change_manifest(saved, lambda manifest: manifest.update(change))
    with pytest.raises(
        ValueError, match=rf"{MANIFEST} is (damaged|of version|of a checkpoint).*remove {saved} to go on"
    ):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    "content", [b"", b"null", b"5", b"[" * 100_000, b"\xff\xfe\x00", b'{"version": ' + b"9" * 5000]
)
def test_what_is_no_manifest_is_refused(content: bytes, saved: Path) -> None:
    (saved / MANIFEST).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{MANIFEST} is damaged.*remove"):
        load_checkpoint(saved)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_bit_flipped_anywhere_is_found_or_changes_nothing(saved: Path, data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(sorted(saved.iterdir())))
    content = file.read_bytes()
    place = data.draw(st.integers(0, 8 * len(content) - 1))
    flipped = bytearray(content)
    flipped[place // 8] ^= 1 << place % 8
    file.write_bytes(flipped)
    try:
        again = load_checkpoint(saved)
    except (ValueError, FileNotFoundError) as error:
        told = str(error)
        assert any(str(saved / name) in told for name in (file.name, MANIFEST))
    else:
        assert file.name == MANIFEST, "every bit of a tensor file counts"
        assert (again.images, again.numbers, again.texts) == (4016, {"rollbacks": 2}, {"data": "abc"})
    finally:
        file.write_bytes(content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(["version", "images", "numbers", "texts", "sha256"], JSON)))
def test_any_values_in_a_manifest_are_refused_by_name(saved: Path, change: dict) -> None:
    change.setdefault("version", 1)  # which no hash protects
    (saved / MANIFEST).write_text(json.dumps(change))
    with pytest.raises(ValueError, match=MANIFEST):
        load_checkpoint(saved)


def test_a_checkpoint_is_found_by_its_number_alone(saved: Path) -> None:
    renamed = saved.rename(saved.with_name(checkpoint_name(4024)))
    with pytest.raises(
        ValueError, match=f"of a checkpoint of 4016 images.*called {renamed.name}.*call it {NAME} again"
    ):
        load_checkpoint(renamed)


@pytest.mark.parametrize("kind", ["file", "dangling link", "empty folder"])
def test_what_is_no_checkpoint_is_named_with_the_remedy(kind: str, tmp_path: Path) -> None:
    path = tmp_path / NAME
    if kind == "file":
        path.write_text("something")
    elif kind == "dangling link":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.mkdir()
    with pytest.raises(FileNotFoundError, match=f"{path} is no checkpoint.*remove {path} to go on"):
        load_checkpoint(path)


def test_other_files_beside_a_checkpoint_do_not_matter_and_are_not_read(saved: Path) -> None:
    (saved / ".DS_Store").write_text("something")
    (saved / "notes.txt").write_text("something")
    assert load_checkpoint(saved).images == 4016
    elsewhere = saved.parent / "elsewhere.safetensors"
    os.link(saved / "generator.safetensors", elsewhere)
    make_older(saved, 1)

    def lead_out(manifest: dict) -> None:
        manifest["sha256"]["../elsewhere.safetensors"] = manifest["sha256"]["generator.safetensors"]

    change_manifest(saved, lead_out)
    with pytest.raises(ValueError, match="something else than hashes of files"):
        load_checkpoint(saved)
