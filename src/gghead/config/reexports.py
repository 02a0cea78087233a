"""Public names of a package, imported from the modules that define them when they are first asked for.

`gghead --help` then needs no torch, and a worker process that decodes pictures needs no networks. A package lists its
names as imports that type checkers read and that never run:

    if TYPE_CHECKING:
        from gghead.geometry.cameras import Cameras as Cameras
    else:
        __getattr__, __dir__, __all__ = reexports(__name__, __file__)
"""

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path


def reexports(package: str, file: str) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """The functions __getattr__ and __dir__ and the __all__ of a package, for the public names that its file lists."""
    text = Path(file).read_text(encoding="utf-8")
    (listed,) = (node for node in ast.parse(text).body if isinstance(node, ast.If))
    homes = {
        alias.name: str(statement.module)
        for statement in listed.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    public = sorted(homes)

    def find(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}; it offers {', '.join(public)}")
        value = getattr(import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return find, lambda: public, public
