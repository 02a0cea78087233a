import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gghead.data.archive import DEPTH_STEPS
from gghead.data.check.inspection import inspect
from gghead.data.dataset import HeadDataset
from gghead.geometry.cameras import Cameras
from gghead.media.encoded import decode_picture
from gghead.synthetic import Sitting, generate
from gghead.synthetic.dataset.generation import THREADS, one_thread_each
from gghead.synthetic.people.portraits import LIGHT, VIEW
from gghead.synthetic.render.cameras import Optics, random_label
from gghead.synthetic.render.environment import environments
from gghead.synthetic.render.lighting import MAP_PREFIX, LightKind, random_lighting

SITTING = Sitting(resolution=32, seed=4, views=2, depth=True)
COUNT = 3
NAMES = ["heads.zip", "heads_depth.zip", "heads_masks_modnet.zip", "heads_truth.npz"]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("synthetic")
    counts: list[int] = []
    generate(path / "heads.zip", COUNT, SITTING, workers=1, on_progress=counts.append)
    assert counts == [0, 1, 2, 3]
    assert sorted(content(path)) == NAMES
    return path


@pytest.fixture(scope="module")
def truth(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "heads_truth.npz", allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.mark.slow
def test_an_archive_is_a_dataset_without_problems(folder: Path) -> None:
    with HeadDataset.open(folder / "heads.zip", 32) as dataset:
        assert dataset.names == tuple(f"00000/img{i:08d}.png" for i in range(6))
        assert inspect(folder / "heads.zip", 32).problems == ()
        assert dataset.labels.std(0).max() > 0
        corners = dataset.read(0)[0, [0, -1]]
        changed = dataset.read(0, background=0.0)[0, [0, -1]] != corners
    with zipfile.ZipFile(folder / "heads.zip") as pictures:
        assert json.loads(pictures.read("dataset.json"))["labels"][0][0] == "00000/img00000000.png"
    assert changed.any(), "the mask cuts out the background"


def test_labels_are_those_of_the_cameras_that_were_used(folder: Path, truth: dict[str, np.ndarray]) -> None:
    with HeadDataset.open(folder / "heads.zip", 32) as dataset:
        assert np.array_equal(dataset.labels, truth["labels"])
        for index in range(6):
            head, view = divmod(index, 2)
            expected = random_label(np.random.default_rng([4, head, VIEW, view]))
            assert np.array_equal(dataset.labels[index], expected)


def test_the_truth_fits_the_pictures(folder: Path, truth: dict[str, np.ndarray]) -> None:
    assert truth["head_ids"].tolist() == [0, 0, 1, 1, 2, 2]
    assert truth["expression"].shape == (COUNT, len(truth["expression_names"]))
    assert 0 <= truth["expression"].min() < truth["expression"].max() <= 1
    assert set(truth["age"]) <= set(range(len(truth["age_names"])))
    np.testing.assert_allclose(truth["ancestry"].sum(1), 1, rtol=1e-6)
    cameras = Cameras.from_labels(torch.from_numpy(truth["labels"]).double(), 32)
    points = torch.from_numpy(truth["landmarks_3d"][truth["head_ids"]]).double()
    local = points @ cameras.viewmats[:, :3, :3].mT + cameras.viewmats[:, None, :3, 3]
    seen = local @ cameras.Ks.mT
    np.testing.assert_allclose(truth["landmarks_2d"], (seen[..., :2] / seen[..., 2:]).numpy(), atol=1e-3)
    nose = truth["landmarks_2d"][:, 30]
    assert truth["landmark_visible"][:, 30].all()
    with (
        zipfile.ZipFile(folder / "heads_depth.zip") as depths,
        zipfile.ZipFile(folder / "heads_masks_modnet.zip") as masks,
    ):
        for index, name in enumerate(sorted(depths.namelist())):
            depth = decode_depth(depths.read(name))
            column, row = nose[index].astype(int)
            assert abs(depth[row, column] - float(local[index, 30, 2])) < 0.03, "a pixel is 0.02 wide"
            assert (depth[decode_picture(masks.read(name)).rgb[..., 0] == 0] == 0).all()


@pytest.mark.slow
def test_all_round_with_any_lens_the_labels_say_where_the_landmarks_are(tmp_path: Path) -> None:
    sitting = Sitting(32, 5, views=8, poses="around", depth=True, optics=Optics(distance=(1.5, 5.9)))
    generate(tmp_path / "heads.zip", 1, sitting, workers=1)
    assert inspect(tmp_path / "heads.zip", 32).problems == ()
    with np.load(tmp_path / "heads_truth.npz", allow_pickle=False) as truth:
        labels, pixels, visible = truth["labels"], truth["landmarks_2d"], truth["landmark_visible"]
        points = torch.from_numpy(truth["landmarks_3d"][0]).double()
    cameras = Cameras.from_labels(torch.from_numpy(labels).double(), 32)
    local = points @ cameras.viewmats[:, :3, :3].mT + cameras.viewmats[:, None, :3, 3]
    seen = local @ cameras.Ks.mT
    np.testing.assert_allclose(pixels, (seen[..., :2] / seen[..., 2:]).numpy(), atol=1e-3)
    eyes = labels[:, [3, 7, 11]]
    behind = eyes[:, 2] < -0.8 * np.linalg.norm(eyes, axis=1)
    assert behind.any()
    assert not visible[behind, 27:].any(), "no face is seen from behind"
    assert len(set(labels[:, 16].tolist())) == 8, "each picture has intrinsics of its own"
    with zipfile.ZipFile(tmp_path / "heads_depth.zip") as depths:
        for name, z in zip(sorted(depths.namelist()), local[..., 2].mean(1), strict=True):
            depth = decode_depth(depths.read(name))
            assert (np.abs(depth[depth > 0] - float(z)) < 0.9).all()


def test_depth_that_16_bits_do_not_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="16 bits"):
        generate(tmp_path / "heads.zip", 1, Sitting(32, 5, depth=True, optics=Optics(distance=(2, 6))), workers=1)


