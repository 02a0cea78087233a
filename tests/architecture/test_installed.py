"""What a user installs works: the wheel in an environment of its own, away from the repository."""

import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture(scope="module")
def environment(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the programs of an environment that has gghead from its wheel and borrows what gghead needs."""
    for package in ("hatchling", "pip"):
        if find_spec(package) is None:  # imported, pip would change how this process imports distutils
            pytest.skip("needs the packages that build and install wheels")
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder / "dist"]
    subprocess.run(build, cwd=repository, capture_output=True, check=True)
    (wheel,) = (folder / "dist").iterdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    programs = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
    python = shutil.which("python", path=programs)
    assert python is not None
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(install, capture_output=True, check=True)
    where = run(folder, python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    # The folder alone: an editable gghead in it is a line of a .pth, which is not read from there.
    (Path(where) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return programs


def run(folder: Path, *command: str) -> str:
    """Standard output of a command that knows nothing of the repository."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.slow
def test_the_wheel_works_where_it_is_installed(environment: Path, tmp_path: Path) -> None:
    python, gghead = (str(shutil.which(name, path=environment)) for name in ("python", "gghead"))
    home = run(tmp_path, python, "-c", "import gghead; print(gghead.__file__); print(gghead.load())")
    assert Path(home.splitlines()[0]).is_relative_to(environment.parent)
    assert "Gaussians a head" in home.splitlines()[1]
    assert run(tmp_path, gghead, "--version").startswith("gghead")
    run(tmp_path, gghead, "sample", "--seeds", "0", "--resolution", "64", "--out", "head.png")
    with Image.open(tmp_path / "head.png") as picture:
        assert picture.size == (64, 64)
