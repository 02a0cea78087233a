"""Parts of a dataset of rendered people that are made one by one, and are all of it together."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gghead.data.archive import open_archive
from gghead.data.check.inspection import inspect
from gghead.data.dataset import HeadDataset
from gghead.evaluation.geometry import true_shapes
from gghead.runs.shards import Shard
from gghead.synthetic import Sitting, generate

SITTING = Sitting(resolution=32, seed=4, views=2, depth=True)
COUNT, SHARDS = 5, 2
ENDS = (".zip", "_depth.zip", "_masks_modnet.zip", "_truth.npz")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole, and in `shards` its parts: the second before the first, which was interrupted once."""
    path = tmp_path_factory.mktemp("sharded")
    (path / "shards").mkdir()
    generate(path / "heads.zip", COUNT, SITTING, workers=1)
    out, counts = path / "shards" / "heads.zip", []
    generate(out, COUNT, SITTING, 1, shard=Shard(2, SHARDS))

    def interrupt(count: int) -> None:
        if count == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(out, COUNT, SITTING, 1, interrupt, shard=Shard(1, SHARDS))
    generate(out, COUNT, SITTING, 1, counts.append, shard=Shard(1, SHARDS))
    assert counts == [1, 2]
    return path


@pytest.mark.slow
def test_each_shard_has_files_of_its_own(place: Path) -> None:
    names = [f"heads-0000{number}-of-00002{end}" for number in (1, 2) for end in ENDS]
    assert sorted(path.name for path in (place / "shards").iterdir()) == names


@pytest.mark.slow
@pytest.mark.parametrize("end", ["", "_masks_modnet", "_depth"])
def test_all_files_of_the_whole_are_those_of_the_shards(place: Path, end: str) -> None:
    whole, shards = (open_archive(folder / f"heads{end}.zip") for folder in (place, place / "shards"))
    with whole, shards:
        assert shards.names() == whole.names()
        for name in whole.names():
            assert shards.read(name) == whole.read(name), name


@pytest.mark.slow
def test_shards_are_the_same_dataset(place: Path) -> None:
    opened = [HeadDataset.open(folder / "heads.zip", 32) for folder in (place, place / "shards")]
    with opened[0] as whole, opened[1] as shards:
        assert len(shards) == COUNT * SITTING.views
        assert shards.identity() == whole.identity()
        assert np.array_equal(shards.labels, whole.labels)
        assert np.array_equal(shards.pixels(range(len(shards))), whole.pixels(range(len(whole))))
        depths = [true_shapes(one, one.files.pictures.path, 10).depths for one in (whole, shards)]
        assert depths[0].isfinite().all()
        assert depths[0].equal(depths[1])
    assert inspect(place / "shards" / "heads.zip", 32).problems == ()


@pytest.mark.slow
def test_the_truth_of_the_shards_one_after_the_other_is_that_of_the_whole(place: Path) -> None:
    parts = [place / "shards" / f"heads-0000{number}-of-00002_truth.npz" for number in (1, 2)]
    with np.load(place / "heads_truth.npz") as whole, np.load(parts[0]) as first, np.load(parts[1]) as second:
        assert first["head_ids"].tolist() + second["head_ids"].tolist() == whole["head_ids"].tolist()
        for name in whole.files:
            joined = first[name] if name.endswith("_names") else np.concatenate([first[name], second[name]])
            assert np.array_equal(joined, whole[name]), name


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"seed": 5}, {"poses": "wide"}, {"views": 1}])
def test_shards_of_other_settings_are_refused(place: Path, tmp_path: Path, changes: dict[str, object]) -> None:
    for path in (place / "shards").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    shard = Shard(2, SHARDS).path(tmp_path / "heads.zip")
    with zipfile.ZipFile(shard) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["shards.json"] = json.dumps(json.loads(files["shards.json"]) | changes).encode()
    with zipfile.ZipFile(shard, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    with pytest.raises(ValueError, match=r"different datasets: heads-00001-of-00002\.zip .* make one of them anew"):
        HeadDataset.open(tmp_path / "heads.zip", 32)


@pytest.mark.slow
def test_an_unfinished_shard_is_not_finished_for_another_count(tmp_path: Path) -> None:
    def interrupt(count: int) -> None:
        if count == 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "heads.zip", COUNT, SITTING, 1, interrupt, shard=Shard(1, SHARDS))
    with pytest.raises(FileExistsError, match=r"unfinished heads-00001-of-00002\.zip of other settings"):
        generate(tmp_path / "heads.zip", COUNT + 1, SITTING, 1, shard=Shard(1, SHARDS))


def test_what_would_not_be_read_together_is_refused_before_a_head_is_drawn(tmp_path: Path) -> None:
    sitting = replace(SITTING, depth=False)
    with pytest.raises(ValueError, match="count is 3, less than the 4 shards; expected a head or more in each"):
        generate(tmp_path / "heads.zip", 3, sitting, shard=Shard(1, 4))
    with pytest.raises(ValueError, match=r"the name of a shard; name the whole, heads\.zip"):
        generate(tmp_path / "heads-00001-of-00004.zip", 3, sitting)
    (tmp_path / "heads.zip").touch()
    with pytest.raises(FileExistsError, match="would be read instead of its shards; move it away"):
        generate(tmp_path / "heads.zip", 4, sitting, shard=Shard(1, 4), overwrite=True)


@pytest.mark.parametrize("end", [".zip", "_masks_modnet.zip", "_depth.zip"])
def test_nothing_of_a_whole_is_taken_for_a_part_of_its_shards(end: str, tmp_path: Path) -> None:
    (tmp_path / f"heads{end}").touch()
    with pytest.raises(FileExistsError, match=f"heads{end} exists already, and would be read instead of its shards"):
        generate(tmp_path / "heads.zip", 4, SITTING, shard=Shard(1, 4), overwrite=True)


def test_a_whole_hides_no_shards(tmp_path: Path) -> None:
    (tmp_path / "heads-00002-of-00004.zip").touch()
    with pytest.raises(FileExistsError, match=r"heads-00002-of-00004\.zip would be hidden by .*heads\.zip"):
        generate(tmp_path / "heads.zip", 4, SITTING, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["heads-00002-of-00004.zip"]