def decode_depth(data: bytes) -> np.ndarray:
    import io

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(data))).astype(np.float64) / DEPTH_STEPS


def test_light_is_that_of_the_scene(truth: dict[str, np.ndarray]) -> None:
    shining = truth["light_colours"].max(2) > 0
    assert shining.any()
    np.testing.assert_allclose(np.linalg.norm(truth["light_directions"][shining], axis=1), 1, rtol=1e-5)
    assert (truth["light_radii"][shining] > 0).all()
    places = {f"{MAP_PREFIX}{name}" for name in environments()}
    assert set(truth["light"]) <= places | {kind.name.lower() for kind in LightKind}
    heads = np.unique(truth["head_ids"]).tolist()
    again = [random_lighting(np.random.default_rng([SITTING.seed, head, LIGHT])) for head in heads]
    assert [lighting.kind for lighting in again] == list(truth["light"])
    np.testing.assert_allclose([lighting.turn for lighting in again], truth["light_turn"], atol=1e-5)
    shown = [lighting.ambient / lighting.exposure for lighting in again]
    np.testing.assert_allclose(shown, truth["ambient"] / truth["light_exposure"][:, None, None, None], atol=1e-4)


@pytest.mark.slow
def test_the_number_of_views_does_not_change_the_heads(folder: Path, truth: dict[str, np.ndarray], tmp_path) -> None:
    generate(tmp_path / "heads.zip", COUNT, replace(SITTING, views=1, depth=False), workers=1)
    with np.load(tmp_path / "heads_truth.npz") as single:
        assert np.array_equal(single["landmarks_3d"], truth["landmarks_3d"])
        assert np.array_equal(single["labels"], truth["labels"][::2])


