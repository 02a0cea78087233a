import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gghead.data.dataset import HeadDataset
from gghead.data.synthetic import generate
from gghead.data.synthetic.cameras import random_label


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("synthetic") / "heads.zip"
    counts: list[int] = []
    generate(path, count=3, resolution=32, seed=4, workers=1, on_progress=counts.append)
    assert counts == [1, 2, 3]
    return path


def both(path: Path) -> list[bytes]:
    return [path.read_bytes(), path.with_name(f"{path.stem}_masks_modnet.zip").read_bytes()]


def test_an_archive_is_a_dataset_without_problems(archive: Path) -> None:
    with HeadDataset.open(archive, 32) as dataset:
        assert dataset.names == tuple(f"00000/img{i:08d}.png" for i in range(3))
        assert dataset.check().problems == ()
        assert dataset.labels.std(0).max() > 0
        corners = dataset.read(0)[0, [0, -1]]
    with zipfile.ZipFile(archive) as pictures:
        assert json.loads(pictures.read("dataset.json"))["labels"][0][0] == "00000/img00000000.png"
    with HeadDataset.open(archive, 32, background=0.0) as dark:
        changed = dark.read(0)[0, [0, -1]] != corners
    assert changed.any(), "the mask cuts out the background"


def test_labels_are_those_of_the_cameras_that_were_used(archive: Path) -> None:
    with HeadDataset.open(archive, 32) as dataset:
        for index in range(3):
            expected = random_label(np.random.default_rng([4, index]))
            assert np.array_equal(dataset.labels[index], expected)


def test_the_number_of_workers_does_not_change_a_byte(archive: Path, tmp_path: Path) -> None:
    generate(tmp_path / "heads.zip", count=3, resolution=32, seed=4, workers=2)
    assert both(tmp_path / "heads.zip") == both(archive)


def test_another_seed_makes_other_people(archive: Path, tmp_path: Path) -> None:
    generate(tmp_path / "heads.zip", count=3, resolution=32, seed=5, workers=1)
    assert both(tmp_path / "heads.zip")[0] != both(archive)[0]


@pytest.mark.parametrize("existing", ["heads.zip", "heads_masks_modnet.zip"])
def test_existing_files_are_not_touched(tmp_path: Path, existing: str) -> None:
    (tmp_path / existing).write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="exists already"):
        generate(tmp_path / "heads.zip", count=1, resolution=32, seed=0, workers=1)
    assert [path.name for path in tmp_path.iterdir()] == [existing]
    assert (tmp_path / existing).read_bytes() == b"mine"


def test_interruption_leaves_nothing_and_keeps_what_stood_there(tmp_path: Path) -> None:
    (tmp_path / "heads.zip").write_bytes(b"mine")

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "heads.zip", 2, 32, 0, workers=1, on_progress=interrupt, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["heads.zip"]
    assert (tmp_path / "heads.zip").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("name", "count", "resolution", "seed", "message"),
    [
        ("heads.tar", 1, 32, 0, r"does not end in \.zip"),
        ("heads.zip", 0, 32, 0, "count is 0"),
        ("heads.zip", 1, 48, 0, "resolution is 48; expected a power of two"),
        ("heads.zip", 1, 4096, 0, "resolution is 4096"),
        ("heads.zip", 1, 32, -1, "seed is -1"),
    ],
)
def test_arguments_out_of_range_are_refused(
    tmp_path: Path, name: str, count: int, resolution: int, seed: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        generate(tmp_path / name, count, resolution, seed)
    assert not list(tmp_path.iterdir())
