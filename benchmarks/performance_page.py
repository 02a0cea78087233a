"""Writes docs/performance.md from the rows in benchmarks/results.

    python -m benchmarks.performance_page

The last row of each scene, or preset, precision and kind of GPU, counts.
"""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "performance.md"
HEAD = """# Performance

Made from `benchmarks/results/` by `python -m benchmarks.performance_page`; do not edit. `make gpu` measures anew what
needs a GPU.
"""
TRAINING = """## Training on one GPU

`python -m benchmarks.train_step`. Random pictures, networks and losses of the official presets, weights that do not
change. Gaussians are those of an untrained generator, larger than any trained head's, or as large as a trained
model's. Mixed precision: bfloat16 in the four highest-resolution blocks of both networks, TF32 elsewhere. Pictures a
second are of steps as the training loop makes them, R1 in every 16th. The floor is the FLOP of the networks at 400
TFLOP/s. For
comparison: the official release makes 39 pictures a second at 256, batch 32, in 43.9 GB, and 11.7 at 512, batch 16,
in 49.1 GB, measured by this project on another H100 with random weights.
"""
PROFILE = """### Where a step's time goes

`python -m benchmarks.step_profile`. A replayed step without R1, with Gaussians as large as a trained generator's, by
families of kernels (torch's profiler); what they compute, and the bytes of tensors that they read and write. For
comparison: on an H200 a large product of bfloat16 matrices makes 790 TFLOP a second, and a copy moves 4.3 TB. Some
1 x 1 convolutions run as products of matrices; bytes of the rasterizer and of Adam are not known.
"""
LATENCY = """## One head on one GPU

`python -m benchmarks.head_latency`. Milliseconds from a latent to a picture, batch 1, as Python launches it and
replayed as a CUDA graph; and from a latent to Gaussians, replayed. Weights are frozen and random, so that Gaussians are
larger than a trained head's; "trained" has the same networks, and Gaussians whose median scale is that of a trained
model. The official release takes 17.8 - 22.5 ms at 512 and 19.5 - 31 ms at 1024, with random weights.
"""
SCALING = """## Training on several GPUs

{setting}.
`torchrun --nproc-per-node PROCESSES -m benchmarks.several_gpus`, for ffhq512 with `--preset ffhq512 --batch 16`.

Weak scaling with Gaussians as large as a trained generator's: pictures a second of one process, while the others do
the same alone, and of all processes on one run whose batch is as many times larger. Compare within a row. Two hosts
are two torchruns of one machine that NCCL takes for two (`NCCL_HOSTID`), so that gradients go through sockets of the
loopback (`NCCL_SOCKET_IFNAME=lo`) instead of NVLink, while 28 of its 32 cores drew people; a cluster's network was not
tried.

| preset | precision | hosts | GPUs | batch of each | alone | together | together / sum of them alone |
|---|---|---|---|---|---|---|---|
"""
RASTERIZER = """## The rasterizer

The scenes are those of `benchmarks/head_scenes.py`: UV samples of the built-in template as Gaussians, "initial" with
the scales and opacities of an untrained generator, "trained" with smaller and mixed ones; b is the number of heads,
each with a camera of its own. The grid of UV samples is the benchmark's own, with some 50 to 100 more than a model's.
"""
MORE_OF_RASTERIZER = """
Forward + backward with torch's backward pass on the calling thread, which spares small pictures the hand-over
(`torch.autograd.set_multithreading_enabled(False)`). With texture coordinates (two more channels) in the same pass,
with gradients of all outputs, and with deterministic gradients, relative to the columns above; frames a second of a
frozen head in a CUDA graph.
"""
HEADS = """## A new head in the viewer

`python -m benchmarks.viewer_latency --side 256`. Medians on the server's side, milliseconds: from a seed to Gaussians,
from these to their first picture, and to splats for the browser; in parentheses the processor time of all threads,
where it was measured. `heads512` is the bundled model, `heads256` an earlier one.

| model | device | side | head | picture | splats | commit | date |
|---|---|---|---|---|---|---|---|
"""
EVALUATION = """## Evaluation

`python -m benchmarks.evaluate --device cuda --count 10000`. Generated pictures a second: of generator, rasterizer and
detector alone, and together.

| device | preset | detector | generator | rasterizer | detector alone | together |
|---|---|---|---|---|---|---|
"""
WORKERS = """## Data on many cores

Decoding PNG archives with masks (`python -m benchmarks.data_loading --workers 1,2,16`; by threads as gghead does it,
and by processes for comparison) and drawing synthetic heads (`python -m benchmarks.synthetic_heads --workers 2,16`).
Milliseconds are of processor time, all workers together, starts of processes included for synthetic heads.

| work | processor | workers | pictures / s | a core | ms of a picture |
|---|---|---|---|---|---|
"""
PARTS = {
    "maps": "latents to UV maps", "Gaussians": "UV maps to Gaussians", "pictures": "Gaussians to pictures",
    "discriminator": "discriminator", "discriminator by pictures": "discriminator, gradient w.r.t. pictures",
}  # fmt: skip
"""Parts of a step as the page calls them."""
ALONE = ("generator", "rasterizer", "detector")
"""Stages of an evaluation."""
SAME_THREAD = "same_thread_forward_backward_ms"


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The text of the page."""
    networks = [*training_part(), *profile_part(), *scaling_part(), *latency_part()]
    networks += [*viewer_part(), *evaluation_part(), *workers_part()]
    drawing = [*cuda_part(latest("rasterize_cuda")), *cpu_part(latest("rasterize_cpu"))]
    return "\n".join([HEAD, *networks, RASTERIZER, *drawing]) + "\n"


def latest(name: str, *keys: str) -> list[dict[str, Any]]:
    """The last row of each scene, or of what the keys name, in order of first appearance."""
    path = HERE / "results" / f"{name}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = [json.loads(line) for line in lines]
    return list({tuple(row[key] for key in keys or ("scene",)): row for row in rows}.values())


def setting_of(rows: list[dict[str, Any]]) -> str:
    """Machines, versions and days of rows."""
    found = {f"{row['gpu']}, torch {row['torch']}, commit {row['commit'][:12]}, {row['date']}" for row in rows}
    return "; ".join(sorted(found))


def by_gpu(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Rows of each kind of GPU."""
    return [[row for row in rows if row["gpu"] == gpu] for gpu in dict.fromkeys(row["gpu"] for row in rows)]


