"""How soon a new seed shows: making the head, and its first picture or its splats, on the server's side.

python -m benchmarks.viewer_latency [MODEL] --device cpu --side 512
"""

import argparse
import json
import math
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from benchmarks.rows import commit
from gghead.geometry.canonical_head import FFHQ_FOCAL
from gghead.runs.places import BUNDLED_MODEL
from gghead.viewer.heads_service import HeadsService
from gghead.viewer.state import HeadChoice, Look, Viewpoint

FFHQ_FOV = math.degrees(2 * math.atan(0.5 / FFHQ_FOCAL))


def milliseconds(rows: list[np.ndarray]) -> list[float]:
    """Medians of columns of seconds."""
    return (1000 * np.median(rows, axis=0)).round(2).tolist()


def main() -> None:
    """Prints one JSON line of medians, milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, nargs="?", default=BUNDLED_MODEL)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    service, look, front = HeadsService(options.device), Look(side=options.side), Viewpoint(fov=FFHQ_FOV)
    rows, busy_rows = [], []
    for seed in range(-2, options.seeds):  # the first two warm up
        times = [(time.perf_counter(), time.process_time())]
        head = service.head(options.model, HeadChoice(seed=seed + 2), front)
        times.append((time.perf_counter(), time.process_time()))
        service.picture(head, look, front, options.side, options.side)
        times.append((time.perf_counter(), time.process_time()))
        service.splats(head, look)
        times.append((time.perf_counter(), time.process_time()))
        if seed >= 0:
            passed, busy = np.diff(times, axis=0).T
            rows.append(passed)
            busy_rows.append(busy)
    head_ms, picture_ms, splats_ms = milliseconds(rows)
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
        "processor_ms": milliseconds(busy_rows),
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    print(json.dumps(row))


if __name__ == "__main__":
    main()
