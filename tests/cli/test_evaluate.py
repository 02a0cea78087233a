"""gghead evaluate as a user types it."""

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from torch import Tensor, nn

from gghead.cli.main import main
from gghead.evaluation import suite
from gghead.model.generator import build_generator
from gghead.model.storage import save_generator
from tiny_run import MODEL, write_tiny_dataset


class Means(nn.Module):
    """Mean colours as features."""

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.float().mean(dim=(2, 3))


def evaluate(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["evaluate", *(str(argument) for argument in arguments), "--device", "cpu"])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with two snapshots, data and a detector; caches go here, too."""
    monkeypatch.setenv("GGHEAD_CACHE_PATH", str(tmp_path / "cache"))
    monkeypatch.setitem(suite.CONSISTENCY_HEADS, "cpu", 2)
    monkeypatch.setitem(suite.IDENTITY_HEADS, "cpu", 2)
    for images in (8, 16):
        generator = build_generator(MODEL.generator, seed=images)
        save_generator(tmp_path / "run" / "snapshots" / f"{images:09d}.safetensors", generator)
    write_tiny_dataset(tmp_path / "blobs.zip")
    torch.jit.script(Means()).save(str(tmp_path / "means.pt"))
    return tmp_path


def test_snapshots_are_evaluated_once(place: Path) -> None:
    common = (place / "run", "--data", place / "blobs.zip", "--detector", place / "means.pt", "--num-images", 12)
    first = evaluate(*common)
    assert first.exit_code == 0, first.output
    assert "Frechet distance (means) 12" in first.stdout
    assert "the data have 10 pictures, fewer than the 12 generated" in first.stdout
    rest = evaluate(*common, "--snapshot", "remaining")
    assert rest.exit_code == 0, rest.output
    assert "is evaluated already" in rest.stdout
    for images in ("000000008", "000000016"):
        kept = json.loads((place / "run" / "evaluations" / f"{images}.json").read_text())["evaluations"]
        assert [report["conditions"]["num_images"] for report in kept] == [12]
    assert not (place / "run" / "evaluations" / ".partial").exists()


@pytest.mark.slow
def test_the_full_suite_writes_a_page(place: Path) -> None:
    result = evaluate(
        place / "run", "--data", place / "blobs.zip", "--detector", place / "means.pt", "--num-images", 10,
        "--suite", "full",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    for name in ("Frechet distance (means)_3D 10", "precision", "reprojection PSNR, mapping follows the view"):
        assert name in result.stdout
    page = (place / "run" / "evaluations" / "000000016.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "silhouette area gap" in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--num-images", "many"), "is no number of pictures"),
        (("--snapshot", "9"), "has no snapshot or checkpoint at 9 images"),
        (("--detector", "vgg"), "there is no detector 'vgg'"),
        (("--data", __file__, "--detector", "nowhere.pt"), "is no readable zip"),
    ],
)
def test_refusals_are_explained(place: Path, options: tuple[str, ...], message: str) -> None:
    result = evaluate(place / "run", "--data", place / "blobs.zip", *options)
    assert result.exit_code in (1, 2)
    assert message in " ".join(result.output.split())
