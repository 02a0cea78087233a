"""Draws the sheets of synthetic heads that docs/data.md shows: a person in each row, from all sides.

python -m studies.synthetic_sheet --out docs/images/heads_procedural.webp
python -m studies.synthetic_sheet --assets PACK --out docs/images/heads_textured.webp
"""

import argparse
import math
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from gghead.geometry.canonical_cameras import posed_label
from gghead.synthetic.anatomy.heads import HeadMaker
from gghead.synthetic.people.portraits import LIGHT, PERSON, Sitting, head_maker, random_background
from gghead.synthetic.render.lighting import metered, random_lighting
from gghead.synthetic.render.renderer import render

SIDE, WIDER = 256, 1.4
"""Pixels of a picture, and how many times FFHQ's square it shows."""
YAWS, PITCH = (0, 40, 90, 180), 4
"""Degrees."""
COLUMNS, ROWS = 2, 4
"""People beside each other and below each other."""


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=Path, help="asset pack of textured people; procedural ones without it")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    maker = head_maker(Sitting(SIDE, options.seed, assets=options.assets))
    strips = [np.hstack(_views(maker, options.seed, number)) for number in range(COLUMNS * ROWS)]
    sheet = np.vstack([np.hstack(strips[first : first + COLUMNS]) for first in range(0, len(strips), COLUMNS)])
    Image.fromarray(sheet).save(options.out, quality=85)


def _views(maker: HeadMaker, seed: int, number: int) -> list[UInt8[np.ndarray, "S S 3"]]:
    head = maker.draw(np.random.default_rng([seed, number, PERSON]))
    rng = np.random.default_rng([seed, number, LIGHT])
    lighting, background = metered(random_lighting(rng), head.person.melanin), random_background(rng, SIDE)
    pictures = []
    for yaw in YAWS:
        label = posed_label(math.radians(yaw), math.radians(PITCH))
        label[[16, 20]] /= WIDER
        view = render(head.scene, label, SIDE, lighting, supersampling=2)
        shown = view.coverage[..., None]
        pictures.append(((view.color * shown + background * (1 - shown)) * 255).round().astype(np.uint8))
    return pictures


if __name__ == "__main__":
    main()
