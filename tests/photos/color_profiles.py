"""Colour profiles by the ICC specification (ICC.1:2022), for what Pillow can't make: other primaries, and inks."""

import struct

import numpy as np

DISPLAY_P3 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
"""Linear red, green and blue of Display P3 -> XYZ, adapted to D50 (SMPTE EG 432-1, Bradford)."""
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
"""The same of sRGB (IEC 61966-2-1)."""


def display_profile(primaries: np.ndarray) -> bytes:
    """Of a display with the transfer function of sRGB; primaries are the columns of linear RGB -> XYZ."""
    curve = b"para" + struct.pack(">4xHxx", 3) + _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    tags = {b"wtpt": b"XYZ \0\0\0\0" + _fixed(0.9642, 1, 0.8249)}
    for index, letter in enumerate(b"rgb"):
        tags[bytes([letter]) + b"XYZ"] = b"XYZ \0\0\0\0" + _fixed(*primaries[:, index])
        tags[bytes([letter]) + b"TRC"] = curve
    return _profile(b"mntr", b"RGB ", b"XYZ ", 0x04300000, tags)


def ink_profile(lab: np.ndarray) -> bytes:
    """Of a printer of four inks; lab [2, 2, 2, 2, 3] holds L*a*b* without and with cyan, magenta, yellow, black."""
    ramp = np.arange(256, dtype=np.uint8).tobytes()
    corners = (lab * [2.55, 1, 1] + [0, 128, 128]).round().clip(0, 255).astype(np.uint8).tobytes()
    table = b"mft1" + struct.pack(">4xBBBx", 4, 3, 2) + _fixed(*np.eye(3).ravel()) + ramp * 4 + corners + ramp * 3
    tags = {b"wtpt": b"XYZ \0\0\0\0" + _fixed(0.9642, 1, 0.8249), b"A2B0": table, b"A2B1": table}
    return _profile(b"prtr", b"CMYK", b"Lab ", 0x02400000, tags)


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _profile(kind: bytes, space: bytes, connection: bytes, version: int, tags: dict[bytes, bytes]) -> bytes:
    place = 128 + 4 + 12 * len(tags)
    directory, content = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        directory += name + struct.pack(">II", place + len(content), len(value))
        content += value + bytes(-len(value) % 4)
    date = struct.pack(">6H", 2020, 1, 1, 0, 0, 0)
    header = struct.pack(">I4xI", place + len(content), version) + kind + space + connection + date + b"acsp"
    return header.ljust(68, b"\0") + _fixed(0.9642, 1, 0.8249).ljust(60, b"\0") + directory + content
