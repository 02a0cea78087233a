"""Makes the notebooks of the examples: each is run, cell by cell, and what its cells show is kept.

    python notebooks/make.py [NUMBER ...]

A cell of an example begins with `# %%`; comments at its top are the text above it.
"""

import ast
import base64
import io
import json
import os
import sys
import tempfile
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.py"))
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
QUALITY = 88
"""Of the JPEGs inside."""
LEAST_WIDTH = 400
"""Pictures narrower than that are doubled, pixels."""


@dataclass(frozen=True)
class Cell:
    """A piece of an example: text for people, then code."""

    text: str
    code: str


def read_cells(example: Path) -> list[Cell]:
    """Title and cells of an example."""
    head, *bodies = example.read_text().split("# %%\n")
    title, _, summary = ast.get_docstring(ast.parse(head)).partition("\n\n")
    cells = [Cell(f"# {title}\n\n{summary}", "")]
    for body in bodies:
        lines = body.strip().splitlines()
        count = next((index for index, line in enumerate(lines) if not line.startswith("#")), len(lines))
        cells.append(Cell(" ".join(line[2:] for line in lines[:count]), "\n".join(lines[count:]).strip()))
    return cells


def run_cell(code: str, names: dict[str, object]) -> list[dict]:
    """Runs a cell and returns its outputs as a notebook keeps them."""
    tree = ast.parse(code)
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), names)
        if last is not None:
            value = eval(compile(last, "<cell>", "eval"), names)
    outputs = []
    if printed.getvalue():
        text = printed.getvalue().splitlines(keepends=True)
        outputs.append({"output_type": "stream", "name": "stdout", "text": text})
    if value is not None:
        data = {"text/plain": [repr(value)]}
        if isinstance(value, Image.Image):
            buffer = io.BytesIO()
            if value.width < LEAST_WIDTH:
                value = value.resize((2 * value.width, 2 * value.height), Image.Resampling.BICUBIC)
            value.save(buffer, "JPEG", quality=QUALITY)
            data = {"image/jpeg": base64.b64encode(buffer.getvalue()).decode(), "text/plain": ["picture"]}
        outputs.append({"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": None})
    return outputs


def notebook(cells: list[Cell], outputs: list[list[dict]]) -> dict:
    """The notebook of cells and of what each of them showed."""
    made, count = [], 0
    for number, (cell, shown) in enumerate(zip(cells, outputs, strict=True)):
        if cell.text:
            made.append({"cell_type": "markdown", "id": f"text-{number}", "metadata": {}, "source": _lines(cell.text)})
        if cell.code:
            count += 1
            shown = [out | {"execution_count": count} if "execution_count" in out else out for out in shown]
            made.append(
                {
                    "cell_type": "code",
                    "id": f"code-{number}",
                    "metadata": {},
                    "execution_count": count,
                    "source": _lines(cell.code),
                    "outputs": shown,
                }
            )
    return {"cells": made, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}


def make(example: Path, target: Path) -> None:
    """Runs an example in an empty folder and writes its notebook."""
    cells, names = read_cells(example), {"__name__": "__main__"}
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            outputs = [run_cell(cell.code, names) if cell.code else [] for cell in cells]
        finally:
            os.chdir(here)
    target.write_text(json.dumps(notebook(cells, outputs), indent=1) + "\n")


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    for path in EXAMPLES:
        if len(sys.argv) == 1 or path.name[:2] in sys.argv[1:]:
            result = Path(__file__).parent / f"{path.stem}.ipynb"
            make(path, result)
            print(result.name, result.stat().st_size // 1000, "kB")
