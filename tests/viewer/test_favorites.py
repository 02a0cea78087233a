"""Favourites outlive the viewer, whatever else happens to their file."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gghead.viewer.favorites import MAX_FAVORITES, Favorite, Favorites
from gghead.viewer.state import HeadChoice

MODEL = Path("/models/a.safetensors")


def favorite(seed: int, model: Path = MODEL) -> Favorite:
    return Favorite(model, HeadChoice(seed, truncation=0.5, corners=(1, 2), pad=(0.25, 0.5)), b"picture")


def test_they_are_back_in_the_next_viewer(tmp_path: Path) -> None:
    file = tmp_path / "out" / "favourites.json"
    kept = Favorites(file)
    for seed in (3, 1, 2):
        kept.add(favorite(seed))
    kept.remove(favorite(1))
    kept.remove(favorite(1))
    assert Favorites(file).all() == kept.all() == (favorite(3), favorite(2))


def test_without_a_file_they_last_as_long_as_the_viewer() -> None:
    kept = Favorites()
    kept.add(favorite(3))
    assert kept.all() == (favorite(3),)
    assert not kept.lasting


def test_two_viewers_with_one_file_lose_nothing(tmp_path: Path) -> None:
    one, other = Favorites(tmp_path / "f.json"), Favorites(tmp_path / "f.json")
    one.add(favorite(1))
    other.add(favorite(2))
    assert one.all() == (favorite(1), favorite(2))


def test_the_same_head_is_kept_once_and_not_too_many_of_a_model() -> None:
    kept = Favorites()
    for seed in range(MAX_FAVORITES):
        kept.add(favorite(seed))
    with pytest.raises(ValueError, match="already"):
        kept.add(favorite(0))
    with pytest.raises(ValueError, match="remove one first"):
        kept.add(favorite(MAX_FAVORITES))
    kept.add(favorite(0, Path("/models/b.safetensors")))


def test_a_full_disk_leaves_the_old_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Favorites(tmp_path / "f.json")
    kept.add(favorite(1))

    def full(path: Path, write: Callable[[Path], None]) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("gghead.viewer.favorites.write_file", full)
    with pytest.raises(OSError, match="no space"):
        kept.add(favorite(2))
    assert kept.all() == Favorites(tmp_path / "f.json").all() == (favorite(1),)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"favourites": [{}]}',
        '{"favourites": [{"model": "a", "head": 5, "picture": ""}]}',
        '{"favourites": [{"model": 5, "head": "seed=1", "picture": ""}]}',
        "[" * 100_000,
        "\x1b[2J",
        json.dumps({"favourites": [{"model": "a", "head": "seed=-1", "picture": ""}]}),
        json.dumps({"favourites": [{"model": "a", "head": "seed=1", "picture": "?"}]}),
    ],
)
def test_a_file_of_something_else_is_named_and_stays(tmp_path: Path, content: str) -> None:
    file = tmp_path / "f.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"f\.json holds no favourites"):
        Favorites(file)
    assert file.read_text() == content


def test_a_folder_or_a_file_too_large_is_no_favourites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="holds no favourites"):
        Favorites(tmp_path / "folder")
    monkeypatch.setattr("gghead.viewer.favorites.MAX_FILE_BYTES", 100)
    file = tmp_path / "f.json"
    file.write_text(" " * 101)
    with pytest.raises(ValueError, match="holds no favourites"):
        Favorites(file)
