"""Times the rasterizer, after it has shown that pictures and gradients are right; prints no number if they are not.

    python -m benchmarks.rasterize --device cpu --threads 2
    python -m benchmarks.rasterize --device cuda

Appends one row of JSON for each scene to benchmarks/results/rasterize_<device>.jsonl. On a GPU gsplat is timed beside
it where it can be imported.
"""

import argparse

import torch


def main() -> None:
    """Runs the benchmark of a device."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads on the CPU")
    parser.add_argument("--repeats", type=int, help="timed runs of each scene, at least 10")
    parser.add_argument("--scenes", nargs="*", help="names of the GPU's scenes; all if none are given")
    parser.add_argument("--commit", help="of this copy, if it has no history")
    arguments = parser.parse_args()
    # Imported here: the one needs numba, the other cuda-core.
    if arguments.device == "cpu":
        from benchmarks import rasterize_cpu

        rasterize_cpu.run(arguments.threads, max(arguments.repeats or 15, 10))
    else:
        from benchmarks import rasterize_cuda

        rasterize_cuda.run(max(arguments.repeats or 50, 10), arguments.scenes, arguments.commit)


if __name__ == "__main__":
    main()
