"""The commands as a user types them: results, refusals, help."""

import json
from dataclasses import fields, replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from gghead.cli.dry_run import tell_estimate
from gghead.cli.main import main
from gghead.config.presets import from_preset
from gghead.config.training import TrainingConfig
from gghead.cuda.availability import KernelError
from gghead.model.generator import build_generator
from gghead.model.storage import save_generator
from gghead.runs.run_folder import RunFolder
from tiny_run import MODEL, tiny_config, write_tiny_dataset


def gghead(*arguments: object) -> Result:
    """Runs the command in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refusal(*arguments: object) -> str:
    """What a command says when it refuses; fails if it does not, or shows a traceback."""
    result = gghead(*arguments)
    assert result.exit_code in (1, 2), result.output
    assert isinstance(result.exception, SystemExit), result.exception
    return " ".join(result.output.split())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_generator(path, build_generator(MODEL.generator, seed=0))
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_dataset(tmp_path_factory.mktemp("data") / "blobs.zip")


def test_sample_writes_a_sheet_a_folder_and_a_video(model: Path, tmp_path: Path) -> None:
    common = ("sample", model, "--seeds", "0-2,7", "--resolution", "16", "--out")
    assert gghead(*common, tmp_path / "heads.png").exit_code == 0
    with Image.open(tmp_path / "heads.png") as sheet:
        assert sheet.size == (32, 32)
    assert gghead(*common, tmp_path / "heads").exit_code == 0
    names = sorted(path.name for path in (tmp_path / "heads").iterdir())
    assert names == ["seed0000.png", "seed0001.png", "seed0002.png", "seed0007.png"]
    result = gghead(*common, tmp_path / "orbit.mp4")
    assert result.exit_code == 0
    assert str(tmp_path / "orbit.mp4") in result.stdout
    assert b"moov" in (tmp_path / "orbit.mp4").read_bytes()


def test_without_a_model_it_is_the_one_in_the_box(tmp_path: Path) -> None:
    assert "147,042 Gaussians a head" in gghead("info").output
    for command, name in (("sample", "heads.png"), ("export", "head.ply")):
        result = gghead(command, "--seeds", "3", "--out", tmp_path / name)
        assert result.exit_code == 0, result.output
        assert (tmp_path / name).stat().st_size > 10_000


def test_interpolate_writes_a_video(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "loop.mp4"
    assert gghead("interpolate", model, "--frames", "6", "--resolution", "16", "--out", out).exit_code == 0
    assert out.stat().st_size > 0


@pytest.mark.filterwarnings("error")
def test_info_of_a_single_picture(tmp_path: Path) -> None:
    result = gghead("info", write_tiny_dataset(tmp_path / "one.zip", count=1))
    assert result.exit_code == 0, result.output
    assert result.output.count("sd 0.0") == 2


def test_outputs_are_not_overwritten_without_force(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "heads.png"
    out.write_text("mine")
    assert "exists already" in refusal("sample", model, "--out", out)
    assert out.read_text() == "mine"
    assert gghead("sample", model, "--resolution", "16", "--out", out, "--force").exit_code == 0
    assert "exists already" in refusal("export", model, "--out", tmp_path)


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ("3-1", "ends before it starts; write 1-3"),
        ("7,0-4294967295", "4294967296 seeds; expected at most 100000 at a time"),
        ("a", "is no seed"),
        ("", "is no seed"),
        ("1,,2", "is no seed"),
        ("-1", "is no seed"),
        ("4294967296", "too large"),
    ],
)
def test_wrong_seeds_are_explained(seeds: str, message: str, model: Path, tmp_path: Path) -> None:
    assert message in refusal("sample", model, f"--seeds={seeds}", "--out", tmp_path / "x.png")


@pytest.mark.parametrize("device", ["meta", "mps", "cuda:x", "cpu:0", "gpu", ""])
def test_devices_of_other_kinds_are_refused(device: str, model: Path, tmp_path: Path) -> None:
    said = refusal("sample", model, "--device", device, "--out", tmp_path / "heads.png")
    assert f"the device is {device!r}; expected cpu, cuda or cuda:1" in said


def test_refusals_are_one_line_without_a_traceback(model: Path, data: Path, tmp_path: Path) -> None:
    assert "there is no model at" in refusal("sample", tmp_path / "no.safetensors", "--out", tmp_path / "x.png")
    assert "is no run" in refusal("resume", tmp_path)
    assert "Invalid value" in refusal("train", "ffhq100", "--data", data, "--out", tmp_path / "run")
    assert "fewer than" in refusal("train", "demo", "--data", data, "--out", tmp_path / "run")
    assert "no readable .safetensors" in refusal("info", broken(tmp_path / "broken.safetensors"))
    assert "there is no device 'cuda:99' here" in refusal(
        "sample", model, "--out", tmp_path / "x.png", "--device", "cuda:99"
    )
    assert "ending in .safetensors" in refusal("import", tmp_path / "a.pkl", tmp_path / "a.bin")


def test_a_batch_that_cannot_be_shared_is_refused_before_there_is_a_folder(tmp_path: Path) -> None:
    data, run = write_tiny_dataset(tmp_path / "heads.zip", resolution=64), tmp_path / "run"
    assert "batch" in refusal("train", "demo", "--data", data, "--out", run, "--batch-size", "10", "--device", "cpu")
    assert not run.exists()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "the memory is full (MemoryError); smaller batches"),
        (torch.OutOfMemoryError("CUDA out of memory."), "the memory is full (CUDA out of memory.); smaller batches"),
        (KernelError("the CUDA kernels do not compile here"), "Error: the CUDA kernels do not compile here"),
    ],
)
def test_what_a_machine_lacks_is_told_in_one_line(
    error: Exception, told: str, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise error

    monkeypatch.setattr("gghead.cli.info.describe_model", fail)
    assert told in refusal("info", model)
    assert gghead("--debug", "info", model).exception is error


def broken(path: Path) -> Path:
    path.write_bytes(b"not a model")
    return path


@pytest.mark.slow
def test_a_run_from_the_command_line(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    synthetic = ("data", "synthetic", tmp_path / "heads.zip", "--count", 2, "--resolution", 64, "--workers", 1)
    assert gghead(*synthetic).exit_code == 0
    assert "exists already" in refusal(*synthetic)
    assert gghead(*synthetic, "--force").exit_code == 0
    started = ("train", "demo", "--data", tmp_path / "heads.zip", "--out", run, "--images", "16", "--batch-size", "8")
    assert "perhaps you meant r1_gamma" in refusal(*started, "--set", "r1_gama=2")
    assert "r1_gamma is 'much'; expected a number" in refusal(*started, "--set", "r1_gamma=much")
    assert "generator_lr is 'nan'; expected a number" in refusal(*started, "--set", "generator_lr=nan")
    assert "generator_lr is -0.1; expected a value from 0" in refusal(*started, "--set", "generator_lr=-.1")
    assert "expected FIELD=VALUE, like r1_gamma=" in refusal(*started, "--set", "r1_gamma")
    assert 'loss is "relativistic", a setting that this version no longer has' in refusal(
        *started, "--set", "loss=relativistic"
    )
    given = ("--set", "r1_gamma=.5", "--set", "mirrored=false", "--set", "r1_every=8")
    result = gghead(*started, "--precision", "full", "--recipe", "consistent", *given)
    assert result.exit_code == 0, result.output
    training = json.loads((run / "config.json").read_text())["training"]
    assert {
        name: training[name] for name in ("total_images", "precision", "views", "r1_gamma", "mirrored", "r1_every")
    } == {"total_images": 16, "precision": "full", "views": 2, "r1_gamma": 0.5, "mirrored": False, "r1_every": 8}
    assert "16 of 16 images seen" in gghead("info", run).output
    assert "exists already" in refusal("train", "demo", "--data", tmp_path / "heads.zip", "--out", run)


@pytest.mark.slow
def test_runs_by_name(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --out a run gets the next number; commands find it by the start of its name, and the data by theirs."""
    (tmp_path / "data").mkdir()
    write_tiny_dataset(tmp_path / "data" / "HEADS_png_64.zip", resolution=64, count=40)
    for kind in ("data", "models", "renderings"):
        monkeypatch.setenv(f"GGHEAD_{kind.upper()}_PATH", str(tmp_path / kind))
    common = ("train", "demo", "--data", "heads", "--images", "8", "--batch-size", "8")
    first = gghead(*common)
    assert first.exit_code == 0, first.output
    assert f"run: {tmp_path / 'models' / 'GGHEAD-1'}" in first.stderr
    second = gghead(*common, "--init-from", "GGHEAD-1", "--name", "more of it")
    assert second.exit_code == 0, second.output
    run = tmp_path / "models" / "GGHEAD-2_more-of-it"
    assert json.loads((run / "config.json").read_text())["init_from"].endswith("GGHEAD-1/checkpoints/000000008")
    assert "8 of 8 images seen" in gghead("info", "GGHEAD-2").output
    assert gghead("resume", "GGHEAD-2").exit_code == 0
    assert gghead("sample", "GGHEAD-2", "--seeds", "0", "--resolution", "16").exit_code == 0
    assert (tmp_path / "renderings" / run.name / "heads.png").is_file()
    assert "dataset of 40 pictures" in gghead("info", "heads").output
    assert "40" in gghead("data", "check", "heads").output
    assert "there is no run GGHEAD-3 in" in refusal("sample", "GGHEAD-3")
    assert "--out names the folder already" in refusal(*common, "--out", tmp_path / "x", "--name", "y")
    assert "meant to start from a run of ffhq256" in refusal("train", "ffhq512", "--data", "heads")


