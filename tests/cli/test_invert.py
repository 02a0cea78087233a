"""gghead invert, and a person file wherever a seed may stand."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from face_models import WHEELS, face_models
from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors
from gghead.cli.main import main
from gghead.gaussians.formats.ply import load_ply
from gghead.inversion import inversion, person_making
from gghead.inversion.fitting import Stage
from gghead.inversion.person_file import load_person, save_person
from gghead.inversion.qualities import QUALITIES
from gghead.model.generator import build_generator
from gghead.model.storage import save_generator
from tiny_run import MODEL, write_tiny_dataset

SIDE = 32
CONFIG = replace(MODEL.generator, picture_resolution=SIDE)


def gghead(*arguments: object) -> Result:
    """Runs the command in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(QUALITIES, "good", (Stage(2, details=False), Stage(2, details=True)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and an archive of pictures of one person; tests add to it."""
    folder = tmp_path_factory.mktemp("invert")
    save_generator(folder / "tiny.safetensors", build_generator(CONFIG, seed=0))
    write_tiny_dataset(folder / "anna.zip", count=2, resolution=SIDE)
    return folder


@pytest.fixture
def person(folder: Path) -> Path:
    path = folder / "anna.safetensors"
    if not path.exists():
        made = gghead("invert", "--data", folder / "anna.zip", "--model", folder / "tiny.safetensors", "--out", path)
        assert made.exit_code == 0, made.output
        assert made.stdout.strip() == str(path)
    return path


def test_an_archive_becomes_a_person(person: Path, folder: Path) -> None:
    found = load_person(person)
    assert found.model == "tiny.safetensors"
    assert found.pictures == ("00000/img00000000.png", "00000/img00000001.png")
    assert (folder / "anna_preview.png").is_file()


def test_a_person_is_drawn_beside_seeds(person: Path, folder: Path, tmp_path: Path) -> None:
    arguments = ("sample", folder / "tiny.safetensors", "--resolution", 32)
    sheet = gghead(*arguments, "--seeds", f"1,{person}", "--out", tmp_path / "sheet.png")
    assert sheet.exit_code == 0, sheet.output
    made = gghead(*arguments, "--seeds", f"{person},1", "--yaw", "-30,30", "--out", tmp_path / "files")
    assert made.exit_code == 0, made.output
    names = {path.name for path in (tmp_path / "files").iterdir()}
    assert names == {f"{stem}_yaw{yaw}_pitch0.png" for stem in ("anna", "seed0001") for yaw in (-30, 30)}
    with Image.open(tmp_path / "sheet.png") as picture:
        pixels = np.asarray(picture)
    assert not np.array_equal(pixels[:, :32], pixels[:, 32:])


def test_a_person_is_exported_and_morphed(person: Path, folder: Path, tmp_path: Path) -> None:
    model = folder / "tiny.safetensors"
    made = gghead("export", model, "--seeds", f"2,{person}", "--out", tmp_path / "head.ply")
    assert made.exit_code == 0, made.output
    assert {path.name for path in tmp_path.iterdir()} == {"head_seed0002.ply", "head_anna.ply"}
    assert len(load_ply(tmp_path / "head_anna.ply").means)
    morphed = gghead(
        "interpolate", model, "--seeds", f"{person},2", "--frames", 3, "--resolution", 16, "--out", tmp_path / "a.gif"
    )
    assert morphed.exit_code == 0, morphed.output


def test_people_of_one_name_are_kept_apart(person: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = shutil.copy(person, tmp_path / "other" / person.name)
    arguments = (folder / "tiny.safetensors", "--seeds", f"{person},{other},1", "--out")
    assert gghead("sample", *arguments, tmp_path / "drawn", "--resolution", 16).exit_code == 0
    assert {path.name for path in (tmp_path / "drawn").iterdir()} == {"anna.png", "anna-2.png", "seed0001.png"}
    assert gghead("export", *arguments, tmp_path / "kept").exit_code == 0
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"anna.ply", "anna-2.ply", "seed0001.ply"}


def test_a_person_of_another_model_leaves_no_half_filled_folder(person: Path, folder: Path, tmp_path: Path) -> None:
    save_generator(folder / "other.safetensors", build_generator(CONFIG, seed=1))
    for command in ("sample", "export"):
        refused = gghead(command, folder / "other.safetensors", "--seeds", f"0,{person}", "--out", tmp_path / "new")
        assert "was fitted with another model" in refused.output
        assert not list(tmp_path.iterdir())


def test_another_model_is_refused_with_the_name_of_its_own(person: Path, folder: Path, tmp_path: Path) -> None:
    save_generator(folder / "other.safetensors", build_generator(CONFIG, seed=1))
    refused = gghead("sample", folder / "other.safetensors", "--seeds", person, "--out", tmp_path / "a.png")
    assert refused.exit_code == 1
    assert "was fitted with another model, tiny.safetensors" in refused.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "no photographs; expected one or more of one person, or --data ARCHIVE"),
        (("nowhere.jpg", "--out", "a.txt"), "expected a name ending in .safetensors"),
        (("nowhere.jpg", "--model", "nowhere"), "there is no model at nowhere"),
        (("--data", "nowhere.zip"), "nowhere.zip"),
    ],
)
def test_what_can_not_be_inverted_is_refused(arguments: tuple[str, ...], told: str, tmp_path: Path) -> None:
    refused = gghead("invert", "--out", tmp_path / "a.safetensors", *arguments)
    assert refused.exit_code != 0
    assert told in refused.output
    assert not list(tmp_path.iterdir())


def test_an_unknown_name_is_refused(folder: Path, tmp_path: Path) -> None:
    model = folder / "tiny.safetensors"
    refused = gghead(
        "invert", "b.png", "--data", folder / "anna.zip", "--model", model, "--out", tmp_path / "a.safetensors"
    )
    assert "has no picture 'b.png'; expected names as in it, like 00000/img00000000.png" in refused.output


def test_a_person_is_not_overwritten(person: Path, folder: Path) -> None:
    refused = gghead("invert", "--data", folder / "anna.zip", "--out", person)
    assert "exists already" in refused.output


def test_a_photograph_without_a_face_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    face_models()
    Image.new("RGB", (200, 200), "white").save(tmp_path / "drawing.png")
    arguments = ("--models", WHEELS, "--model", folder / "tiny.safetensors", "--out", tmp_path / "a.safetensors")
    refused = gghead("invert", tmp_path / "drawing.png", *arguments)
    assert "drawing.png: no face is found" in refused.output


@pytest.mark.parametrize("damage", ["cut off", "of another model", "without a place"])
def test_a_state_that_can_not_be_gone_on_with_is_named(
    damage: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, out = folder / "tiny.safetensors", tmp_path / "a.safetensors"
    arguments = ("invert", "--data", folder / "anna.zip", "--model", model, "--out", out)
    with monkeypatch.context() as patched:
        patched.setattr(person_making, "save_person", interrupted)
        patched.setattr(inversion, "KEPT_SECONDS", -1.0)
        assert gghead(*arguments).exit_code != 0
    state = tmp_path / ".a.safetensors.unfinished" / "state.safetensors"
    content = load_tensors(state)
    if damage == "cut off":
        state.write_bytes(state.read_bytes()[:-10])
    elif damage == "of another model":
        kept = {name: value for name, value in content.tensors.items() if "styles" not in name}
        save_tensors(state, TensorFile(kept, content.texts))
    else:
        save_tensors(state, TensorFile(content.tensors, {}))
    for more in ((), ("--force",)):
        refused = gghead(*arguments, *more)
        assert refused.exit_code == 1
        assert f"remove the folder {state.parent}, and it begins anew" in refused.output
    shutil.rmtree(state.parent)
    assert gghead(*arguments, "--force").exit_code == 0


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_an_archive_of_people_who_are_not_cut_out_is_refused(folder: Path, tmp_path: Path) -> None:
    bare = shutil.copy(folder / "anna.zip", tmp_path / "bare.zip")
    arguments = ("--data", bare, "--model", folder / "tiny.safetensors", "--out", tmp_path / "a.safetensors")
    refused = gghead("invert", *arguments)
    assert refused.exit_code == 1
    assert "has no masks, so all of a picture would be the person; expected bare_masks_modnet.zip" in refused.output
    assert "Warning" not in refused.output


def test_folders_and_too_many_photographs_are_refused_before_they_are_read(folder: Path, tmp_path: Path) -> None:
    arguments = ("--models", tmp_path, "--model", folder / "tiny.safetensors", "--out", tmp_path / "a.safetensors")
    assert f"{folder} is a folder; expected photographs of one person" in gghead("invert", folder, *arguments).output
    many = [tmp_path / "nowhere.jpg"] * 65
    assert "these are 65 pictures of a person; expected 1 to 64" in gghead("invert", *many, *arguments).output


def test_a_person_given_as_a_model_is_told_where_people_stand(person: Path, tmp_path: Path) -> None:
    refused = gghead("sample", person, "--out", tmp_path / "a.png")
    assert "holds a person; expected a generator - a person stands where a seed does: --seeds FILE" in refused.output


def test_what_a_file_says_of_its_model_steers_no_terminal(folder: Path, person: Path, tmp_path: Path) -> None:
    found = replace(load_person(person), model="\x1b[31mred" + 10_000 * "a", model_hash="\n" * 64)
    save_person(tmp_path / "b.safetensors", found)
    refused = gghead(
        "sample", folder / "tiny.safetensors", "--seeds", tmp_path / "b.safetensors", "--out", tmp_path / "a.png"
    )
    assert r"another model, \x1b[31mredaaa" in refused.output
    assert len(refused.output) < 1000
