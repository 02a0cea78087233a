"""Training on people that are rendered meanwhile: chunks are whole or absent, and parts see all people so far."""

from argparse import Namespace
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gghead.data.sampler import Order
from gghead.synthetic import Sitting
from studies import train_beside_rendering
from studies.train_beside_rendering import CHUNK, People, batches, draw_chunk, require_same


class Pool:
    """Renders nothing; chunks are done when the test says so."""

    def __init__(self, *_: object) -> None:
        self.futures: list[Future[int]] = []

    def submit(self, *_: object) -> Future[int]:
        """A chunk that is not done."""
        self.futures.append(Future())
        return self.futures[-1]

    def shutdown(self, **_: object) -> None:
        """Nothing to end."""


def save(folder: Path, first: int) -> None:
    """A chunk whose pictures are of the colour of its number."""
    pixels = np.full((CHUNK, 16, 16, 4), first, np.uint8)
    labels = np.full((CHUNK, 25), first, np.float32)
    np.savez(folder / f"people-{first:07}.npz", pixels=pixels, labels=labels)


def test_people_are_taken_in_their_order_up_to_the_first_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_beside_rendering, "ProcessPoolExecutor", Pool)
    people = People(Sitting(16, 0), tmp_path, 3 * CHUNK + 5, 2, torch.device("cpu"))
    pool: Any = people._pool
    assert (len(pool.futures), people.look()) == (3, 0)
    for first in (0, 2 * CHUNK):
        save(tmp_path, first)
        pool.futures[first // CHUNK].set_result(first)
    assert people.look() == CHUNK
    batch = next(batches(people, Order(0, 8)))
    assert set(batch.pixels.unique().tolist()) == {0}
    save(tmp_path, CHUNK)
    pool.futures[1].set_result(CHUNK)
    assert people.look() == 3 * CHUNK
    assert people.pixels[-1].unique().tolist() == [2 * CHUNK]
    assert set(people.labels[CHUNK : 2 * CHUNK].flatten().tolist()) == {CHUNK}
    people.close()


def test_a_chunk_that_is_there_is_not_rendered_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_beside_rendering, "_maker", None)
    monkeypatch.setattr(train_beside_rendering, "CHUNK", 2)
    sitting = Sitting(32, 0, poses="around", transparent=True)
    assert draw_chunk(sitting, tmp_path, 4) == 4
    (path,) = tmp_path.iterdir()
    with np.load(path) as chunk:
        pixels, labels = chunk["pixels"], chunk["labels"]
    assert pixels.shape == (2, 32, 32, 4)
    assert (pixels[..., :3] <= pixels[..., 3:]).all()  # premultiplied
    assert labels.shape == (2, 25)
    before = path.stat().st_mtime_ns
    draw_chunk(sitting, tmp_path, 4)
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--set", "views"], "--set views has no value; expected NAME=VALUE"),
        (["--set", "veiws=4"], "veiws"),
        (["--first", "1000", "--people", "1000"], "expected 16 to 992"),
        (["--rates", "0", "1"], "--rates must be above 0"),
        (["--start", "nothing.safetensors"], "nothing.safetensors"),
        (["--assets", "nowhere"], "nowhere"),
    ],
)
def test_what_is_wrong_is_said_before_anybody_is_rendered(
    given: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    monkeypatch.setattr("sys.argv", ["train_beside_rendering", str(run), "--assets", str(tmp_path), *given])
    with pytest.raises(SystemExit):
        train_beside_rendering.main()
    assert told in capsys.readouterr().err
    assert not run.exists()


def test_a_run_goes_on_as_it_was_begun(tmp_path: Path) -> None:
    options = Namespace(run=tmp_path, seed=66, rates=[5e-4, 1e-4], start=Path("a.safetensors"), people=100)
    require_same(options)
    require_same(Namespace(**vars(options) | {"people": 200}))
    with pytest.raises(SystemExit, match=r"was begun with --seed 66; go on with that, or name another folder"):
        require_same(Namespace(**vars(options) | {"seed": 67}))
