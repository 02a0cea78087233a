"""gghead info: what people are told, and what programs are."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from gghead.cli.main import main
from gghead.geometry.cameras import Cameras
from gghead.inversion.encoder.encoder_file import BUNDLED_ENCODER
from gghead.inversion.person import Person, generator_hash
from gghead.inversion.person_file import save_person
from gghead.model.generator import build_generator
from gghead.model.storage import save_generator
from gghead.runs.run_folder import RunFolder
from tiny_run import MODEL, tiny_config, write_tiny_dataset


def info(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["info", *map(str, arguments)])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_dataset(tmp_path_factory.mktemp("data") / "blobs.zip")


def test_the_bundled_model_is_described_for_people() -> None:
    told = info().output
    for text in (
        "147,042 Gaussians a head",
        "learned from 512 x 512",
        "7.2 million parameters",
        "CC0 1.0",
        "gghead.load()",
    ):
        assert text in told
    assert "{" not in told
    values = json.loads(info("--json").output)
    assert (values["kind"], values["gaussians"], values["config"]["grid_size"]) == ("generator", 147042, 384)


def test_a_run_tells_how_far_it_is_and_its_models_where_they_come_from(data: Path, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", tiny_config(data, total_images=8, metrics_every=0)).path
    assert "0 of 8 images seen" in info(run).output
    assert f"gghead resume {run}" in info(run).output
    snapshot = run / "snapshots" / "000000008.safetensors"
    save_generator(snapshot, build_generator(MODEL.generator, seed=0))
    assert f"in the run {run}, with 8 images seen" in " ".join(info(snapshot).output.split())
    assert "snapshots (models): 1;" in info(run).output
    values = json.loads(info(run, "--json").output)
    assert (values["kind"], values["snapshots"]) == ("run", ["000000008.safetensors"])
    assert values["config"]["training"]["total_images"] == 8
    shutil.copy(snapshot, tmp_path / "mine.safetensors")
    assert "the file does not say how" in info(tmp_path / "mine.safetensors").output


def test_a_dataset_tells_its_poses(data: Path) -> None:
    assert "blobs.zip: a dataset of 10 pictures" in info(data).output
    values = json.loads(info(data, "--json").output)
    assert (values["kind"], values["pictures"]) == ("dataset", 10)
    assert values["yaw"]["min"] <= values["yaw"]["mean"] <= values["yaw"]["max"]


def test_what_lies_beside_models_tells_whose_it_is(tmp_path: Path) -> None:
    generator = build_generator(MODEL.generator, seed=0)
    person = Person(
        styles=torch.zeros(generator.synthesis.num_styles, generator.config.style_size),
        residual=torch.zeros(generator.config.map_channels, 8, 8),
        expressions=torch.zeros(1, generator.config.map_channels, 4, 4),
        gains=torch.ones(1, 3),
        labels=Cameras.frontal(8).labels(),
        pictures=("ann\x1b[2J.jpg",),
        model="mine.safetensors",
        model_hash=generator_hash(generator),
    )
    save_person(tmp_path / "ann.safetensors", person)
    told = info(tmp_path / "ann.safetensors").output
    assert "the head of a person" in told
    assert f"mine.safetensors (SHA-256 {person.model_hash[:12]})" in told
    assert "\x1b" not in told, "a file does not write to the terminal"
    values = json.loads(info(tmp_path / "ann.safetensors", "--json").output)
    assert (values["kind"], values["model_hash"]) == ("person", person.model_hash)
    assert "heads512.safetensors" in info(BUNDLED_ENCODER).output
    assert json.loads(info(BUNDLED_ENCODER, "--json").output)["kind"] == "encoder"
    (tmp_path / "cut.safetensors").write_bytes(BUNDLED_ENCODER.read_bytes()[:100_000])
    assert "cut off or damaged" in info(tmp_path / "cut.safetensors").output


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nothing", "there is nothing at"),
        ("nothing.safetensors", "there is no model at"),
        ("head.ply", "gghead.load_ply"),
        ("network.pkl", "gghead import"),
    ],
)
def test_what_can_not_be_described_is_refused_in_words(name: str, told: str, tmp_path: Path) -> None:
    result = info(tmp_path / name)
    assert (result.exit_code, isinstance(result.exception, SystemExit)) == (1, True)
    assert told in result.output
