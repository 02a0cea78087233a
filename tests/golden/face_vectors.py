"""Pictures for face recognition that every machine makes alike, and the vectors that dlib itself computed of them.

`python tests/golden/face_vectors.py FILE` writes face_vectors.json beside itself; it needs dlib (`pip install
dlib-bin`), which nothing else does, and its dlib_face_recognition_resnet_model_v1.dat.
"""

import json
import sys
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".json")
CORNERS = ((271, 141), (223, 152), (118, 175), (163, 167), (207, 247))
"""Of the cartoon's eyes, outer and inner of its left, of its right, and the base of its nose: whole pixels, counted
from 0, since dlib takes no others."""
CARTOON_SIDE = 400


def patterns() -> np.ndarray:
    """Pictures of the network's size in whole numbers, uint8 [3, 150, 150, 3]."""
    rows, columns = np.mgrid[:150, :150]
    pictures = []
    for number in range(3):
        waves = (rows * columns // (number + 9), rows * (number + 2), columns * 3 + rows * number)
        pictures.append(np.stack([np.abs(wave % 512 - 256).clip(0, 255) for wave in waves], axis=-1))
    return np.array(pictures, np.uint8)


def cartoon() -> np.ndarray:
    """A tilted face of discs, 1.4 times as fine as the network's pictures, uint8 [400, 400, 3]."""
    rows, columns = np.mgrid[:CARTOON_SIDE, :CARTOON_SIDE]
    picture = np.full((CARTOON_SIDE, CARTOON_SIDE, 3), (40, 60, 90), np.uint8)
    discs = [((204, 217), 120, (200, 150, 120)), ((205, 241), 14, (170, 110, 90)), ((221, 302), 22, (150, 50, 60))]
    for middle in ((247, 146), (140, 171)):
        discs += [(middle, 20, (240, 240, 235)), (middle, 9, (50, 40, 30))]
    for (x, y), radius, color in discs:
        picture[(columns - x) ** 2 + (rows - y) ** 2 < radius**2] = color
    return picture


def main() -> None:
    """Asks dlib."""
    import dlib

    network, picture = dlib.face_recognition_model_v1(sys.argv[1]), cartoon()
    face = dlib.full_object_detection(
        dlib.rectangle(0, 0, CARTOON_SIDE, CARTOON_SIDE), [dlib.point(*corner) for corner in CORNERS]
    )
    chips = [*patterns(), dlib.get_face_chip(picture, face, 150, 0.25)]
    vectors = np.array(network.compute_face_descriptor(chips)).round(6).tolist()
    FILE.write_text(json.dumps({"patterns": vectors[:3], "cartoon": vectors[3]}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
