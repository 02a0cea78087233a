r"""Files of settings: a line NAME=VALUE each, read as a shell would read them.

Before the name there may be `export`; # begins a comment at the start of a line or after a space. Values may stand in
quotes: in single ones nothing is replaced, else $NAME, ${NAME} and ${NAME:-otherwise} are, by the environment or a line
above. A dollar sign that is meant is written \$.
"""

import os
import re
from pathlib import Path

from gghead.config.printable import printable

LINE = re.compile(
    r"""\s*(?:export\s+)?(?P<name>[A-Za-z_]\w*)\s*=\s*
    (?:'(?P<literal>[^']*)'|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>(?:(?!\s\#)[^'"])*?))
    \s*(?:(?:^|(?<=[\s'"=]))\#.*)?""",
    re.VERBOSE,
)
VARIABLE = re.compile(
    r"\\(?P<escaped>[$\"\\])|\$(?:\{(?P<braced>\w+)(?::-(?P<otherwise>[^}]*))?\}|(?P<name>[A-Za-z_]\w*))"
)


def read_settings(path: Path) -> dict[str, str]:
    """Settings of a file; none if there is no file.

    Raises:
        ValueError: the file is no UTF-8, a line is not NAME=VALUE, or uses a variable that is not set.
    """
    settings: dict[str, str] = {}
    if not path.is_file():
        return settings
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = LINE.fullmatch(line)
        if match is None:
            raise ValueError(
                f"{path}, line {number} is '{printable(line)}'; expected NAME=VALUE, like GGHEAD_MODELS_PATH=/models, "
                "with quotes that end"
            )
        settings[match["name"]] = _value(match, settings, f"{path}, line {number}")
    return settings


def _value(line: re.Match[str], settings: dict[str, str], where: str) -> str:
    """What a line sets its name to; the environment comes before the file, as it does for the settings themselves."""
    if line["literal"] is not None:
        return line["literal"]

    def replacement(match: re.Match[str]) -> str:
        if match["escaped"]:
            # Outside of quotes a backslash is one: C:\\data.
            return match["escaped"] if line["quoted"] is not None or match["escaped"] == "$" else match[0]
        name = match["braced"] or match["name"]
        found = os.environ.get(name) or settings.get(name) or match["otherwise"]
        if found is None and line["name"].startswith("GGHEAD_"):
            raise ValueError(f"{where} uses ${name}, which is not set; set it, or write \\$ for a dollar sign")
        return found or ""

    return VARIABLE.sub(replacement, line["quoted"] if line["quoted"] is not None else line["bare"])
