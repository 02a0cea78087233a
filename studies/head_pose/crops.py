"""Rendered people as the pose network sees faces: crops around them, and the square that FFHQ's camera sees."""

import io
import math
import time
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageFilter

from benchmarks.photographs.backgrounds import random_background
from gghead.checkpoint.atomic import write_file
from gghead.geometry.canonical_cameras import posed_label
from gghead.geometry.canonical_head import FFHQ_FOCAL
from gghead.photos.crop import Crop
from gghead.photos.cutting import cut
from gghead.photos.faces.finding import find_faces
from gghead.photos.faces.models import FaceModels
from gghead.synthetic.anatomy.landmarks import landmarks
from gghead.synthetic.people.portraits import PERSON, Sitting, head_maker
from gghead.synthetic.people.truth import sight
from gghead.synthetic.render.lighting import metered, random_lighting
from gghead.synthetic.render.renderer import render

TEXTURES_FOR = 256
SIDE, WIDER = 256, 1.8
"""Pixels of a rendering, and how many times FFHQ's square it shows: crops must not show where it ends."""
CROP_SIDE, MARGIN = 128, 1.8
"""Pixels of a crop, and how many times the face's square it shows; the network sees a part, turned and moved."""
VIEWS, VIEW = 4, 8
"""Of each person; purpose of their random stream."""
TURNED, MAX_YAW, YAW_SD = 0.55, 80, 20
"""Share of views whose yaw is uniform up to the second; deviation of the others. Degrees."""
PITCH_SD, MAX_PITCH, ROLL_SD = 12, 35, 0.14
"""Degrees; of the picture as a whole, radians."""
SMALLEST = 48
"""Pixels of the smallest face that is looked for."""


def draw_crops(out: Path, assets: Path | None, models: Path | None, seconds: float, seed: int, workers: int) -> None:
    """Writes the crops that processes draw in a time."""
    end, rows = time.monotonic() + seconds, []
    with get_context("spawn").Pool(workers, _start, (assets, models)) as pool:
        for views in pool.imap(_draw, ((seed, number) for number in count())):
            rows += views
            if time.monotonic() > end:
                pool.terminate()
                break
    write_file(out, lambda path: _save(path, rows))
    print(f"{len(rows)} crops in {out}", flush=True)


def _save(path: Path, rows: list[dict[str, np.ndarray]]) -> None:
    with path.open("wb") as stream:
        np.savez(stream, **{name: np.stack([row[name] for row in rows]) for name in rows[0]})


def _start(assets: Path | None, models: Path | None) -> None:
    global _tools
    _tools = head_maker(Sitting(TEXTURES_FOR, seed=0, assets=assets)), FaceModels(models)


def _draw(task: tuple[int, int]) -> list[dict[str, np.ndarray]]:
    (maker, models), (seed, number) = _tools, task
    rng = np.random.default_rng([seed, number, PERSON])
    lighting = random_lighting(rng)
    head = maker.draw(rng)
    lighting = metered(lighting, head.person.melanin)
    points = landmarks(maker.model, maker.model.morph(head.person.weights), head.place)
    rows = []
    for view_number in range(VIEWS):
        rng = np.random.default_rng([seed, number, VIEW, view_number])
        yaw, pitch = _random_pose(rng)
        label = posed_label(yaw, pitch)
        label[[16, 20]] = FFHQ_FOCAL / WIDER
        view = render(head.scene, label, SIDE, lighting, supersampling=2)
        turned = Crop((SIDE / 2, SIDE / 2), SIDE, rng.normal(0, ROLL_SD))
        pixels = cut(_photographed(rng, view.color, view.coverage), turned, SIDE, "edge")[0]
        faces = find_faces(pixels, models, SMALLEST)
        if not faces:
            continue
        box = faces[0].box
        middle = (box.square.from_photograph(np.full(2, SIDE / 2)) - 0.5).tolist()
        pose = [yaw, pitch, *middle, math.log(SIDE / WIDER / box.side), -turned.roll - box.roll]
        crop, seen = box.square.widened(MARGIN), turned.from_photograph(sight(points, label, view).pixels) * SIDE
        rows.append(
            {
                "person": np.int64(number),
                "pose": np.array(pose, np.float32),
                "crop": cut(pixels, crop, CROP_SIDE, "edge")[0],
                "landmarks": (crop.from_photograph(seen) - 0.5).astype(np.float32),
                "mediapipe": (turned.to_photograph(faces[0].landmarks[:, :2] / SIDE) / SIDE).astype(np.float32),
            }
        )
    return rows


def _random_pose(rng: np.random.Generator) -> tuple[float, float]:
    """Yaw and pitch, radians."""
    turned = rng.random() < TURNED
    yaw = rng.uniform(-MAX_YAW, MAX_YAW) if turned else np.clip(rng.normal(0, YAW_SD), -MAX_YAW, MAX_YAW)
    return math.radians(yaw), math.radians(np.clip(rng.normal(0, PITCH_SD), -MAX_PITCH, MAX_PITCH))


def _photographed(
    rng: np.random.Generator, color: Float32[np.ndarray, "S S 3"], coverage: Float32[np.ndarray, "S S"]
) -> UInt8[np.ndarray, "S S 3"]:
    """In front of a background, with noise, blur, and the traces of JPEG."""
    shown = coverage[..., None]
    picture = color * shown + random_background(rng, SIDE, SIDE, []) * (1 - shown)
    picture = picture * rng.uniform(0.8, 1.15) + rng.normal(0, 1, picture.shape) * rng.uniform(0, 0.03)
    image = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.2)))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=int(rng.integers(60, 96)))
    return np.asarray(Image.open(stream).convert("RGB"))
