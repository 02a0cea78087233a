"""`gghead import`: what it writes, and what --check says without writing."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gghead.checkpoint.tensors import content_hash, load_tensors
from gghead.cli.main import main
from gghead.model.continuation import load_training, training_file
from gghead.model.discriminator import Discriminator
from gghead.model.generator import build_generator
from official_writer import Content, official_content, write_official
from tiny_run import MODEL


@pytest.fixture
def content() -> Content:
    generator = build_generator(replace(MODEL.generator, quaternion_order="zwxy"), seed=0)
    grown = Discriminator(replace(MODEL.discriminator, resolution=32, grown_from=(16,)), seed=0)
    return official_content(generator, grown)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["import", *map(str, arguments)])


def test_check_says_what_would_be_made_and_writes_nothing(content: Content, tmp_path: Path) -> None:
    content["G"].register_buffer("counter", content["G"]._uv_grid.clone())
    pickle = write_official(tmp_path / "snapshot.pkl", content)
    result = run("--check", pickle)
    assert result.exit_code == 0, result.output
    assert [path.name for path in tmp_path.iterdir()] == ["snapshot.pkl"]
    for told in (
        "trained on: path 'FFHQ.zip', resolution 16",
        "G_ema: GGHeadModel, ",
        "D: GGHeadModel, ",
        " Gaussians of a grid of 16 x 16, UV maps of 16 x 16, SH degree 1",
        "discriminator: pictures of 32 x 32, grown from 16",
        "note: generator: its buffers or parts counter are unknown",
        "note: discriminator: it was grown from pictures of 16 pixels",
    ):
        assert told in result.stdout


def test_check_says_what_is_refused_and_why(content: Content, tmp_path: Path) -> None:
    content["G_ema"]._config.use_background_plane = True
    content["D"] = None
    result = run("--check", write_official(tmp_path / "snapshot.pkl", content))
    assert result.exit_code == 1
    assert "D: not in the file" in result.stdout
    assert "use_background_plane is True; gghead reproduces only False" in result.stderr


def test_a_model_and_what_training_needs_beside_it(content: Content, tmp_path: Path) -> None:
    pickle, model = write_official(tmp_path / "snapshot.pkl", content), tmp_path / "model.safetensors"
    result = run(pickle, model)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{model}\n"
    assert f"for training: {training_file(model)}" in result.stderr
    learning = load_training(model)
    assert learning is not None
    assert learning.generator is not None
    assert learning.discriminator is not None
    assert learning.discriminator.config.grown_from == (16,)
    assert "exists" in run(pickle, model).output
    before = content_hash(load_tensors(model))
    assert run(pickle, model, "--force").exit_code == 0
    assert content_hash(load_tensors(model)) == before


def test_info_tells_where_a_model_is_from_and_how_training_goes_on(content: Content, tmp_path: Path) -> None:
    model = tmp_path / "model.safetensors"
    run(write_official(tmp_path / "snapshot.pkl", content), model)
    told = CliRunner().invoke(main, ["info", str(model)]).stdout
    assert "by the official release" in told
    assert f"gghead train PRESET --init-from {model} goes on with model.training" in told
    other = CliRunner().invoke(main, ["info", str(training_file(model))])
    assert other.exit_code == 1
    assert "name the model, the .safetensors file beside it" in other.output


def test_without_other_networks_there_is_no_file_beside_it(content: Content, tmp_path: Path) -> None:
    """Not even that of an earlier import."""
    pickle, model = tmp_path / "snapshot.pkl", tmp_path / "model.safetensors"
    run(write_official(pickle, content), model)
    content["G"] = content["D"] = None
    assert run(write_official(pickle, content), model, "--force").exit_code == 0
    assert not training_file(model).exists()


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    result = run(tmp_path / "a.pkl")
    assert result.exit_code == 2
    assert "only look with --check" in result.output
    result = run("--check", tmp_path / "a.pkl")
    assert result.exit_code == 1
    assert "there is no file" in result.output
