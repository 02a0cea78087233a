"""Which shards a dataset has, by their names alone."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from gghead.runs.places import find_data
from gghead.runs.shards import Shard, find_shards, is_there, without_shard


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).touch()


@given(st.integers(1, 200), st.integers(0, 10**8))
def test_the_parts_of_all_shards_are_all_heads_in_their_order(count: int, more: int) -> None:
    total = count + more
    parts = [Shard(number, count).part(total) for number in range(1, count + 1)]
    assert (parts[0].start, parts[-1].stop) == (0, total)
    assert all(one.stop == other.start for one, other in pairwise(parts))
    sizes = {len(part) for part in parts}
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 1


def test_a_shard_is_called_after_the_whole() -> None:
    assert Shard.parse("3/64") == Shard(3, 64)
    assert Shard(3, 64).path(Path("data/heads_512.zip")) == Path("data/heads_512-00003-of-00064.zip")
    for name in ("heads.zip", "heads_masks_modnet.zip", "heads_truth.npz"):
        head, end = name[:5], name[5:]
        assert without_shard(Path(f"data/{head}-00003-of-00064{end}")) == Path("data") / name
    for name in ("heads.zip", "one-of-many.zip", "a-00001-of-00002b.zip"):
        assert without_shard(Path(name)) == Path(name)


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/0", "1", "/", "1/2/3", "a/4", "-1/4", "1/100000", "²/4", "1.0/2"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected I/N with I from 1 to N, like 3/64"):
        Shard.parse(text)


@pytest.mark.parametrize(("number", "count"), [(0, 4), (5, 4), (1, 0), (1, 100_000)])
def test_numbers_out_of_range_are_refused(number: int, count: int) -> None:
    with pytest.raises(ValueError, match="expected a whole number from 1 to"):
        Shard(number, count)


def test_shards_are_found_in_their_order_with_what_belongs_to_them(tmp_path: Path) -> None:
    wholes = [tmp_path / name for name in ("heads.zip", "heads_masks_modnet.zip")]
    shards = {
        whole: tuple(whole.with_name(whole.name.replace("heads", f"heads-{n:05d}-of-00012")) for n in range(1, 13))
        for whole in wholes
    }
    for whole in wholes:
        assert not is_there(whole)
        touch(tmp_path, *(shard.name for shard in reversed(shards[whole])))
    assert {whole: find_shards(whole) for whole in wholes} == shards
    assert all(map(is_there, wholes))
    for name in ("head.zip", "heads_depth.zip", "heads", "heads-00001-of-00012.zip", "nowhere/heads.zip"):
        assert find_shards(tmp_path / name) == ()
    touch(tmp_path, "heads.zip")
    assert find_shards(tmp_path / "heads.zip") == (), "what is there as a whole is read as a whole"


def test_missing_and_foreign_shards_are_named(tmp_path: Path) -> None:
    whole = tmp_path / "heads.zip"
    touch(tmp_path, "heads-00001-of-00004.zip", "heads-00003-of-00004.zip")
    with pytest.raises(FileNotFoundError, match=r"2 of the 4 .* missing: heads-00002-of-00004\.zip, heads-00004"):
        find_shards(whole)
    touch(tmp_path, "heads-00002-of-00004.zip", "heads-00004-of-00004.zip", "heads-00005-of-00004.zip")
    with pytest.raises(ValueError, match=r"heads-00005-of-00004\.zip is none of the 4 shards of .*; move it away"):
        find_shards(whole)
    touch(tmp_path, "heads-00001-of-00008.zip")
    with pytest.raises(ValueError, match="divisions into 4 and into 8; expected those of one"):
        find_shards(whole)


def test_a_dataset_in_shards_has_the_name_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GGHEAD_DATA_PATH", str(tmp_path))
    for end in ("", "_masks_modnet", "_depth"):
        touch(tmp_path, f"heads_256-00001-of-00002{end}.zip", f"heads_256-00002-of-00002{end}.zip")
    touch(tmp_path, "heads_512.zip")
    assert find_data(Path("heads"), 256) == find_data(Path("heads_256.zip")) == tmp_path / "heads_256.zip"
    assert find_data(Path("heads"), 512) == tmp_path / "heads_512.zip"
    assert find_data(Path("heads_256-00002-of-00002.zip")) == tmp_path / "heads_256-00002-of-00002.zip"
