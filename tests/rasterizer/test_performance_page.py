"""docs/performance.md says what the rows say."""

import importlib.util
from pathlib import Path


def test_the_page_is_made_from_the_rows(repository: Path) -> None:
    path = repository / "benchmarks" / "performance_page.py"
    spec = importlib.util.spec_from_file_location("performance_page", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (repository / "docs" / "performance.md").read_text() == module.page(), (
        "run python -m benchmarks.performance_page"
    )
