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
from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras
from gghead.inference.loading import load
from gghead.inference.observation import as_learned
from gghead.inversion import Encoder, Picture, invert, load_encoder
from gghead.inversion.encoder.degradation import degraded
from gghead.inversion.encoder.encoder_file import BUNDLED_ENCODER, encoder_path, find_encoder
from gghead.inversion.encoder.encoder_making import EncoderOrder, Interrupted, TrainingProgress, make_encoder
from gghead.inversion.encoder.network import EncoderConfig, EncoderNetwork
from gghead.inversion.encoder.random_heads import MAX_PITCH, MAX_YAW, random_cameras, random_heads
from gghead.inversion.encoder.training import EncoderTraining, initial_network
from gghead.inversion.inversion import begin
from gghead.inversion.residual_maps import free_channels
from gghead.inversion.style_space import StyleSpace
from gghead.model.generator import Generator, build_generator
from gghead.model.storage import save_generator
from gghead.runs.places import BUNDLED_MODEL
from tiny_run import MODEL

ORDER = EncoderOrder(images=8, seconds=None, batch_size=2, seed=0, data=(), model="tiny.safetensors")
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


@pytest.fixture(autouse=True)
def without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise FileNotFoundError

    monkeypatch.setattr("gghead.inversion.encoder.encoder_making.load_efficientnet", missing)


@pytest.fixture(scope="module")
def encoder_file(generator: Generator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("encoder") / "tiny_encoder.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gghead.inversion.encoder.encoder_making._network", lambda device: None)
        make_encoder(path, replace(ORDER, images=4), generator)
    return path


