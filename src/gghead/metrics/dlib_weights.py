"""Weights of dlib's face-recognition network out of the file in which dlib publishes them.

The file is a stream without names. Whole numbers are a byte that counts the bytes that follow, its highest bit set if
the number is negative, and those bytes, lowest first; real numbers are two whole ones, mantissa and binary exponent;
texts are their length and characters; switches are the characters 0 and 1; the numbers of a tensor are little-endian
float32 behind its version and its four sizes. Everything but the numbers is known beforehand, is read all the same,
and is refused if it is anything else.

Source: King 2009, "Dlib-ml: A Machine Learning Toolkit", and the documentation of dlib's `serialize` and `dnn`.
"""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gghead.metrics.face_network import BLOCKS, CHIP_SIDE, EMBEDDING, MEAN_COLOR, STEM_FILTERS, STEM_SIDE, STEM_STRIDE

NESTED = 130
"""Layers and labels of layers inside of each other: the numbers of their versions stand at the beginning."""
INNERMOST_VERSION = 3
"""Of the layer next to the pictures; the others have 1 or 2."""
LEARNING = (1.0, 1.0, 1.0, 0.0)
"""Factors of learning rates and weight decay behind the weights of a layer: not needed, but there."""


def read_weights(data: bytes) -> dict[str, Tensor]:
    """Tensors of `FaceNetwork`: each channel's factor and shift become part of the convolution before it.

    Args:
        data: what `dlib_face_recognition_resnet_model_v1.dat` contains.

    Raises:
        ValueError: it is another network, or damaged.
    """
    stream, tensors = _Stream(data), {"mean_color": torch.tensor(MEAN_COLOR)[:, None, None]}
    stream.expect(1, "loss_metric_2", _single(0.04), _single(0.6))
    versions = [stream.whole() for _ in range(NESTED)]
    if not set(versions[:-1]) <= {1, 2} or versions[-1] != INNERMOST_VERSION:
        raise ValueError(f"expected versions of {NESTED} layers, got {versions}")
    stream.expect("input_rgb_image_sized", *(_single(value) for value in MEAN_COLOR), CHIP_SIDE, CHIP_SIDE)

    def convolution(name: str, inputs: int, filters: int, side: int, stride: int, padding: int) -> None:
        weight, bias = stream.convolution(inputs, filters, side, stride, padding)
        stream.end_layer()
        if name == "stem":
            stream.expect(1)  # a picture is one sample
        factor, shift = stream.channel_affine(filters)
        stream.end_layer()
        tensors[f"{name}.weight"] = weight * factor[:, None, None, None]
        tensors[f"{name}.bias"] = bias * factor + shift

    convolution("stem", 3, STEM_FILTERS, STEM_SIDE, STEM_STRIDE, 0)
    stream.layer("relu_")
    stream.layer("max_pool_2", 3, 3, 2, 2, 0, 0)
    inputs = STEM_FILTERS
    for number, (filters, halves) in enumerate(BLOCKS):
        convolution(f"blocks.{number}.first", inputs, filters, 3, 2 if halves else 1, 0 if halves else 1)
        stream.layer("relu_")
        convolution(f"blocks.{number}.second", filters, filters, 3, 1, 1)
        if halves:
            stream.layer("avg_pool_2", 2, 2, 2, 2, 0, 0)
        stream.layer("add_prev_")
        stream.layer("relu_")
        inputs = filters
    stream.layer("avg_pool_2", 0, 0, 1, 1, 0, 0)
    stream.expect("fc_2", EMBEDDING, inputs)
    tensors["head.weight"] = stream.tensor(inputs, EMBEDDING).T.contiguous()
    stream.expect(1, inputs, EMBEDDING, 1, 1, 1, 0, 0, 0, 0, 1, *LEARNING)
    stream.end_layer()
    stream.end()
    return tensors


class _Stream:
    """Reads one thing after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def convolution(
        self, inputs: int, filters: int, side: int, stride: int, padding: int
    ) -> tuple[Float[Tensor, "F I S S"], Float[Tensor, " F"]]:
        """Weights and biases."""
        self.expect("con_4")
        weights = filters * inputs * side * side
        numbers = self.tensor(weights + filters)
        self.expect(filters, side, side, stride, stride, padding, padding)
        self.expect(1, filters, inputs, side, side, 1, 1, filters, 1, 1, *LEARNING)
        return numbers[:weights].reshape(filters, inputs, side, side), numbers[weights:]

    def channel_affine(self, channels: int) -> tuple[Float[Tensor, " C"], Float[Tensor, " C"]]:
        """Factors and shifts of channels."""
        self.expect("affine_")
        numbers = self.tensor(2 * channels)
        self.expect(*(1, 1, channels, 1, 1) * 2, 0)
        return numbers[:channels], numbers[channels:]

    def layer(self, name: str, *settings: int) -> None:
        """One without weights."""
        self.expect(name, *settings)
        self.end_layer()

    def end_layer(self) -> None:
        """What dlib keeps for training: three switches and three empty tensors."""
        switches = self._take(3)
        if not set(switches) <= set(b"01"):
            raise ValueError(f"expected three switches at byte {self._place - 3}, got {switches!r}")
        self.expect(*(2, 0, 0, 0, 0) * 3)

    def tensor(self, *sizes: int) -> Float[Tensor, "..."]:
        """The numbers of one of known sizes, of which a file has four."""
        self.expect(2, *sizes, *(1,) * (4 - len(sizes)))
        numbers = np.frombuffer(self._take(4 * math.prod(sizes)), "<f4")
        if not np.isfinite(numbers).all():
            raise ValueError(f"expected finite numbers before byte {self._place}")
        return torch.from_numpy(numbers.astype(np.float32).reshape(sizes))

    def expect(self, *values: int | float | str) -> None:
        """Reads values that are known."""
        for value in values:
            place = self._place
            if isinstance(value, str):
                found = self._take(self.whole()).decode("latin-1")
            elif isinstance(value, float):
                mantissa, exponent = self.whole(), self.whole()
                found = mantissa * 2.0**exponent
            else:
                found = self.whole()
            if found != value:
                raise ValueError(f"expected {value!r} at byte {place} of the network's file, got {found!r}")

    def whole(self) -> int:
        """A whole number."""
        place, head = self._place, self._take(1)[0]
        count = head & 0x7F
        if not 1 <= count <= 8:
            raise ValueError(f"expected a whole number at byte {place}, got one of {count} bytes")
        value = int.from_bytes(self._take(count), "little")
        return -value if head & 0x80 else value

    def end(self) -> None:
        """Nothing may be left."""
        if self._place != len(self._data):
            raise ValueError(f"expected the network's file to end at byte {self._place}, it has {len(self._data)}")

    def _take(self, count: int) -> bytes:
        taken = self._data[self._place : self._place + count]
        if len(taken) < count:
            raise ValueError(
                f"the network's file ends at byte {len(self._data)}; expected {count} more at {self._place}"
            )
        self._place += count
        return taken


def _single(value: float) -> float:
    """The nearest number of 32 bits, as dlib keeps it."""
    return float(np.float32(value))
