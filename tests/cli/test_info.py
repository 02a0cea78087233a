"""gghead info: what people are told, and what programs are."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gghead.cli.main import main
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
