import os
import re
from pathlib import Path, PurePath

import pytest
from hypothesis import example, given, strategies as st
from PIL import Image

from gghead.photos.sources import Shots, find_shots
from gghead.photos.sources.naming import MAX_NAME_BYTES, archive_name


def test_the_sheet_of_a_dataset_is_no_photograph(tmp_path: Path) -> None:
    for name in ("a.jpg", "ffhq_sheet.jpg", "ffhq_photos.json", "bed_sheet.jpg"):
        (tmp_path / name).write_bytes(b"")
    assert [Path(shot.source).name for shot in find_shots([tmp_path], every=1)] == ["a.jpg", "bed_sheet.jpg"]


def picture(path: Path, gray: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), (gray, gray, gray)).save(path)
    return path


def names(shots: Shots) -> list[str]:
    return [shot.name for shot in shots]


@pytest.fixture
def holiday(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with pictures, beside which tests run."""
    monkeypatch.chdir(tmp_path)
    for gray, name in enumerate(["b.jpg", "a.jpg", "a.png", "beach/a.jpg", "beach/deeper/IMG (2).JPEG", "c.webp"]):
        picture(tmp_path / "holiday" / name, gray)
    for junk in ["Thumbs.db", ".hidden.jpg", ".cache/x.jpg", "notes.txt", "__MACOSX/a.jpg", "raw/x.CR2", "._b.jpg"]:
        (tmp_path / "holiday" / junk).parent.mkdir(exist_ok=True)
        (tmp_path / "holiday" / junk).write_bytes(b"junk")
    return Path("holiday")


EXPECTED = ["a_jpg", "a_png", "b_jpg", "beach/a_jpg", "beach/deeper/IMG (2)_JPEG", "c_webp"]


def test_a_folder_is_searched_with_all_that_lies_in_it(holiday: Path) -> None:
    shots = find_shots([holiday], every=1)
    assert names(shots) == [f"holiday/{name}" for name in EXPECTED]
    assert len(shots) == 6
    assert [shot.source for shot in shots][3] == str(holiday / "beach" / "a.jpg")
    assert [shot.read()[0, 0, 0] for shot in shots] == [1, 2, 0, 3, 4, 5]
    assert {shot.frame for shot in shots} == {None}


def test_going_on_reads_nothing_of_what_is_skipped(holiday: Path) -> None:
    shots = find_shots([holiday], every=1)
    for first in range(8):
        assert [shot.name for shot in shots.since(first)] == names(shots)[first:]


def test_names_do_not_depend_on_where_a_folder_lies_or_what_lies_beside_a_picture(holiday: Path) -> None:
    before = names(find_shots([holiday], every=1))
    assert names(find_shots([holiday.absolute()], every=1)) == before
    assert names(find_shots([f"{holiday}/"], every=1)) == before
    os.chdir(holiday / "beach")
    assert names(find_shots(["../../holiday"], every=1)) == before
    assert names(find_shots(["."], every=1)) == ["a_jpg", "deeper/IMG (2)_JPEG"]
    os.chdir("../..")
    (holiday / "a.jpg").unlink()
    picture(holiday / "beach" / "A.png")
    after = names(find_shots([holiday], every=1))
    assert set(before) - set(after) == {"holiday/a_jpg"}
    assert set(after) - set(before) == {"holiday/beach/A_png"}


def test_files_patterns_and_folders_give_the_same_names(holiday: Path) -> None:
    whole = names(find_shots([holiday], every=1))
    assert names(find_shots([holiday / "beach" / "a.jpg"], every=1)) == ["holiday/beach/a_jpg"]
    assert names(find_shots([(holiday / "beach" / "a.jpg").absolute()], every=1)) == ["beach/a_jpg"]
    assert names(find_shots(["holiday/*.*"], every=1)) == ["holiday/a_jpg", "holiday/a_png", "holiday/b_jpg", whole[5]]
    assert sorted(names(find_shots(["holiday/**"], every=1))) == whole
    assert sorted(names(find_shots(["holiday/**/*.[jJ]*", "holiday/*[gp]"], every=1))) == whole
    assert names(find_shots(["hol*"], every=1)) == whole
    picture(Path("one[1].jpg"))
    assert names(find_shots(["one[1].jpg"], every=1))[0].startswith("one_1__jpg-")


def test_a_file_that_is_reached_twice_counts_once(holiday: Path) -> None:
    (holiday / "again.jpg").symlink_to("a.jpg")
    (holiday / "loop").symlink_to("..")
    (holiday / "beach" / "loop").symlink_to(".")
    (holiday / "beach" / "second loop").symlink_to(".")
    arguments = [holiday / "b.jpg", holiday, holiday / "beach", "holiday/**/*.png", "holiday/**", holiday.absolute()]
    assert sorted(names(find_shots(arguments, every=1))) == [f"holiday/{name}" for name in EXPECTED]


def test_files_that_a_command_writes_are_no_photographs(holiday: Path) -> None:
    assert names(find_shots([holiday], 1, [Path("holiday/beach/../a.jpg").absolute()])) == [
        f"holiday/{name}" for name in EXPECTED if name != "a_jpg"
    ]


def test_two_folders_of_one_name_keep_apart(tmp_path: Path) -> None:
    pictures = [picture(tmp_path / where / "people" / "a.jpg") for where in "xy"]
    first, second = names(find_shots([tmp_path / "x" / "people", tmp_path / "y" / "people"], every=1))
    assert first == "people/a_jpg"
    assert re.fullmatch(r"people/a_jpg-[0-9a-f]{8}", second)
    assert len(set(names(find_shots(pictures, every=1)))) == 2


def test_a_file_of_unknown_ending_is_taken_for_what_it_holds(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", gray=7).rename(tmp_path / "a.scan")
    (tmp_path / "b.scan").write_bytes(b"no picture at all")
    good, bad = find_shots([tmp_path / "*.scan"], every=1)
    assert good.read()[0, 0, 0] == 7
    with pytest.raises(ValueError, match="no picture of a known kind"):
        bad.read()
    assert len(find_shots([tmp_path / "b.scan"], every=1)) == 1


def test_copies_have_one_digest(tmp_path: Path) -> None:
    first, second, other = (picture(tmp_path / f"{name}.png", gray) for name, gray in [("a", 1), ("b", 1), ("c", 2)])
    digests = [shot.digest() for shot in find_shots([first, second, other], every=1)]
    assert digests[0] == digests[1] != digests[2]


def test_files_that_vanish_or_are_empty_are_a_sentence(tmp_path: Path) -> None:
    gone = picture(tmp_path / "gone.jpg")
    (tmp_path / "empty.jpg").touch()
    empty, vanished = find_shots([tmp_path], every=1)
    gone.unlink()
    with pytest.raises(ValueError, match="the file is empty; expected"):
        empty.read()
    for use in (vanished.read, vanished.digest):
        with pytest.raises(ValueError, match=r"can't be opened \(No such file or directory\); expected"):
            use()


def test_what_holds_no_photographs_is_told(tmp_path: Path) -> None:
    for name in ("a.CR2", "b.cr2", "c.txt", "README", ".jpg"):
        (tmp_path / name).touch()
    kinds = re.escape("4 other files lie there (.cr2, .txt, without an ending)")
    with pytest.raises(ValueError, match=rf"holds no photographs; expected JPEG.*{kinds} - name"):
        find_shots([tmp_path], every=1)
    with pytest.raises(FileNotFoundError, match=r"there is no .*gone\.jpg; expected JPEG"):
        find_shots([tmp_path / "gone.jpg"], every=1)
    with pytest.raises(FileNotFoundError, match=r"nothing matches .*; expected a pattern"):
        find_shots([f"{tmp_path}/**/*.jpg"], every=1)
    with pytest.raises(FileNotFoundError, match=r"nothing matches a\*\*b"):
        find_shots(["a**b"], every=1)
    with pytest.raises(FileNotFoundError, match="is an address; expected files of this machine - download"):
        find_shots(["https://example.com/a.jpg"], every=1)
    with pytest.raises(FileNotFoundError, match="there is no"):
        find_shots(["x" * 5000], every=1)
    with pytest.raises(FileNotFoundError, match="there is no"):
        find_shots(["a\0b"], every=1)
    (tmp_path / "link.jpg").symlink_to("nothing")
    with pytest.raises(FileNotFoundError, match="is a link to what is not there"):
        find_shots([tmp_path / "link.jpg"], every=1)
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ValueError, match="neither a file nor a folder"):
        find_shots([tmp_path / "pipe.jpg"], every=1)
    with pytest.raises(ValueError, match="no photographs are named"):
        find_shots([], every=1)
    with pytest.raises(ValueError, match="every is 0; expected"):
        find_shots([tmp_path], every=0)


def test_folders_that_cannot_be_opened_are_told(holiday: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: Path) -> object:
        if path.name == "beach":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", closed)
    shots = list(find_shots([holiday], every=1))
    assert len(shots) == 5
    with pytest.raises(ValueError, match=r"folder can't be opened \(Permission denied\); expected .* mend"):
        shots[3].read()
    with pytest.raises(ValueError, match="beach: the folder can't be opened"):
        find_shots([holiday / "beach"], every=1)


def test_names_that_are_no_utf_8(tmp_path: Path) -> None:
    plain = picture(tmp_path / "folder" / "plain.png", gray=9)
    os.rename(plain, os.fsencode(plain.parent) + b"/\xff\xfe.png")
    (shot,) = find_shots([tmp_path / "folder"], every=1)
    assert shot.read()[0, 0, 0] == 9
    assert re.fullmatch(r"folder/___png-[0-9a-f]{8}", shot.name)
    assert shot.source.encode().endswith(rb"\xff\xfe.png")


def test_names_from_deep_folders_stay_short(tmp_path: Path) -> None:
    places = [tmp_path / "d" / "/".join("a" * 120) / side / "x.png" for side in ("left", "right")]
    for place in places:
        picture(place)
    left, right = names(find_shots([tmp_path / "d"], every=1))
    assert max(len(left), len(right)) <= MAX_NAME_BYTES + 9
    assert left != right


PARTS = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=200).filter(lambda part: part not in "..")
DISLIKED = re.compile(r'[\0-\x1f\x7f\\:*?"<>|\ud800-\udfff]|(^|/)[. ]|[. ](/|$)|//|^/|/$')


@given(st.lists(PARTS, min_size=1, max_size=5))
@example(["aux", "con.jpg"])
@example(["a" * 300 + ".jpg"])
@example([".."])
def test_names_suit_every_system(parts: list[str]) -> None:
    name = archive_name(PurePath(*parts))
    assert not DISLIKED.search(name)
    assert len(name.encode()) <= MAX_NAME_BYTES + 9
    assert not {part.partition(".")[0].lower() for part in name.split("/")} & {"con", "aux", "nul"}
    assert archive_name(PurePath(*parts)) == name


@given(st.sets(st.tuples(PARTS, st.sampled_from(["a.jpg", "a.png", "b.png", "a_jpg.png"])), min_size=2, max_size=20))
def test_other_paths_have_other_names(paths: set[tuple[str, str]]) -> None:
    assert len({archive_name(PurePath(*path)) for path in paths}) == len({PurePath(*path) for path in paths})
