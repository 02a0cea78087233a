"""Draws what training the bundled model looked like: logits and distance over the pictures seen.

    python benchmarks/training_curve.py docs/images/heads256_curve.svg

Reads benchmarks/results/heads256_training.jsonl, the logs of its runs at 256 x 256.
"""

import argparse
import json
from pathlib import Path

from gghead.checkpoint.atomic import write_file
from rows import RESULTS

WIDTH, HEIGHT, LEFT, TOP, GAP = 760, 190, 60, 30, 60
MOST_IMAGES = 1_200_000
Points = list[tuple[float, float]]


def main() -> None:
    """Writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in (RESULTS / "heads256_training.jsonl").read_text().splitlines()]

    def points(name: str) -> Points:
        return [(row["images"], row[name]) for row in rows if name in row]

    logits = {"real": points("real_logits"), "generated": points("fake_logits")}
    distance = "Frechet distance (EfficientNet-Lite0), 3,000 generated, to the training pictures"
    text = svg(
        panel(0, "logits of the discriminator", (-3, 3), 1, logits),
        panel(1, distance, (0, 16), 4, {"average": points("distance_3k")}),
    )
    write_file(arguments.out, lambda temporary: temporary.write_text(text))


def svg(*panels: str) -> str:
    """A picture of panels, one above the other."""
    height = len(panels) * (HEIGHT + GAP) + TOP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + LEFT + 90} {height}" font-family="sans-serif" '
        f'font-size="13"><rect width="100%" height="100%" fill="white"/>{"".join(panels)}</svg>\n'
    )


def panel(number: int, title: str, span: tuple[float, float], step: int, lines: dict[str, Points]) -> str:
    """Lines over the pictures seen, with a grid and their names at their ends."""
    bottom = TOP + number * (HEIGHT + GAP) + HEIGHT

    def place(images: float, value: float) -> tuple[float, float]:
        across, up = images / MOST_IMAGES, (value - span[0]) / (span[1] - span[0])
        return round(LEFT + WIDTH * across, 1), round(bottom - HEIGHT * up, 1)

    parts = [f'<text x="{LEFT}" y="{bottom - HEIGHT - 8}" font-weight="bold">{title}</text>']
    for value in range(int(span[0]), int(span[1]) + 1, step):
        y = place(0, value)[1]
        parts.append(f'<path d="M{LEFT} {y}H{LEFT + WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{value}</text>')
    for images in range(0, MOST_IMAGES + 1, 200_000):
        x = place(images, 0)[0]
        label = f"{images // 1000}k" if images else "0 pictures seen"
        parts.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="{"middle" if images else "start"}">{label}</text>')
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