@pytest.mark.slow
def test_the_number_of_workers_does_not_change_a_byte(folder: Path, tmp_path: Path) -> None:
    generate(tmp_path / "heads.zip", COUNT, SITTING, workers=2)
    assert content(tmp_path) == content(folder)


def threads_of_a_process() -> list[str | None]:
    return [os.environ.get(name) for name in THREADS]


@pytest.mark.slow
def test_processes_have_one_thread_unless_somebody_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(THREADS[0], "3")
    with one_thread_each(), ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(threads_of_a_process).result() == ["3"] + ["1"] * (len(THREADS) - 1)
    assert threads_of_a_process() == ["3"] + [None] * (len(THREADS) - 1)


def test_another_seed_makes_other_people(folder: Path, tmp_path: Path) -> None:
    generate(tmp_path / "heads.zip", 1, replace(SITTING, seed=5), workers=1)
    assert (tmp_path / "heads.zip").read_bytes() != (folder / "heads.zip").read_bytes()


def generate_slowly(out: Path, done: object) -> None:
    def after_a_head(count: int) -> None:
        done.value = count
        if count == 2:
            time.sleep(60)

    generate(out, COUNT, SITTING, workers=1, on_progress=after_a_head)


@pytest.mark.slow
def test_killed_it_goes_on_to_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    done = spawn.Value("i", -1)
    process = spawn.Process(target=generate_slowly, args=(tmp_path / "heads.zip", done))
    process.start()
    deadline = time.monotonic() + 120
    while done.value < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert [path.name for path in tmp_path.iterdir()] == [".heads.zip.unfinished"]
    counts: list[int] = []
    generate(tmp_path / "heads.zip", COUNT, SITTING, workers=1, on_progress=counts.append)
    assert counts == [2, 3]
    assert content(tmp_path) == content(folder)


@pytest.mark.slow
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "make.py"
    script.write_text(
        "from pathlib import Path\n"
        "from time import sleep\n"
        "from gghead.synthetic import Sitting, generate\n"
        "def wait(count):\n"
        "    print(count, flush=True)\n"
        "    sleep(60 * (count == 2))\n"
        "if __name__ == '__main__':\n"
        "    generate(Path('heads.zip'), 4, Sitting(resolution=32, seed=4), workers=2, on_progress=wait)\n"
    )
    process = subprocess.Popen([sys.executable, script], cwd=tmp_path, stdout=subprocess.PIPE)
    assert [process.stdout.readline() for _ in range(3)] == [b"0\n", b"1\n", b"2\n"]
    time.sleep(1)  # by then the workers wait for work
    process.kill()
    process.communicate(timeout=30)  # returns when nobody holds the other end any more


@pytest.mark.slow
def test_a_script_without_a_main_guard_is_told_of_it(tmp_path: Path) -> None:
    """Workers import the script that started them, which then starts workers."""
    script = tmp_path / "make.py"
    script.write_text(
        "from pathlib import Path\n"
        "from gghead.synthetic import Sitting, generate\n"
        "generate(Path('heads.zip'), 2, Sitting(resolution=32, seed=4), workers=2)\n"
    )
    result = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "ChildProcessError" in result.stderr.splitlines()[-1]
    assert 'if __name__ == "__main__":' in result.stderr.splitlines()[-1]


@pytest.mark.slow
def test_interrupted_it_keeps_what_is_done_and_what_stood_there(folder: Path, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).write_bytes(b"mine")

    def interrupt(count: int) -> None:
        if count == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "heads.zip", COUNT, SITTING, 1, interrupt, overwrite=True)
    assert {(tmp_path / name).read_bytes() for name in NAMES} == {b"mine"}
    counts: list[int] = []
    generate(tmp_path / "heads.zip", COUNT, SITTING, 1, counts.append, overwrite=True)
    assert counts == [1, 2, 3]
    assert content(tmp_path) == content(folder)


