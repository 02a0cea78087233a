"""Pictures a second through generator, rasterizer and detector: each alone, then all; so one sees who waits for whom.

python -m benchmarks.evaluate --device cuda --count 10000 >> benchmarks/results/evaluate.jsonl
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.rows import commit
from gghead.config.presets import PRESETS
from gghead.data.cache.picture_cache import cache_root
from gghead.evaluation.features import AT_ONCE, collect_features
from gghead.geometry.canonical_cameras import posed_label
from gghead.inference.generated import GeneratedHeads, SamplingProtocol, to_pixels
from gghead.metrics.detectors import load_detector
from gghead.model.generator import build_generator
from gghead.stylegan.folding import freeze


def rate(work: Callable[[], object], pictures: int, seconds: float, device: torch.device) -> float:
    """Pictures a second of a piece of work, repeated for some seconds after one warm-up."""
    work()
    wait(device)
    begin, repeats = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        work()
        wait(device)
        repeats += 1
    return repeats * pictures / (time.perf_counter() - begin)


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="ffhq256", choices=list(PRESETS))
    parser.add_argument("--detector", default="efficientnet-lite0")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each stage alone")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    model = PRESETS[options.preset].model
    generator = build_generator(model.generator, seed=0).to(device).eval()
    freeze(generator)  # as models are loaded
    detector = load_detector(options.detector, cache_root() / "detectors", device)
    yaws = torch.linspace(-0.5, 0.5, 64)
    labels = torch.stack([torch.from_numpy(posed_label(float(yaw), 0.0)) for yaw in yaws])
    fakes = GeneratedHeads(generator, labels, SamplingProtocol(seed=0, resolution=model.discriminator.resolution))
    size = AT_ONCE[device.type]
    span = range(size)
    heads, cameras = fakes.heads(span), fakes.cameras(span)
    rgb = fakes.render(heads, cameras, pairwise=True).rgb
    pixels = to_pixels(rgb)
    stages = {
        "generator": rate(lambda: fakes.heads(span), size, options.seconds, device),
        "rasterizer": rate(lambda: fakes.render(heads, cameras, pairwise=True), size, options.seconds, device),
        "detector": rate(lambda: detector.features(pixels), size, options.seconds, device),
    }
    with TemporaryDirectory() as folder:
        begin = time.perf_counter()
        collect_features(fakes, options.count, detector, Path(folder), device=device)
        together = options.count / (time.perf_counter() - begin)
    row = {
        "preset": options.preset,
        "detector": detector.name,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "cpu",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "count": options.count,
        "pictures_per_second_alone": {name: round(value, 1) for name, value in stages.items()},
        "pictures_per_second": round(together, 1),
        "share_of_time": {name: round(together / value, 3) for name, value in stages.items()},
        "slowest": min(stages, key=stages.__getitem__),
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    print(json.dumps(row))


if __name__ == "__main__":
    main()
