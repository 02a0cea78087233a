"""Writes docs/performance.md from the rows in benchmarks/results.

    python benchmarks/performance_page.py

The last row of each scene counts.
"""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "performance.md"
HEAD = """# Performance of the rasterizer

Made from `benchmarks/results/` by `python benchmarks/performance_page.py`; do not edit. The scenes are those of
`benchmarks/head_scenes.py`: texels of the built-in template as Gaussians, "initial" with the scales and opacities of an
untrained generator, "trained" with smaller and mixed ones; b is the number of heads, each with a camera of its own.
"""


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page())


def page() -> str:
    """The text of the page."""
    return "\n".join([HEAD, *cuda_part(latest("rasterize_cuda")), *cpu_part(latest("rasterize_cpu"))]) + "\n"


def latest(name: str) -> list[dict[str, Any]]:
    """The last row of each scene, in order of first appearance."""
    path = HERE / "results" / f"{name}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    rows = [json.loads(line) for line in lines]
    return list({row["scene"]: row for row in rows}.values())


def milliseconds(spread: dict[str, float]) -> str:
    """Median and the range from p20 to p80."""
    return f"{spread['median']:.2f} ({spread['p20']:.2f} - {spread['p80']:.2f})"


def ratio(theirs: dict[str, float], ours: dict[str, float]) -> str:
    """How many times faster ours is, by medians."""
    return f"{theirs['median'] / ours['median']:.1f} x"


def cuda_part(rows: list[dict[str, Any]]) -> list[str]:
    """Tables of the CUDA backend."""
    if not rows:
        return []
    setting = sorted(
        {f"{r['gpu']}, torch {r['torch']}, CUDA {r['cuda']}, commit {r['commit'][:12]}, {r['date']}" for r in rows}
    )
    lines = [
        "## One GPU\n", "; ".join(setting) + ". `python benchmarks/rasterize.py --device cuda`.\n",
        "Milliseconds of whole calls on an idle GPU, median (20th - 80th percentile). Ours draws rgb, alpha and depth,",
        "gsplat rgb and alpha, from the same numbers in the same run, and the same picture.\n",
        "| scene | Gaussians | forward | gsplat | | forward + backward | gsplat | | peak MiB | gsplat |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in rows:
        other = row["gsplat"]
        cells = [row["scene"], f"{row['heads']} x {row['gaussians']}"]
        for name in ("forward_ms", "forward_backward_ms"):
            cells.append(milliseconds(row[name]))
            cells += [milliseconds(other[name]), ratio(other[name], row[name])] if other else ["", ""]
        cells += [f"{row['peak_mib']:.0f}", f"{other['peak_mib']:.0f}" if other else ""]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [
        "\nWith texture coordinates (two more channels) in the same pass, with gradients of all outputs, and with",
        "deterministic gradients, in times of the columns above; frames a second of a frozen head in a CUDA graph.\n",
        "| scene | uv, forward | uv, forward + backward | deterministic | frames / s | gsplat, calls / s |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in rows:
        forward, both = row["forward_ms"]["median"], row["forward_backward_ms"]["median"]
        frames = f"{row['frames_per_second']:,.0f}" if row["frames_per_second"] else ""
        calls = f"{row['gsplat']['calls_per_second']:,.0f}" if row["gsplat"] else ""
        lines.append(
            f"| {row['scene']} | {row['with_uv_forward_ms']['median'] / forward:.2f} | "
            f"{row['with_uv_forward_backward_ms']['median'] / both:.2f} | "
            f"{row['deterministic_forward_backward_ms']['median'] / both:.2f} | {frames} | {calls} |"
        )
    first = rows[0]
    return [
        *lines,
        f"\nFirst use: {first['compile_s']} s to compile the kernels, {first['load_s']} s to load them afterwards.\n",
    ]


def cpu_part(rows: list[dict[str, Any]]) -> list[str]:
    """Table of the CPU backend."""
    if not rows:
        return []
    row = rows[0]
    lines = [
        "## CPU\n",
        f"{row['cpu']}, {row['threads']} threads, torch {row['torch']}, commit {row['commit'][:12]}, {row['date']}. "
        "`python benchmarks/rasterize.py --device cpu --threads 2`.\n",
        "| scene | Gaussians | forward ms | forward + backward ms |", "|---|---|---|---|",
    ]  # fmt: skip
    for row in rows:
        times = f"{milliseconds(row['forward_ms'])} | {milliseconds(row['forward_backward_ms'])}"
        lines.append(f"| {row['scene']} | {row['heads']} x {row['gaussians']} | {times} |")
    return lines


if __name__ == "__main__":
    main()