@pytest.mark.slow
def test_what_is_unfinished_is_not_finished_with_other_settings(folder: Path, tmp_path: Path) -> None:
    def interrupt(count: int) -> None:
        if count == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "heads.zip", COUNT, replace(SITTING, seed=1), 1, interrupt)
    with pytest.raises(FileExistsError, match=r"unfinished heads\.zip of other settings"):
        generate(tmp_path / "heads.zip", COUNT, SITTING, 1)
    generate(tmp_path / "heads.zip", COUNT, SITTING, 1, overwrite=True)
    assert content(tmp_path) == content(folder)


def test_transparent_pictures_are_the_same_people_with_nothing_behind_them(folder: Path, tmp_path: Path) -> None:
    generate(tmp_path / "heads.zip", 1, replace(SITTING, depth=False, transparent=True), workers=1)
    assert sorted(content(tmp_path)) == ["heads.zip", "heads_truth.npz"]
    assert inspect(tmp_path / "heads.zip", 32).problems == ()
    with HeadDataset.open(folder / "heads.zip", 32) as solid, HeadDataset.open(tmp_path / "heads.zip", 32) as clear:
        behind, alone = (dataset.pixels(range(2)).astype(int) for dataset in (solid, clear))
        assert np.array_equal(clear.labels, solid.labels[:2])
    alpha = alone[..., 3]
    assert np.array_equal(behind[..., 3], alpha)
    assert np.abs(behind - alone)[alpha == 255].max() <= 1
    assert (alone[alpha == 0] == 0).all()
    rim = (alpha > 64) & (alpha < 192)
    assert rim.any()
    assert np.abs(behind - alone)[rim].mean() > 2, "where the background shone through there is none"


def test_the_depth_of_a_dataset_does_not_outlive_it(tmp_path: Path) -> None:
    (tmp_path / "heads_depth.zip").write_bytes(b"of other heads")
    with pytest.raises(FileExistsError, match=r"heads_depth\.zip exists already"):
        generate(tmp_path / "heads.zip", 1, replace(SITTING, depth=False), workers=1)
    generate(tmp_path / "heads.zip", 1, replace(SITTING, depth=False), workers=1, overwrite=True)
    assert sorted(content(tmp_path)) == [name for name in NAMES if name != "heads_depth.zip"]


@pytest.mark.slow
def test_two_processes_do_not_make_the_same_dataset(tmp_path: Path) -> None:
    def again(count: int) -> None:
        if count == 0:
            with pytest.raises(BlockingIOError, match="another process is making"):
                generate(tmp_path / "heads.zip", 1, SITTING, 1)

    generate(tmp_path / "heads.zip", 1, SITTING, 1, again)


@pytest.mark.parametrize("existing", NAMES)
def test_existing_files_are_not_touched(tmp_path: Path, existing: str) -> None:
    (tmp_path / existing).write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="exists already"):
        generate(tmp_path / "heads.zip", 1, SITTING, workers=1)
    assert content(tmp_path) == {existing: b"mine"}


@pytest.mark.parametrize(
    ("name", "count", "changes", "message"),
    [
        ("heads.tar", 1, {}, r"does not end in \.zip"),
        ("heads.zip", 0, {}, "count is 0"),
        ("heads.zip", 1, {"resolution": 48}, "resolution is 48; expected a power of two"),
        ("heads.zip", 1, {"resolution": 4096}, "resolution is 4096"),
        ("heads.zip", 1, {"seed": -1}, "seed is -1"),
        ("heads.zip", 1, {"views": 0}, "views is 0"),
        ("heads.zip", 1, {"poses": "upside down"}, "poses are 'upside down'; expected one of ffhq, wide"),
    ],
)
def test_arguments_out_of_range_are_refused(
    tmp_path: Path, name: str, count: int, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        generate(tmp_path / name, count, replace(SITTING, **changes))
    assert not list(tmp_path.iterdir())
