"""What every test shares: shapes in signatures are checked, fresh memory is poisoned, few threads."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import jaxtyping
import pytest
import torch
from jaxtyping import install_import_hook

from gghead.processes.freed_memory import keep_freed_memory

SOURCE = Path(__file__).resolve().parents[1] / "src"
FOLDERS = "evaluation gaussians geometry inference inversion media metrics model photos stylegan training uv"
"""Whose signatures are checked at every call, where they name shapes; numba's kernels can't be."""
FILES = [
    *(path for folder in FOLDERS.split() for path in (SOURCE / "gghead" / folder).rglob("*.py")),
    *(SOURCE / "gghead" / "data").glob("*.py"),
    *(SOURCE / "gghead" / "rasterizer" / name for name in ("api.py", "reference.py")),
]
# The others have nothing that types don't say, and a reader of pickles makes millions of calls.
CHECKED = [
    ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    for path in FILES
    if "import jaxtyping" in (text := path.read_text(encoding="utf-8")) or "from jaxtyping import" in text
]
keep_freed_memory()  # as commands on the CPU do
install_import_hook(CHECKED, "shape_checks.check")

# Who starts the tests in the background has them ignore Ctrl-C, which some of them send.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A failure is everybody's failure; `pytest --hypothesis-profile explore` looks for new ones.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def poisoned_memory() -> None:
    """Memory from torch.empty holds NaN, so that reading what nobody wrote shows."""
    torch.set_deterministic_debug_mode("error")  # as use_deterministic_algorithms, which imports the compiler
    torch.utils.deterministic.fill_uninitialized_memory = True


def pytest_addoption(parser: pytest.Parser) -> None:
    """What is decided, not computed, is written anew on demand."""
    parser.addoption("--update-snapshots", action="store_true", help="write the files of tests/architecture/snapshots")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """GPU tests are skipped, with the reason, where there is no GPU."""
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the repository."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Help and errors wrap alike everywhere."""
    monkeypatch.setitem(os.environ, "COLUMNS", "120")


@pytest.fixture
def small_textures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Meshes are painted in a sixteenth of the time, where nobody looks at their paint."""
    for name in ("TEXTURE", "RESOLUTION"):
        monkeypatch.setattr(f"gghead.exports.baking.{name}", 256)


@pytest.fixture
def unchecked_shapes() -> Iterator[None]:
    """Lets a test give wrong shapes to see what gghead itself says of them, as users without the checker would."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
