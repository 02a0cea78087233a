"""Makes pages of the site from what stands elsewhere in the repository, and leads links to them there.

mkdocs loads this file as a hook (mkdocs.yml). The page of the command line is what `--help` says; tutorials are the
notebooks. A document in docs/ may link to any file of the repository; on the site such a link leads to the file's page,
or becomes the file's name.
"""

import base64
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from gghead.cli.main import main

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "src/gghead/rasterizer/README.md": "concepts/rasterizer.md",
    **{f"notebooks/{path.name}": f"tutorials/{path.stem}.md" for path in (ROOT / "notebooks").glob("*.ipynb")},
    "CHANGELOG.md": "development/changes.md",
    "CONTRIBUTING.md": "development/contributing.md",
    "src/gghead/assets/PROVENANCE.md": "development/head_data.md",
    "src/gghead/assets/model/README.md": "results/model.md",
    "src/gghead/assets/viewer/PROVENANCE.md": "development/page_viewer.md",
}
"""Documents of the repository outside of docs/, and where they stand on the site."""
COMMANDS = "reference/commands.md"
HELP_WIDTH = 78
"""Letters that fit beside the contents, in a row."""
LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages made from other files."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text()
        if source.endswith(".ipynb"):
            text, pictures = _tutorial(json.loads(text), Path(page).stem)
            for name, content in pictures.items():
                files.append(File.generated(config, f"tutorials/{name}", content=content))
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Leads links that leave docs/ to pages of the site; shows the help of every command on their page."""
    if page.file.src_uri == COMMANDS:
        return "\n".join([markdown, *_helps(main, "gghead")])
    sources = {to: source for source, to in PAGES.items()}
    here = PurePosixPath(sources.get(page.file.src_uri, f"docs/{page.file.src_uri}")).parent
    return LINK.sub(lambda match: _link(match, here, page.file), markdown)


def _tutorial(notebook: dict, name: str) -> tuple[str, dict[str, bytes]]:
    """Page of a notebook, and its pictures by their file names."""
    parts, pictures = [], {}
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/jpeg" in data:
                file = f"{name}_{len(pictures)}.jpg"
                pictures[file] = base64.b64decode(data["image/jpeg"])
                parts.append(f"![What the cell shows]({file})")
            else:
                parts.append(f"```text\n{''.join(output.get('text') or data['text/plain']).rstrip()}\n```")
    parts.append(f"*A notebook: `notebooks/{name}.ipynb`; a script: `examples/{name}.py`.*")
    return "\n\n".join(parts), pictures


def _helps(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[str]:
    """Help of a command and of those below it, a section each."""
    context = click.Context(command, info_name=name, parent=parent, terminal_width=HELP_WIDTH)
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            yield from _helps(command.commands[child], child, context)


def _link(match: re.Match[str], here: PurePosixPath, page: File) -> str:
    text, target, anchor = match[1], match[2], match[3] or ""
    path = os.path.normpath(here / target)
    if path.startswith("docs/"):
        to = path.removeprefix("docs/")
    elif path in PAGES:
        to = PAGES[path]
    elif (ROOT / path).exists():
        return f"{text} (`{path}`)"
    else:
        return match[0]  # mkdocs tells of it
    return f"[{text}]({os.path.relpath(to, PurePosixPath(page.src_uri).parent)}{anchor})"
