"""Masks from a matting network that a person has as an ONNX file."""

import importlib.util
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32, UInt8

from gghead.geometry.canonical_head import FFHQ_FOCAL
from gghead.photos.crop import Crop
from gghead.photos.cutting import cut
from gghead.photos.masks.matting import FACE, Matting, read_square
from gghead.photos.masks.one_person import one_person

Scaling = Literal["imagenet", "signed", "centered"]
"""What a network expects of colours: ImageNet's mean and deviation (U2-Net, BiRefNet), -1 to 1 (MODNet), or -1/2 to 1/2
(IS-Net)."""
MEANS_DEVIATIONS: dict[Scaling, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "signed": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "centered": ((0.5, 0.5, 0.5), (1.0, 1.0, 1.0)),
}
"""Of colours from 0 to 1."""
FREE_SIDE = 512
"""Pixels for networks that take any side; all that are known take multiples of 32."""
SQUARE = 1.3
"""The square that the network looks at, sides of FFHQ's square; larger where the crop is."""
EXPECTED = "expected a network with one picture [1, 3, side, side] in and an alpha [1, 1, side, side] out, float32"
REMEDY = "export such a one, or leave --matting out for MediaPipe's selfie segmentation"


class OnnxMatting(Matting):
    """A network with one picture in, RGB, channels first, and one mask out: from 0 to 1, or logits.

    Of several outputs the first is the mask, as in U2-Net. Threads may share it.
    """

    def __init__(self, path: Path, scaling: Scaling = "imagenet") -> None:
        """Loads a file.

        Args:
            path: of the network.
            scaling: of the colours it expects; files don't say it.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: onnxruntime is not installed, or the file is no such network.
        """
        if not path.is_file():
            raise FileNotFoundError(f"there is no matting network {path}; expected an .onnx file")
        if importlib.util.find_spec("onnxruntime") is None:
            raise ValueError(
                "the package onnxruntime, which runs matting networks, is not installed; "
                "`pip install 'gghead[matting]'` installs it"
            )
        self._path, self._session = path, _session(path)
        self._input, self._side = _picture_input(path, self._session.get_inputs())
        means, deviations = MEANS_DEVIATIONS[scaling]
        self._mean, self._deviation = np.array(means) * 255, np.array(deviations) * 255

    def alpha(
        self, pixels: UInt8[np.ndarray, "H W 3"], crop: Crop, resolution: int, focal: float = FFHQ_FOCAL
    ) -> Float32[np.ndarray, "R R"]:
        """As of `Matting`.

        Raises:
            ValueError: the network can't be run, or gives something else than a mask.
        """
        head_side = focal / FFHQ_FOCAL
        side = max(SQUARE * head_side, 1.05)
        _, inside = cut(pixels, crop, resolution)
        picture, _ = cut(pixels, crop.widened(side), self._side, beyond="edge")
        read = read_square(self._run(picture), side, resolution)
        return one_person(read * inside, FACE * head_side)

    def _run(self, picture: UInt8[np.ndarray, "S S 3"]) -> Float32[np.ndarray, "S S"]:
        planes = ((picture - self._mean) / self._deviation).astype(np.float32).transpose(2, 0, 1)[None]
        try:
            mask = self._session.run(None, {self._input: np.ascontiguousarray(planes)})[0]
        except Exception as error:  # onnxruntime's own kinds have no common base
            reason = str(error).strip().splitlines()[0]
            raise ValueError(f"the matting network {self._path} failed: {reason}; {EXPECTED}; {REMEDY}") from error
        shape = np.shape(mask)
        if shape[-2:] != picture.shape[:2] or np.size(mask) != picture[..., 0].size:
            raise ValueError(f"the matting network {self._path} gave {list(shape)}; {EXPECTED}; {REMEDY}")
        mask = np.float32(mask).reshape(shape[-2:])
        if not np.isfinite(mask).all():
            raise ValueError(f"the matting network {self._path} gave non-finite values; {EXPECTED}; {REMEDY}")
        if mask.min() < -0.01 or mask.max() > 1.01:
            mask = 1 / (1 + np.exp(-mask.clip(-30, 30)))
        return mask.clip(0, 1)


def _session(path: Path) -> Any:
    import onnxruntime  # pyright: ignore[reportMissingImports] - it is optional

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # photographs are worked on by a thread each
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own kinds have no common base
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"{path} is no ONNX network that onnxruntime can load ({reason}); {REMEDY}") from error


def _picture_input(path: Path, inputs: list[Any]) -> tuple[str, int]:
    """Name and side of the picture that a network takes."""
    described = ", ".join(f"{one.name}: {one.type} {list(one.shape)}" for one in inputs)
    problem = ValueError(f"the matting network {path} takes {described or 'nothing'}; {EXPECTED}; {REMEDY}")
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
        raise problem
    batch, channels, height, width = (size if isinstance(size, int) else None for size in inputs[0].shape)
    if batch not in (1, None) or channels not in (3, None) or height != width:
        raise problem
    return inputs[0].name, height or FREE_SIDE