@pytest.mark.slow
def test_an_encoder_learns_what_it_is_shown_again_and_again(generator: Generator) -> None:
    training = EncoderTraining(generator, None)
    losses = []
    for _ in range(30):
        training.images = 0  # from which the heads follow
        losses.append(float(training.step(4, 0.2)))
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.slow
def test_an_interrupted_training_goes_on_as_if_nothing_had_been(
    generator: Generator, archive: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("gghead.inversion.encoder.encoder_making.TOLD_STEPS", 2)
    order = replace(ORDER, data=(archive, archive))
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    make_encoder(whole, order, generator)

    def stop(progress: TrainingProgress) -> None:
        assert progress.total == 8
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        make_encoder(broken, order, generator, stop)
    assert not broken.exists()
    with pytest.raises(FileExistsError, match="of other settings"):
        make_encoder(broken, replace(order, seed=1), generator)
    make_encoder(broken, order, generator)
    assert whole.read_bytes() == broken.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.safetensors", "whole.safetensors"]


@pytest.mark.slow
def test_a_step_without_a_number_changes_no_weight_to_nan(
    generator: Generator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object) -> torch.Tensor:
        return torch.tensor(float("nan"))

    training = EncoderTraining(generator, None)
    with monkeypatch.context() as patch:
        patch.setattr(training, "_coordinate_loss", broken)
        assert not training.step(2, 0.5).isfinite()
    assert all(bool(value.isfinite().all()) for value in training.encoder.parameters())
    assert training.step(2, 0.5).isfinite()
    monkeypatch.setattr(EncoderTraining, "_coordinate_loss", broken)
    monkeypatch.setattr("gghead.inversion.encoder.encoder_making.TOLD_STEPS", 1)
    with pytest.raises(FloatingPointError, match="train with another seed"):
        make_encoder(tmp_path / "nan.safetensors", replace(ORDER, images=200), generator)
    assert not (tmp_path / "nan.safetensors").exists()


def test_a_fit_begins_where_the_encoder_says(encoder_file: Path, generator: Generator, pictures: list[Picture]) -> None:
    encoder = load_encoder(encoder_file, generator)
    assert repr(encoder) == "Encoder(of tiny.safetensors, for pictures of 16 pixels)"
    moved = EncoderNetwork(encoder.network.config)
    with torch.no_grad():
        for value in moved.parameters():
            value.normal_(std=0.1, generator=torch.Generator().manual_seed(0))
    encoder = replace(encoder, network=moved.eval())
    person = invert(pictures, generator, quality="encoder", encoder=encoder)
    places = encoder.encode(begin(pictures, generator, "encoder", 0, encoder).targets)
    assert torch.allclose(person.residual, places.residual[0] * free_channels(generator), atol=2e-3)
    assert person.residual.abs().max() > 0.01
    fit = begin(pictures, generator, "fast", 0, encoder).fit
    assert not fit.residual().any(), "styles are fitted first, and a residual to these"
    space = StyleSpace.of(generator)
    assert torch.allclose(person.styles, space.styles(places.of_layers()[0]), atol=1e-5)
    assert torch.allclose(space.places(person.styles), places.of_layers()[0], atol=1e-3)
    assert (person.styles - space.mean).norm() > 0.1
    with pytest.raises(ValueError, match="there is no encoder for this model"):
        invert(pictures, generator, quality="encoder")


@pytest.mark.slow
def test_the_bundled_encoder_tells_dark_skin_from_light_and_nobody_has_to_name_it() -> None:
    generator, camera = load(), Cameras.at(0.2, resolution=64)
    encoder = find_encoder(generator)
    assert encoder is not None
    assert encoder.model == BUNDLED_MODEL.name
    assert BUNDLED_ENCODER.stat().st_size < MAX_FILE

    def drawn(heads: Gaussians) -> tuple[np.ndarray, np.ndarray]:
        found = as_learned(generator.config).render(heads, camera, background=0.0)
        return found.rgb.reshape(64, 64, 3).detach().numpy(), found.alpha.reshape(64, 64).detach().numpy()

    def skin(rgb: np.ndarray) -> float:
        return float(rgb[26:46, 24:40].mean())

    known, told = [], []
    for styles in generator.styles([13, 17], truncation=1.0):  # the darkest and the lightest of the first 24
        rgb, alpha = drawn(generator.decode(styles[None]))
        picture = Picture((rgb.clip(0, 1) * 255).astype(np.uint8), alpha, camera)
        person = invert([picture], generator, quality="encoder")
        known.append(skin(rgb))
        told.append(skin(drawn(person.decode(generator))[0]))
    assert told[1] - told[0] > 0.2 * (known[1] - known[0]) > 0.03


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


@pytest.mark.parametrize("damage", ["kind", "version", "tensor", "nan"])
def test_a_damaged_encoder_is_refused(damage: str, encoder_file: Path, generator: Generator, tmp_path: Path) -> None:
    content = load_tensors(encoder_file)
    tensors, texts = dict(content.tensors), {key: text for key, text in content.texts.items() if key != "sha256"}
    if damage in ("kind", "version"):
        texts[f"gghead.{damage}"] = "7"
    elif damage == "tensor":
        del tensors["queries"]
    else:
        tensors["queries"] = tensors["queries"] * float("nan")
    told = {"kind": "holds a 7", "version": "version 7", "tensor": "no whole encoder", "nan": "NaN"}[damage]
    save_tensors(tmp_path / "bad.safetensors", TensorFile(tensors, texts))
    with pytest.raises(ValueError, match=told):
        load_encoder(tmp_path / "bad.safetensors", generator)


def test_the_command_makes_an_encoder_that_invert_finds(model_file: Path, archive: Path, tmp_path: Path) -> None:
    model = tmp_path / "tiny.safetensors"
    model.write_bytes(model_file.read_bytes())
    runner = CliRunner()
    arguments = ["train-encoder", model, "--images", 2, "--batch-size", 2, "--out", encoder_path(model)]
    made = runner.invoke(main, [str(argument) for argument in arguments])
    assert made.exit_code == 0, made.output
    out = tmp_path / "person.safetensors"
    arguments = ["invert", "--data", archive, "--model", model, "--quality", "encoder", "--out", out]
    found = runner.invoke(main, [str(argument) for argument in arguments])
    assert found.exit_code == 0, found.output
    assert out.is_file()
    assert (tmp_path / "person_preview.png").is_file()
    both = runner.invoke(
        main, ["train-encoder", str(model), "--images", "2", "--seconds", "2", "--out", "a.safetensors"]
    )
    assert "expected one of them" in both.output


def test_random_heads_and_cameras_cover_what_photographs_show(generator: Generator) -> None:
    space = StyleSpace.of(generator)
    heads = random_heads(generator, space, 64, torch.Generator().manual_seed(0))
    assert torch.allclose(heads.layers.mean(dim=1), torch.zeros_like(heads.shared), atol=1e-5)
    assert 0.2 < heads.of_layers().std() < 1.2
    assert (heads.layers.abs().amax(dim=(1, 2)) > 1e-4).float().mean() < 0.9, "some have one style for all layers"
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


@pytest.mark.parametrize(("styles", "size"), [(14, 256), (18, 512)])
def test_the_file_of_a_large_model_stays_small(styles: int, size: int) -> None:
    network = initial_network(EncoderConfig(256, styles, size, 22, 16), seed=0)
    assert 2 * sum(value.numel() for value in network.state_dict().values()) < MAX_FILE
    assert Encoder(network, "a", "b").content_hash() == Encoder(network, "c", "d").content_hash()


def test_orders_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="expected one of the two"):
        replace(ORDER, seconds=3.0)
    with pytest.raises(ValueError, match="expected 2 or more"):
        replace(ORDER, batch_size=1, data=(Path("a.zip"),))
