"""Packages offer their public names, and import nothing until one is asked for."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2] / "src"
PACKAGES = [
    ".".join(path.parent.relative_to(ROOT).parts)
    for path in sorted((ROOT / "gghead").rglob("__init__.py"))
    if "reexports(" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_there(package: str) -> None:
    module = import_module(package)
    assert module.__all__ == dir(module) == sorted(module.__all__)
    for name in module.__all__:
        assert not isinstance(getattr(module, name), ModuleType), f"{name} is a module's name, too, and would be hidden"
    with pytest.raises(AttributeError, match=rf"module '{package}' has no attribute 'no_such_name'; it offers "):
        module.no_such_name  # noqa: B018


def test_packages_are_imported_without_what_they_offer() -> None:
    code = f"import sys, {', '.join(PACKAGES)}; print('torch' in sys.modules or 'numpy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
