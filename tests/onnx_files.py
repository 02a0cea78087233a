"""Tiny ONNX files, written byte by byte: no package is needed that writes them.

Source of the format: onnx.proto of ONNX (field numbers), protobuf's encoding.
"""

import struct

FLOAT = 1


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def _field(number: int, value: int | bytes | str) -> bytes:
    """A field of a message: a number, or text, bytes or a message."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _value(name: str, shape: list[int | str]) -> bytes:
    """ValueInfoProto of floats; a side that is text is free."""
    sizes = b"".join(_field(1, _field(2 if isinstance(size, str) else 1, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, FLOAT) + _field(2, sizes)))


def _tensor(name: str, shape: list[int], values: list[float]) -> bytes:
    """TensorProto of floats."""
    sizes = b"".join(_field(1, size) for size in shape)
    return sizes + _field(2, FLOAT) + _field(8, name) + _field(9, struct.pack(f"<{len(values)}f", *values))


def _node(kind: str, inputs: list[str], output: str) -> bytes:
    return b"".join(_field(1, name) for name in inputs) + _field(2, output) + _field(4, kind)


def onnx_file(
    weights: list[list[float]],
    bias: list[float],
    sigmoid: bool,
    shape: tuple[int | str, ...] = (1, 3, "side", "side"),
    inputs: tuple[str, ...] = ("picture",),
) -> bytes:
    """A network of one 1 x 1 convolution: rows of weights, one for each channel of its output."""
    flat = [weight for row in weights for weight in row]
    nodes = [_node("Conv", ["picture", "weights", "bias"], "sums" if sigmoid else "alpha")]
    if sigmoid:
        nodes.append(_node("Sigmoid", ["sums"], "alpha"))
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, "tiny")
    graph += _field(5, _tensor("weights", [len(weights), 3, 1, 1], flat)) + _field(
        5, _tensor("bias", [len(bias)], bias)
    )
    graph += b"".join(_field(11, _value(name, list(shape))) for name in inputs)
    graph += _field(12, _value("alpha", [1, len(weights), *shape[2:]]))
    return _field(1, 8) + _field(7, graph) + _field(8, _field(2, 13))
