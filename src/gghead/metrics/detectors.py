"""Feature detectors: networks that turn pictures into vectors whose distances mean something.

A TorchScript file is a program: loading and running it runs what its author wrote, within TorchScript's language. The
official file is known by its SHA-256; any other is run only because the user named it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from gghead.checkpoint.store import file_hash
from gghead.metrics.downloads import RemoteFile, fetch
from gghead.metrics.efficientnet import LITE0, SIDE, EfficientNetLite, load_efficientnet

INCEPTION = "inception"
EFFICIENTNET = "efficientnet-lite0"
OFFICIAL_INCEPTION = RemoteFile(
    name="inception-2015-12-05.pt",
    url="https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt",
    sha256="f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
)
"""The network of 2015 as TorchScript that StyleGAN, EG3D and GGHead measure with: 95.6 MB, 2048 features."""


@dataclass(frozen=True)
class Detector:
    """A network that measures, and what a reader has to know of it.

    Attributes:
        name: what it is called in reports.
        sha256: of its weights' file.
        input: what it does to pictures before it looks at them.
        network: the module, on its device.
        features: pictures -> vectors, on that device.
    """

    name: str
    sha256: str
    input: str
    network: nn.Module
    features: Callable[[UInt8[Tensor, "B 3 H W"]], Float[Tensor, "B D"]]

    @property
    def is_official(self) -> bool:
        """Whether its Frechet distance may be called FID."""
        return self.sha256 == OFFICIAL_INCEPTION.sha256

    @property
    def frechet_name(self) -> str:
        """Name of its Frechet distance."""
        return "FID" if self.is_official else f"Frechet distance ({self.name})"

    @property
    def kernel_name(self) -> str:
        """Name of its kernel distance."""
        return "KID" if self.is_official else f"kernel distance ({self.name})"


def load_detector(name: str, cache: Path, device: torch.device | str = "cpu") -> Detector:
    """A detector by name, or from a TorchScript file.

    Args:
        name: "inception", "efficientnet-lite0", or the path of a TorchScript module that maps uint8 pictures
            [B, 3, H, W] to features [B, D].
        cache: folder for files from the network.
        device: where it shall work.

    Raises:
        FileNotFoundError: it is not here and can't be fetched, or its package is missing.
        ValueError: the file is another than the published one, or no TorchScript.
    """
    if name == EFFICIENTNET:
        try:
            network = load_efficientnet(LITE0)
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{error}, or name a TorchScript detector with --detector PATH") from error
        network.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - not in the stubs
        scaled = f"{SIDE} x {SIDE}, bilinear with antialiasing (torch)"
        return Detector(name, LITE0.sha256, scaled, network, network)
    if name == INCEPTION:
        try:
            path = fetch(OFFICIAL_INCEPTION, cache)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{error}; or measure with --detector {EFFICIENTNET}, which needs no network but gives no FID"
            ) from error
    else:
        path = Path(name)
        if not path.is_file():
            raise FileNotFoundError(
                f"there is no detector {name!r}; expected {INCEPTION}, {EFFICIENTNET} or a TorchScript file"
            )
    return _load_script(path, device)


def perceptual_network(detector: Detector) -> EfficientNetLite | None:
    """The network for distances between two pictures: the detector itself if it can, else the package's, else None."""
    if isinstance(detector.network, EfficientNetLite):
        return detector.network
    try:
        device = next(detector.network.parameters(), torch.empty(0)).device
        network = load_efficientnet()
        return network.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - likewise
    except FileNotFoundError:
        return None


def _load_script(path: Path, device: torch.device | str) -> Detector:
    sha256 = file_hash(path)
    try:
        network = torch.jit.load(str(path), map_location=device).eval()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"{path} is no TorchScript module ({reason}); write one with torch.jit.save") from error
    official = sha256 == OFFICIAL_INCEPTION.sha256
    name = "inception-2015-12-05" if official else path.stem
    scaled = "299 x 299, bilinear without antialiasing (in the file)" if official else "as the file does it"
    # The official network gives class probabilities unless it is asked for features.
    asked = any(argument.name == "return_features" for argument in network.forward.schema.arguments)

    def features(pictures: Tensor) -> Tensor:
        found = network(pictures, return_features=True) if asked else network(pictures)
        if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != len(pictures):
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ValueError(f"the detector {path} gave {shape} for {len(pictures)} pictures; expected [B, D]")
        return found

    return Detector(name, sha256, scaled, network, features)
