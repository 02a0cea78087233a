"""How soon a new seed shows: making the head, and its first picture or its splats, on the server's side.

python -m benchmarks.viewer_latency [MODEL] --device cpu --side 512
"""

import argparse
import json
import math
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

import torch

from benchmarks.rows import commit
from gghead.geometry.canonical_head import FFHQ_FOCAL
from gghead.runs.places import BUNDLED_MODEL
from gghead.viewer.heads_service import HeadsService
from gghead.viewer.state import HeadChoice, Look, Viewpoint

FFHQ_FOV = math.degrees(2 * math.atan(0.5 / FFHQ_FOCAL))


def main() -> None:
    """Prints one JSON line of medians, milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, nargs="?", default=BUNDLED_MODEL)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    service, look, front = HeadsService(options.device), Look(side=options.side), Viewpoint(fov=FFHQ_FOV)
    rows = []
    for seed in range(-2, options.seeds):  # the first two warm up
        start = time.perf_counter()
        head = service.head(options.model, HeadChoice(seed=seed + 2), front)
        made = time.perf_counter()
        service.picture(head, look, front, options.side, options.side)
        drawn = time.perf_counter()
        service.splats(head, look)
        packed = time.perf_counter()
        if seed >= 0:
            rows.append((made - start, drawn - made, packed - drawn))
    head_ms, picture_ms, splats_ms = (round(1000 * statistics.median(column), 2) for column in zip(*rows, strict=True))
    name = (
        torch.cuda.get_device_name() if options.device.startswith("cuda") else f"{torch.get_num_threads()} CPU threads"
    )
    row = {
        "model": options.model.name,
        "gaussians": head.gaussians.num_gaussians,
        "side": options.side,
        "seeds": options.seeds,
        "device": name,
        "head_ms": head_ms,
        "picture_ms": picture_ms,
        "splats_ms": splats_ms,
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    print(json.dumps(row))


if __name__ == "__main__":
    main()
