"""A person's own matting network, here one that takes green for background."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from gghead.photos.crop import Crop
from gghead.photos.masks.onnx_matting import OnnxMatting
from onnx_files import onnx_file
from tolerances import CUT_LEVELS

CROP = Crop((60.0, 50.0), 80.0, 0.0)
needs_onnxruntime = pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None, reason="onnxruntime, of the extra `matting`, is not installed"
)


def photograph() -> np.ndarray:
    """A red person on green."""
    pixels = np.zeros((100, 120, 3), np.uint8)
    pixels[..., 1] = 255
    pixels[20:, 40:80] = (255, 0, 0)
    return pixels


def written(folder: Path, content: bytes) -> Path:
    path = folder / "network.onnx"
    path.write_bytes(content)
    return path


@needs_onnxruntime
@pytest.mark.parametrize("sigmoid", [True, False], ids=["probabilities", "logits"])
@pytest.mark.parametrize("shape", [(1, 3, "side", "side"), (1, 3, 64, 64), ("batch", 3, "height", "width")])
def test_the_mask_is_where_the_network_sees_it(tmp_path: Path, sigmoid: bool, shape: tuple[int | str, ...]) -> None:
    matting = OnnxMatting(written(tmp_path, onnx_file([[20.0, -20.0, 0.0]], [0.0], sigmoid, shape)), "signed")
    alpha = matting.alpha(photograph(), CROP, 80)
    want = np.zeros((80, 80))
    want[10:, 20:60] = 1
    assert alpha.shape == (80, 80)
    assert np.abs(alpha - want).mean() < 0.03
    assert ((alpha > 0.5) == (want > 0.5)).mean() > 0.97


@needs_onnxruntime
def test_colors_are_scaled_as_the_network_expects_them(tmp_path: Path) -> None:
    gray = np.full((50, 50, 3), 200, np.uint8)
    path = written(tmp_path, onnx_file([[1.0, 0.0, 0.0]], [0.0], sigmoid=False))
    scaled = {"imagenet": (200 / 255 - 0.485) / 0.229, "signed": 200 / 127.5 - 1, "centered": 200 / 255 - 0.5}
    for scaling, value in scaled.items():
        seen = OnnxMatting(path, scaling)._run(gray)
        np.testing.assert_allclose(seen, value if value <= 1 else 1 / (1 + np.exp(-value)), rtol=CUT_LEVELS / 255)


@needs_onnxruntime
@pytest.mark.parametrize(
    "content",
    [
        b"no network",
        onnx_file([[1.0, 0.0, 0.0]], [0.0], True, ("batch", 3, 64, 32)),
        onnx_file([[1.0, 0.0, 0.0]], [0.0], True, inputs=("picture", "trimap")),
    ],
    ids=["no ONNX", "not square", "two inputs"],
)
def test_other_files_are_refused_when_loaded(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ValueError, match=r"network\.onnx .*leave --matting out"):
        OnnxMatting(written(tmp_path, content))


@needs_onnxruntime
def test_another_output_than_a_mask_is_refused(tmp_path: Path) -> None:
    colors = onnx_file([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]], [0.0, 0, 0], True)
    with pytest.raises(ValueError, match=r"gave \[1, 3, 512, 512\]; expected"):
        OnnxMatting(written(tmp_path, colors)).alpha(photograph(), CROP, 64)


@needs_onnxruntime
def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no matting network .*absent\.onnx"):
        OnnxMatting(tmp_path / "absent.onnx")


def test_without_onnxruntime_one_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "network.onnx").touch()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'gghead\[matting\]'"):
        OnnxMatting(tmp_path / "network.onnx")
