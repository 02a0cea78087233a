"""Folders from the environment or a file, runs and archives by the start of their names, numbers that nobody shares."""

import threading
from pathlib import Path

import pytest

from gghead.runs.places import SETTINGS, find_data, find_run, folder, next_run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a working folder without settings."""
    for kind in ("DATA", "MODELS", "RENDERINGS"):
        monkeypatch.delenv(f"GGHEAD_{kind}_PATH", raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_runs(models: Path, *names: str) -> None:
    for name in names:
        (models / name).mkdir(parents=True)


def test_folders_come_from_the_environment_then_the_file_then_are_defaults(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert folder("models") == Path("runs")
    (home / SETTINGS).parent.mkdir(parents=True)
    (home / SETTINGS).write_text('# mine\n\nexport GGHEAD_MODELS_PATH="/models"\nGGHEAD_DATA_PATH=/data\n')
    assert folder("models") == Path("/models")
    assert folder("data") == Path("/data")
    assert folder("renderings") == Path("renderings")
    monkeypatch.setenv("GGHEAD_MODELS_PATH", "/elsewhere")
    assert folder("models") == Path("/elsewhere")


def test_without_a_home_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(OSError, match=r"there is no home folder.*set HOME or GGHEAD_MODELS_PATH"):
        folder("models")
    monkeypatch.setenv("GGHEAD_MODELS_PATH", "/models")
    assert folder("models") == Path("/models")


def test_variables_and_the_home_are_those_of_a_shell(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / SETTINGS).parent.mkdir(parents=True)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("USERPROFILE", "/home/me")
    (home / SETTINGS).write_text("GGHEAD_DATA_PATH=$HOME/data\nGGHEAD_MODELS_PATH=~/models\n", encoding="utf-8-sig")
    assert folder("data") == Path("/home/me/data")
    assert folder("models") == Path("/home/me/models")


def test_runs_are_found_by_the_start_of_their_names() -> None:
    make_runs(Path("runs"), "GGHEAD-4_better_hair", "GGHEAD-40", "GGHEAD-41_a", "GGHEAD-41_b", "mine")
    assert find_run(Path("GGHEAD-4")) == Path("runs/GGHEAD-4_better_hair")
    assert find_run(Path("GGHEAD-4_bet")) == Path("runs/GGHEAD-4_better_hair")
    assert find_run(Path("GGHEAD-4/checkpoints/000000008")) == Path("runs/GGHEAD-4_better_hair/checkpoints/000000008")
    assert find_run(Path("GGHEAD-40")) == Path("runs/GGHEAD-40")
    assert find_run(Path("mine")) == Path("runs/mine")
    Path("runs/official.safetensors").touch()
    assert find_run(Path("official.safetensors")) == Path("runs/official.safetensors")
    with pytest.raises(ValueError, match="may be GGHEAD-41_a, GGHEAD-41_b in runs; write more"):
        find_run(Path("GGHEAD-41"))
    with pytest.raises(FileNotFoundError, match="no run GGHEAD-7 in runs; there are GGHEAD-4_better_hair, GGHEAD-40"):
        find_run(Path("GGHEAD-7"))


def test_what_is_no_name_of_a_run_stays_as_it_is(home: Path) -> None:
    make_runs(Path("runs"), "GGHEAD-4")
    (home / "GGHEAD-4").mkdir()
    for text in ("GGHEAD-4", "model.safetensors", "runs/mine", "..", ".", "/GGHEAD-4"):
        assert find_run(Path(text)) == Path(text)


def test_archives_are_found_by_name_and_size() -> None:
    data = Path("data")
    data.mkdir()
    for name in (
        "FFHQ_png_1024",
        "FFHQ_png_512",
        "FFHQ_png_512_masks_modnet",
        "FFHQ_png_512_depth",
        "afhq_v2_processed",
        "b_1",
        "bc_1",
    ):
        (data / f"{name}.zip").touch()
    assert find_data(Path("FFHQ"), 256) == find_data(Path("ffhq_png"), 512) == data / "FFHQ_png_512.zip"
    assert find_data(Path("FFHQ"), 1024) == find_data(Path("FFHQ")) == data / "FFHQ_png_1024.zip"
    assert find_data(Path("FFHQ_png_1024"), 256) == data / "FFHQ_png_1024.zip"
    assert find_data(Path("AFHQ"), 512) == data / "afhq_v2_processed.zip"
    for text in ("cats", "cats.zip", "/data/FFHQ", "other/FFHQ"):
        assert find_data(Path(text), 256) == Path(text)
    with pytest.raises(ValueError, match=r"b may be b_1\.zip, bc_1\.zip in data"):
        find_data(Path("b"))


def test_new_runs_take_the_next_number() -> None:
    for words, name in (("", "GGHEAD-1"), ("better hair!", "GGHEAD-2_better-hair"), ("", "GGHEAD-3")):
        with next_run(words) as path:
            assert path == Path("runs") / name
            path.mkdir()
    make_runs(Path("runs"), "GGHEAD-11_x", "GGHEAD-99x")
    with next_run() as path:
        assert path.name == "GGHEAD-12"
    assert not list(Path("runs").glob(".*")), "claims are given back"


def test_nobody_gets_the_number_of_another() -> None:
    """Ten at once, each with words of its own, so that no two folders would collide by themselves."""
    numbers, barrier = [], threading.Barrier(10)

    def start(index: int) -> None:
        barrier.wait()
        with next_run(f"thread {index}") as path:
            path.mkdir()
            numbers.append(int(path.name.split("-")[1].split("_")[0]))

    threads = [threading.Thread(target=start, args=(index,)) for index in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(numbers)) == 10
