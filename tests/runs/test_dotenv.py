"""Files of settings, read as a shell and python-dotenv read them."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from gghead.runs.dotenv import read_settings


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOM", "/room")
    monkeypatch.delenv("NOPE", raising=False)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=/m", "/m"),
        ("  export  A = /m  ", "/m"),
        ("A=b c # why", "b c"),
        ("A=b#c", "b#c"),
        ("A=", ""),
        ("A= # nothing", ""),
        ('A="b c"  # why', "b c"),
        ('A="# kept"', "# kept"),
        ("A='$ROOM'", "$ROOM"),
        ("A=$ROOM/x", "/room/x"),
        ('A="${ROOM}s"', "/rooms"),
        ("A=${NOPE:-/other}", "/other"),
        ("A=${ROOM:-/other}", "/room"),
        ("A=$NOPE", ""),
        (r"A=cost\$5", "cost$5"),
        (r"A=C:\data\$x", r"C:\data$x"),
        (r'A="a\"b\\c"', r'a"b\c'),
        ("A=b=c", "b=c"),
        ("A=ü", "ü"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_line_sets_its_value(line: str, value: str, encoding: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(f"{line}\r\n# comment\r\nB=2".encode(encoding))
    assert read_settings(tmp_path / ".env") == {"A": value, "B": "2"}


def test_a_line_uses_those_above(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BASE=/big\nROOM=/small\nA=$BASE/$ROOM\n")
    assert read_settings(tmp_path / ".env")["A"] == "/big//room", "the environment comes first"


@pytest.mark.parametrize("line", ["/models", "A='b", 'A="b', "A=it's", "1A=b", "A='b' c", "=b"])
def test_a_line_that_is_no_setting_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"GGHEAD_MODELS_PATH=/m\n{line}\n")
    with pytest.raises(ValueError, match=r"line 2 is .* expected NAME=VALUE"):
        read_settings(tmp_path / ".env")


def test_a_folder_of_ours_needs_its_variables(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GGHEAD_MODELS_PATH=$NOPE/models\n")
    with pytest.raises(ValueError, match=r"line 1 uses \$NOPE, which is not set"):
        read_settings(tmp_path / ".env")


def test_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=b", encoding="utf-16")
    with pytest.raises(ValueError, match="is no UTF-8 text"):
        read_settings(tmp_path / ".env")
    assert read_settings(tmp_path / "none") == {}


@given(content=st.binary(max_size=80))
def test_anything_is_read_or_refused(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "wild.env"
    path.write_bytes(content)
    try:
        settings = read_settings(path)
    except ValueError:
        return
    assert all(name and "$" not in name for name in settings)
