"""One page about a model: the numbers, heads from five sides, their surfaces, and the nearest training pictures."""

import base64
import html
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gghead.checkpoint.atomic import write_file
from gghead.evaluation.consistency import YAWS, view_cameras
from gghead.evaluation.evaluate import Evaluation
from gghead.evaluation.real_statistics import RealStatistics
from gghead.evaluation.report import EvaluationReport
from gghead.geometry.normals import normals_from_depth
from gghead.inference.generated import GeneratedHeads
from gghead.media.images import encode_png, resize, tile, to_uint8
from gghead.metrics.neighbors import nearest

SAMPLES = 8
MAX_SIDE = 256
"""Pictures of the page are not larger, pixels."""
HEAD_DEPTH = 0.5
"""Depth from black to white, world units: from the nose to the ears."""
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:82rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:left;border-bottom:1px solid #ddd}"
    "td.value{text-align:right;font-variant-numeric:tabular-nums}img{max-width:100%;height:auto}"
)


def write_page(path: Path, result: Evaluation, reference: RealStatistics) -> None:
    """Writes a page that needs no other file.

    Args:
        path: file to write, ending in .html.
        result: report, and the heads that it is about.
        reference: the real pictures.
    """
    views, surfaces = head_sheets(result.fakes)
    pairs = neighbor_sheet(result, reference)
    angles = ", ".join(f"{math.degrees(yaw):.0f}" for yaw in YAWS)
    parts = [
        f"<!doctype html><meta charset=utf-8><title>{html.escape(result.report.model)}</title><style>{STYLE}</style>",
        _table(result.report),
        _figure(f"Heads at yaw {angles} degrees, the mapping camera frozen to the front", views),
        _figure("Depth (near is white) and normals from the front and from half sides", surfaces),
        _figure("Generated pictures, and below each the real picture nearest in the detector's features", pairs),
    ]
    write_file(path, lambda temporary: temporary.write_text("\n".join(parts), encoding="utf-8"))


@torch.no_grad()
def head_sheets(fakes: GeneratedHeads) -> tuple[np.ndarray, np.ndarray]:
    """A head a row: its views, and depth and normals of three of them; uint8 [H, W, 3] both.

    Drawn at the protocol's resolution, or at `MAX_SIDE` if that is less, for a page that can be sent.
    """
    side = min(fakes.recipe.resolution, MAX_SIDE)
    cameras = view_cameras(side, fakes.generator.device)
    heads = fakes.generator.decode(fakes.styles(range(SAMPLES), cameras[len(YAWS) // 2]))
    drawn = fakes.render(heads, cameras)
    near = drawn.depth.where(drawn.alpha > 0.5, torch.inf).amin(dim=(2, 3, 4), keepdim=True)
    depth = (1 - (drawn.depth - near) / HEAD_DEPTH).clamp(0, 1).where(drawn.alpha > 0.5, 0).expand_as(drawn.rgb)
    flat = [tensor.flatten(0, 1) for tensor in (drawn.depth, drawn.alpha)]
    normals = normals_from_depth(flat[0], cameras[list(range(len(YAWS))) * SAMPLES])
    shown = ((normals + 1) / 2).where(flat[1] > 0.5, 1).reshape(drawn.rgb.shape)
    sides = list(range(0, len(YAWS), 2))
    surfaces = torch.cat([depth[:, sides], shown[:, sides]], dim=1)
    return _rows(drawn.rgb), _rows(surfaces)


def neighbor_sheet(result: Evaluation, reference: RealStatistics) -> np.ndarray:
    """Generated pictures above the real ones that the detector finds nearest, uint8 [H, W, 3]."""
    usable = result.features.finite.nonzero().flatten()[:SAMPLES].tolist()
    found = nearest(result.features.features[usable], reference.features.usable())
    made = [result.fakes.draw(range(index, index + 1)).pixels[0].permute(1, 2, 0).cpu().numpy() for index in usable]
    real = [reference.dataset.read(int(index), reference.background) for index in found]
    side = min(reference.dataset.resolution, MAX_SIDE)
    return tile(np.stack([resize(np.ascontiguousarray(picture), side) for picture in made + real]), len(usable))


def _rows(pictures: Tensor) -> np.ndarray:
    return tile(to_uint8(pictures).reshape(-1, *pictures.shape[2:]), pictures.shape[1])


def _figure(caption: str, pixels: np.ndarray) -> str:
    data = base64.b64encode(encode_png(pixels)).decode()
    return f'<h2>{html.escape(caption)}</h2><img alt="{html.escape(caption)}" src="data:image/png;base64,{data}">'


def _table(report: EvaluationReport) -> str:
    stated = report.conditions
    rows = "".join(
        f"<tr><td>{html.escape(measure.name)}<td class=value>{measure.text}<td>{measure.direction}"
        f"<td>{html.escape(measure.note)}"
        for measure in report.measures
    )
    remarks = "".join(f"<li>{html.escape(remark)}" for remark in report.remarks)
    return (
        f"<h1>{html.escape(report.model)}</h1><p>Against {stated.data_pictures} pictures of "
        f"{html.escape(report.data)} at {stated.resolution} x {stated.resolution}; {stated.num_images} generated, "
        f"truncation {stated.truncation:g}, seed {stated.seed}, detector {html.escape(stated.detector)}; "
        f"{report.date}.</p><table>{rows}</table><ul>{remarks}</ul>"
    )