def training_part() -> list[str]:
    """Tables of training steps."""
    rows = latest("train_step", "preset", "scales", "precision", "gpu")
    return [TRAINING, *(line for some in by_gpu(rows) for line in training_tables(some))] if rows else []


def training_tables(rows: list[dict[str, Any]]) -> list[str]:
    """Tables of steps on one kind of GPU."""
    lines = [
        f"{setting_of(rows)}:\n",
        "| preset | scales | precision | batch | pictures / s | step, ms | R1, more ms | TFLOP | floor / step | GiB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in rows:
        lines.append(
            f"| {row['preset']} | {row['scales']} | {row['precision']} | {row['batch']} | "
            f"{row['pictures_per_second']:.0f} | {milliseconds(row['step_ms'])} | {row['r1_ms']:.0f} | "
            f"{row['tflop']} | {row['floor_share']:.2f} | "
            f"{row['peak_gib']:.1f} |"
        )
    titles = [f"{row['preset']}, {row['scales']}, {row['precision']}" for row in rows]
    lines += ["\nThe parts alone, forward / forward and backward, ms:\n", f"| part | {' | '.join(titles)} |"]
    lines.append("|---" * (len(rows) + 1) + "|")
    for part, title in PARTS.items():
        cells = [f"{row['parts_ms'][part]:.2f} / {row['parts_ms'][f'{part} and back']:.2f}" for row in rows]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    adam = " | ".join(f"{row['parts_ms']['Adam']:.2f}" for row in rows)
    return [*lines, f"| Adam, both networks | {adam} |", ""]


def profile_part() -> list[str]:
    """Tables of what a step consists of."""
    rows = latest("step_profile", "preset", "gpu")
    return [PROFILE, *(line for row in rows for line in profile_table(row))] if rows else []


def profile_table(row: dict[str, Any]) -> list[str]:
    """Table of the step of a preset."""
    lines = [
        f"{setting_of([row])}; {row['preset']}, batch {row['batch']}: {row['step_ms']:.1f} ms, in "
        f"{row['idle_ms']:.1f} of which no kernel runs.\n",
        "| kernels | ms | launches | TFLOP | GB | TFLOP / s | TB / s |", "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, family in row["families"].items():
        ms, tflop, gigabytes = family["ms"], family["tflop"], family["gigabytes"]
        computed = f"{tflop:.1f}", f"{1e3 * tflop / ms:.0f}"
        moved = f"{gigabytes:.1f}", f"{gigabytes / ms:.1f}"
        pairs = zip(computed if tflop else ("", ""), moved if gigabytes else ("", ""), strict=True)
        cells = " | ".join(cell for pair in pairs for cell in pair)
        lines.append(f"| {name} | {ms:.1f} | {family['launches']:.0f} | {cells} |")
    return [*lines, ""]


def scaling_part() -> list[str]:
    """Table of several GPUs."""
    rows = latest("several_gpus", "preset", "precision", "hosts", "processes")
    if not rows:
        return []
    lines = [
        f"| {row['preset']} | {row['precision']} | {row['hosts']} | {row['processes']} | {row['batch']} | "
        f"{row['alone']:.0f} | {row['together']:.0f} | {row['efficiency']:.2f} |"
        for row in rows
    ]
    setting = setting_of([row | {"gpu": f"{row['processes']} x {row['device']}"} for row in rows])
    return [SCALING.format(setting=setting) + "\n".join(lines), ""]


def latency_part() -> list[str]:
    """Table of single heads."""
    rows = latest("head_latency", "preset", "scales", "precision", "gpu")
    return [LATENCY, *(line for some in by_gpu(rows) for line in latency_table(some))] if rows else []


def latency_table(rows: list[dict[str, Any]]) -> list[str]:
    """Table of single heads on one kind of GPU."""
    lines = [
        f"{setting_of(rows)}:\n",
        "| preset | scales | precision | Gaussians | launched | replayed | to Gaussians |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in sorted(rows, key=lambda row: row["resolution"]):
        times = " | ".join(milliseconds(row[f"{name}_ms"]) for name in ("launched", "replayed", "head"))
        lines.append(f"| {row['preset']} | {row['scales']} | {row['precision']} | {row['gaussians']} | {times} |")
    return [*lines, ""]


def viewer_part() -> list[str]:
    """Table of heads in the viewer."""
    rows = [row for row in latest("viewer_latency", "device", "side") if "commit" in row]
    lines = []
    for row in rows:
        times = [f"{row[f'{name}_ms']:.1f}" for name in ("head", "picture", "splats")]
        if "processor_ms" in row:
            times = [f"{time} ({busy:.1f})" for time, busy in zip(times, row["processor_ms"], strict=True)]
        lines.append(
            f"| {Path(row['model']).stem} | {row['device']} | {row['side']} | {' | '.join(times)} | "
            f"{row['commit'][:12]} | {row['date']} |"
        )
    return [HEADS + "\n".join(lines), ""] if rows else []


def evaluation_part() -> list[str]:
    """Table of evaluations."""
    rows = latest("evaluate", "device", "preset", "detector")
    lines = []
    for row in rows:
        alone = " | ".join(f"{row['pictures_per_second_alone'][name]:.0f}" for name in ALONE)
        lines.append(
            f"| {row['device']} | {row['preset']} | {row['detector']} | {alone} | {row['pictures_per_second']:.0f} |"
        )
    return [EVALUATION + "\n".join(lines), ""] if rows else []


def workers_part() -> list[str]:
    """Table of decoding and of synthetic heads by numbers of workers."""
    lines = [
        f"| decoding by {row['way']}, {row['source']} to {row['resolution']} | {row['cpu']} | {row['workers']} | "
        f"{row['pictures_per_second']:.1f} | {row['per_core']:.1f} | {row['processor_ms']:.1f} |"
        for row in latest("data_workers", "way", "workers", "source", "resolution", "cpu")
    ]
    lines += [
        f"| {row['variant']} heads at {row['resolution']} | {row['cpu']} | {row['workers']} | "
        f"{row['pictures_per_second']:.1f} | {row['per_core']:.1f} | {row['processor_ms_per_picture']:.0f} |"
        for row in latest("synthetic_scaling_cpu", "variant", "workers", "resolution", "cpu")
    ]
    return [WORKERS + "\n".join(lines), ""] if lines else []


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
    versions = ", ".join(sorted({row["gsplat"]["version"] for row in rows if row["gsplat"]}))
    lines = [
        "### One GPU\n", "; ".join(setting) + ". `python -m benchmarks.rasterize --device cuda`.\n",
        "Milliseconds of whole calls on an idle GPU, median (20th - 80th percentile). Ours draws rgb, alpha and depth,",
        f"gsplat {versions} rgb and alpha, of the same Gaussians in the same run, and the same picture.\n",
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
        MORE_OF_RASTERIZER,
        "| scene | same thread | gsplat | | uv, forward | uv, both | deterministic | frames / s | gsplat, calls / s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in rows:
        forward, both = row["forward_ms"]["median"], row["forward_backward_ms"]["median"]
        frames = f"{row['frames_per_second']:,.0f}" if row["frames_per_second"] else ""
        calls = f"{row['gsplat']['calls_per_second']:,.0f}" if row["gsplat"] else ""
        own, other = row[SAME_THREAD], row["gsplat"] and row["gsplat"][SAME_THREAD]
        beside = f"{milliseconds(other)} | {ratio(other, own)}" if other else " | "
        lines.append(
            f"| {row['scene']} | {milliseconds(own)} | {beside} | "
            f"{row['with_uv_forward_ms']['median'] / forward:.2f} | "
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
        "### CPU\n",
        f"{row['cpu']}, {row['threads']} threads, torch {row['torch']}, commit {row['commit'][:12]}, {row['date']}. "
        "`python -m benchmarks.rasterize --device cpu --threads 2`.\n",
        "| scene | Gaussians | forward ms | forward + backward ms |", "|---|---|---|---|",
    ]  # fmt: skip
    for row in rows:
        times = f"{milliseconds(row['forward_ms'])} | {milliseconds(row['forward_backward_ms'])}"
        lines.append(f"| {row['scene']} | {row['heads']} x {row['gaussians']} | {times} |")
    return lines


if __name__ == "__main__":
    main()
