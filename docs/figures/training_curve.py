"""Draws what a training looked like: logits, distance and sizes of Gaussians over the pictures seen.

    python -m docs.figures.training_curve benchmarks/results/heads256_training.jsonl docs/images/heads256_curve.svg

Reads rows of the logs of its runs, with the pictures seen by all of them, and of its evaluations, if there are any.
"""

import argparse
import json
from pathlib import Path

from gghead.checkpoint.atomic import write_file

WIDTH, HEIGHT, LEFT, TOP, GAP = 760, 190, 60, 30, 60
STEP = 200_000
"""Between the lines of the grid, pictures seen."""
DISTANCES = {
    "frechet_10k": "Frechet distance (EfficientNet-Lite0), 10,000 generated, to pictures held out",
    "distance_3k": "Frechet distance (EfficientNet-Lite0), 3,000 generated, to the training pictures",
    "frechet_1k": "Frechet distance (EfficientNet-Lite0), 1,000 generated, to pictures of 1,000 people held out",
}
"""What stands in rows, best first, and what it means."""
GRIDS = 1, 2, 4, 10, 20, 50, 100
"""Steps between lines of the grid; so large a one is taken that there are eight lines at most."""
Points = list[tuple[float, float]]


def main() -> None:
    """Writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in arguments.rows.read_text(encoding="utf-8").splitlines()]
    most = -(-max(row["images"] for row in rows) // STEP) * STEP

    def points(name: str) -> Points:
        return [(row["images"], row[name]) for row in rows if name in row]

    logits = {"real": points("real_logits"), "generated": points("fake_logits")}
    panels = [panel(0, "logits of the discriminator, over pictures seen", most, (-3, 3), 1, logits)]
    measured = next((name for name in DISTANCES if points(name)), None)
    found = [] if measured is None else [(DISTANCES[measured], "average", points(measured))]
    if points("scale"):
        found.append(("mean norm of the raw scales", "scales", points("scale")))
    for number, (title, name, line) in enumerate(found, start=1):
        top = max(value for _, value in line)
        grid = next(each for each in GRIDS if top <= 8 * each)
        panels.append(panel(number, title, most, (0, -(-top // grid) * grid), grid, {name: line}))
    text = svg(*panels)
    write_file(arguments.out, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def svg(*panels: str) -> str:
    """A picture of panels, one above the other."""
    height = len(panels) * (HEIGHT + GAP) + TOP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + LEFT + 90} {height}" font-family="sans-serif" '
        f'font-size="13"><rect width="100%" height="100%" fill="white"/>{"".join(panels)}</svg>\n'
    )


def panel(number: int, title: str, most: int, span: tuple[float, float], step: int, lines: dict[str, Points]) -> str:
    """Lines over the pictures seen, with a grid and their names at their ends."""
    bottom = TOP + number * (HEIGHT + GAP) + HEIGHT

    def place(images: float, value: float) -> tuple[float, float]:
        across, up = images / most, (value - span[0]) / (span[1] - span[0])
        return round(LEFT + WIDTH * across, 1), round(bottom - HEIGHT * up, 1)

    parts = [f'<text x="{LEFT}" y="{bottom - HEIGHT - 8}" font-weight="bold">{title}</text>']
    for value in range(int(span[0]), int(span[1]) + 1, step):
        y = place(0, value)[1]
        parts.append(f'<path d="M{LEFT} {y}H{LEFT + WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{value}</text>')
    for images in range(0, most + 1, STEP):
        x = place(images, 0)[0]
        parts.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{images // 1000}k</text>')
    for (name, found), color in zip(lines.items(), ("#2563eb", "#dc2626"), strict=False):
        places = [place(*point) for point in found]
        way = " ".join(f"{x},{y}" for x, y in places)
        parts.append(f'<polyline points="{way}" fill="none" stroke="{color}" stroke-width="1.6"/>')
        if len(places) < 20:
            parts += [f'<circle cx="{x}" cy="{y}" r="3.5" fill="{color}"/>' for x, y in places]
        x, y = places[-1]
        parts.append(f'<text x="{x + 8}" y="{y + 4}" fill="{color}">{name} {found[-1][1]:.1f}</text>')
    return "".join(parts)


if __name__ == "__main__":
    main()
