"""Draws photographs of synthetic people into a folder; what lies there already is kept."""

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from benchmarks.photographs.drawing import draw_photograph, read_photographs
from benchmarks.photographs.truth import mask_path, picture_path, truth_path
from gghead.media.images import encode_png
from gghead.synthetic.anatomy.heads import HeadMaker
from gghead.synthetic.people.portraits import Sitting, head_maker

TEXTURES_FOR = 512
"""Textures of people are made for heads in pictures of this side."""


@dataclass(frozen=True)
class PhotographSet:
    """What decides about all pixels of a set, with the numbers of its photographs.

    Attributes:
        seed: of people, poses, frames and backgrounds.
        assets: folder of an asset pack for textured people, or None for procedural ones.
        backgrounds: pictures without people.
        sides, uncut: see `draw_photograph`.
    """

    seed: int
    assets: Path | None
    backgrounds: tuple[Path, ...]
    sides: tuple[int, int]
    uncut: bool


def draw_folder(folder: Path, count: int, chosen: PhotographSet, workers: int) -> None:
    """Draws the photographs that a folder lacks, in processes; they are the same for any number of these."""
    for name in ("pictures", "masks", "truth"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    missing = [number for number in range(count) if not truth_path(folder, number).exists()]
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        draw = partial(_draw, folder, chosen)
        for done, number in enumerate(pool.map(draw, missing, chunksize=1), 1):
            if done % 50 == 0:
                print(f"{folder}: {done} of {len(missing)}, last {number:04d}", flush=True)


def _draw(folder: Path, chosen: PhotographSet, number: int) -> int:
    maker, photographs = _tools(chosen)
    variant = "procedural" if chosen.assets is None else "textured"
    photograph = draw_photograph(maker, variant, chosen.seed, number, photographs, chosen.sides, chosen.uncut)
    picture_path(folder, number).write_bytes(photograph.jpeg)
    mask_path(folder, number).write_bytes(encode_png(photograph.mask))
    unfinished = truth_path(folder, number).with_suffix(".unfinished")
    unfinished.write_text(photograph.truth.to_json(), encoding="utf-8")
    os.replace(unfinished, truth_path(folder, number))
    return number


@cache
def _tools(chosen: PhotographSet) -> tuple[HeadMaker, list[UInt8[np.ndarray, "h w 3"]]]:
    """What a process keeps for all of its photographs."""
    maker = head_maker(Sitting(resolution=TEXTURES_FOR, seed=0, assets=chosen.assets))
    return maker, read_photographs(chosen.backgrounds)