@pytest.mark.skipif(find_spec("tensorboardX") is None, reason="needs the extra `tensorboard`")
def test_a_run_is_tracked_on_request(data: Path, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", tiny_config(data, total_images=8, metrics_every=0))
    result = gghead("resume", run.path, "--log", "tensorboard", "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert list((run.path / "tensorboard").glob("events.*"))
    assert "is not one of 'wandb', 'tensorboard'" in refusal("resume", run.path, "--log", "paper")


@pytest.mark.skipif(find_spec("tensorboardX") is None, reason="needs the extra `tensorboard`")
def test_a_second_resume_is_refused_before_it_writes_to_a_tracker(data: Path, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", tiny_config(data, total_images=8, metrics_every=0))
    with run.claim():
        told = refusal("resume", run.path, "--log", "tensorboard", "--device", "cpu")
    assert "is trained by another process" in told
    assert not (run.path / "tensorboard").exists()


def test_a_file_is_no_folder_even_by_force(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    told = refusal("sample", "--seeds", "0", "--out", tmp_path / "file", "--force")
    assert "exists already, as a file; name another folder" in told
    assert (tmp_path / "file").read_text() == "mine"


def test_no_step_takes_more_pictures_than_a_machine_can() -> None:
    told = refusal("train", "demo", "--dry-run", "--batch-size", 10**9)
    assert "batch_size is 1000000000; expected a value from 1 to 1048576" in told


@pytest.mark.parametrize("price", ["nan", "inf", "1e400", "-1"])
def test_a_price_is_a_number(price: str) -> None:
    assert "--hourly-price" in refusal("train", "demo", "--dry-run", "--hourly-price", price)


@pytest.mark.slow
def test_a_dry_run_tells_what_a_run_takes_and_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = gghead("train", "ffhq256", "--dry-run", "--hourly-price", "3", "--device", "cpu")
    assert result.exit_code == 0, result.output
    for text in (
        "28.79 million parameters",
        "31.24 million parameters",
        "TFLOP a picture",
        "H100 80GB       about 267 pictures a second, measured with 32 a step",
        "H200            about 320 pictures a second, measured",
        "about 6.7 hours for 6,400,000 pictures",
        "about 19.98 at 3 an hour",
        "an estimate from some steps of demo",
    ):
        assert text in result.stdout
    assert not list(tmp_path.iterdir())
    assert "--data is missing" in refusal("train", "ffhq256")


def test_a_dry_run_counts_several_gpus(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("gghead.training.estimate.images_per_second", lambda config, operations, device: 100.0)
    tell_estimate(from_preset("ffhq512", ""), None, "cuda", 2)
    assert "2 x cuda        about 200 pictures a second" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (100, "less than a minute"),
        (60_000, "about 10 minutes"),
        (3_600_000, "about 10.0 hours"),
        (36_000_000, "about 4.2 days"),
    ],
)
def test_a_dry_run_tells_durations_as_people_would(
    images: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gghead.training.estimate.images_per_second", lambda config, operations, device: 100.0)
    config = from_preset("demo", "")
    length = replace(config.training, total_images=images)
    tell_estimate(replace(config, training=length), None, "cuda", 1)
    assert f"{told} for {images:,} pictures" in capsys.readouterr().out


def test_what_is_given_twice_is_refused() -> None:
    common = ("train", "demo", "--dry-run")
    for option, value, field in (
        ("--batch-size", 16, "batch_size"),
        ("--images", 100, "total_images"),
        ("--seed", 0, "seed"),
        ("--precision", "full", "precision"),
    ):
        assert f"{option} and --set {field} say the same" in refusal(*common, option, value, "--set", f"{field}=8")
    assert "r1_gamma is given twice" in refusal(*common, "--set", "r1_gamma=1", "--set", "r1_gamma=2")


MANY_OPTIONS = {
    "train": "what is trained, from what, where to, on what machine, and how it is watched",
    "sample": "which heads, from where, on what, how large, where to, on what machine",
    "interpolate": "likewise, and for how long",
    "invert": "of whom, by which model, how well, with which helpers, where to, on what machine",
    "view": "which heads, drawn by whom, for whom to reach, what is kept, and what finds faces",
    "evaluate": "what of how many heads, against which pictures, by which network, on which machine",
}
"""Commands with more than eight options, and why each may."""


def test_help_names_every_command_and_few_commands_have_many_options() -> None:
    assert gghead("--help").exit_code == 0
    names = ["train", "resume", "sample", "interpolate", "view", "evaluate", "export", "import"]
    names += ["info", "data", "doctor", "invert", "train-encoder"]
    assert sorted(main.commands) == sorted(names)
    for name in names:
        assert gghead(name, "--help").exit_code == 0
        options = [parameter for parameter in main.commands[name].params if parameter.param_type_name == "option"]
        assert (len(options) > 8) == (name in MANY_OPTIONS), name
        assert all(getattr(option, "help", None) for option in options), name


@pytest.mark.parametrize(("preset", "batch"), [("demo", 8), ("ffhq256", 32)])
def test_set_help_lists_the_fields_of_a_preset(preset: str, batch: int) -> None:
    told = CliRunner().invoke(main, ["train", "--set", "help", preset])
    assert told.exit_code == 0
    words = " ".join(told.stdout.split())
    assert f"batch_size={batch} Pictures of a step. [whole number]" in words
    assert "[mixed or full]" in words
    assert all(field.name in words for field in fields(TrainingConfig))
