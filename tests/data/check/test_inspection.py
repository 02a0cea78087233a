"""What the check finds, counts and says."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gghead.data.check.contact_sheet import LANDMARKS, SIDE, contact_sheet_of, draw_template, project, spread_over_yaw
from gghead.data.check.inspection import Inspection, inspect
from gghead.data.check.inspection_page import histogram, page
from gghead.data.labels import mirror_labels
from gghead.media.encoded import decode_picture
from gghead.media.images import encode_png
from gghead.uv.template import HeadTemplate
from head_cameras import head_labels, written_as
from tiny_archive import COUNT, SIDE as PICTURE_SIDE, frontal_label, labels_json, picture_name, write_zip

Files = dict[str, bytes]
WriteSet = Callable[[Files], Path]
NAMES = [picture_name(index) for index in range(COUNT)]
BLUE = (0, 150, 255)


def with_labels(files: Files, labels: np.ndarray, names: list[str] = NAMES) -> Files:
    return files | {"dataset.json": labels_json([[n, row] for n, row in zip(names, labels.tolist(), strict=True)])}


def test_a_good_set_has_facts_and_no_problems(files: Files, write_set: WriteSet) -> None:
    counts: list[tuple[int, int]] = []
    path = write_set(with_labels(files, head_labels(0, COUNT)))
    inspection = inspect(path, 8, on_progress=lambda done, total: counts.append((done, total)))
    assert inspection.problems == ()
    assert inspection.notes == ()
    assert inspection.sides == {PICTURE_SIDE: COUNT}
    assert inspection.coverages.tolist() == [0.5] * COUNT
    assert counts == [(done, COUNT) for done in range(1, COUNT + 1)]
    text = page(inspection)
    assert "heads_masks_modnet.zip, covering 50 on average" in text
    assert text.endswith("0 problems")


def test_every_problem_of_every_kind_is_named(files: Files, masks: Files, write_set: WriteSet) -> None:
    entries = [[name, frontal_label()] for name in NAMES]
    entries[0][1][0] = 2.0
    entries += [["gone.png", frontal_label()], ["short.png", [1.0]]]
    files["unlabelled.png"] = files[NAMES[0]]
    files[NAMES[1]] = files[NAMES[1]][:60]
    files[NAMES[2]] = encode_png(np.zeros((8, 9, 3), np.uint8))
    masks[NAMES[3]] = encode_png(np.zeros((8, 8), np.uint8))
    del masks[NAMES[4]]
    inspection = inspect(write_set(files | {"dataset.json": labels_json(entries)}), 8)
    facts = {
        NAMES[0]: "no rotation",
        NAMES[1]: "not a readable picture",
        NAMES[2]: "expected a square",
        NAMES[3]: "expected the same size",
        NAMES[4]: "no mask",
        "gone.png": "no such picture",
        "short.png": "1 numbers",
        "unlabelled.png": "no label",
    }
    for name, reason in facts.items():
        assert any(name in problem and reason in problem for problem in inspection.problems), name
    assert "training would fail" in page(inspection)


@pytest.mark.parametrize("content", [b"", b"no zip at all"])
def test_what_is_no_archive_is_one_problem(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "heads.zip").write_bytes(content)
    assert "no readable zip" in page(inspect(tmp_path / "heads.zip", 8))
    with pytest.raises(FileNotFoundError):
        inspect(tmp_path / "none.zip", 8)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("world-to-camera",), "world-to-camera matrices"),
        (("opengl",), "y up, looking along -z"),
        (("flipped-y",), "--from flipped-y"),
        (("opengl", "z-up"), "--from opengl+z-up"),
        (("pixels",), "--from pixels"),
        (("transposed",), "column-major"),
    ],
)
def test_another_convention_is_the_first_problem_with_its_remedy(
    words: tuple[str, ...], said: str, files: Files, write_set: WriteSet
) -> None:
    inspection = inspect(write_set(with_labels(files, written_as(head_labels(2, COUNT, yaw=1.0), words))), 8)
    assert "in another convention" in inspection.problems[0]
    assert said in inspection.problems[0]
    assert "gghead data convert" in inspection.problems[0]


def test_cameras_around_the_head_are_a_note_only(files: Files, write_set: WriteSet) -> None:
    labels = head_labels(0, COUNT)
    labels[:3, [3, 7, 11]] *= 10
    inspection = inspect(write_set(with_labels(files, labels)), 8)
    assert inspection.problems == ()
    assert "60% of the cameras do not look" in inspection.notes[0]


def test_principal_points_outside_of_pictures_need_a_head_in_them(files: Files, write_set: WriteSet) -> None:
    labels = head_labels(0, COUNT, yaw=0.5)
    labels[2, 18] = 1.6
    (problem,) = inspect(write_set(with_labels(files, labels)), 8).problems
    assert problem.startswith("1 cameras have their principal point outside of the picture, (1.6, 0.5) for one")
    # The camera turned away by as much: a crop of a wide photograph.
    turn = np.arctan(1.1 / labels[2, 16])
    turned = labels[2, :16].reshape(4, 4).copy()
    turned[:3, :3] = turned[:3, :3] @ [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
    labels[2, :16] = turned.reshape(-1)
    assert inspect(write_set(with_labels(files, labels)), 8).problems == ()


@pytest.mark.parametrize(("place", "value"), [(20, 800), (17, 0.2), (24, 0.0), (21, 30), (16, 0.01), (20, 9)])
def test_every_number_of_the_intrinsics_is_looked_at(
    place: int, value: float, files: Files, write_set: WriteSet
) -> None:
    labels = head_labels(0, COUNT)
    labels[1, place] = value
    inspection = inspect(write_set(with_labels(files, labels)), 8)
    assert [NAMES[1] in problem for problem in inspection.problems] == [True]


def mirrored_set(files: Files, labels: np.ndarray, mirrored_labels: np.ndarray) -> Files:
    """Each picture twice, the second time mirrored, as EG3D's FFHQ holds them."""
    copies = {f"mirror/{name}": encode_png(decode_picture(files[name]).rgb[:, ::-1]) for name in NAMES}
    both = np.concatenate([labels, mirrored_labels])
    return with_labels(files | copies, both, [*NAMES, *copies])


def test_mirrored_duplicates_are_counted_and_their_labels_compared(
    files: Files, masks: Files, write_set: WriteSet
) -> None:
    labels = head_labels(1, COUNT)
    masks.update({f"mirror/{name}": mask for name, mask in masks.items()})
    inspection = inspect(write_set(mirrored_set(files, labels, mirror_labels(labels))), 8)
    assert inspection.mirrored_pairs == COUNT
    assert inspection.duplicates == 0
    assert inspection.problems == ()
    assert len(inspection.notes) == 1
    assert "5 pictures are mirror images of others, as in EG3D's FFHQ" in inspection.notes[0]
    contradicting = inspect(write_set(mirrored_set(files, labels, labels)), 8)
    assert "5 of them have no mirrored label" in contradicting.notes[1]


def test_duplicates_are_counted(files: Files, write_set: WriteSet) -> None:
    files[NAMES[3]] = files[NAMES[1]]
    inspection = inspect(write_set(files), 8)
    assert (inspection.mirrored_pairs, inspection.duplicates) == (0, 1)
    assert "1 pictures are there twice" in inspection.notes


@pytest.mark.parametrize(
    ("mask", "where", "said"),
    [
        (np.triu(np.eye(16, dtype=np.uint8) + 1), "problems", "never reach white (255)"),
        (np.tri(16, dtype=np.uint8) * 200 + 20, "problems", "never reach black (0)"),
        (np.pad(np.zeros((10, 10), np.uint8), 3, constant_values=255), "problems", "inside out"),
        (np.pad(np.full((1, 1), 255, np.uint8), ((0, 15), (0, 15))), "problems", "all but empty"),
        (np.zeros((16, 16), np.uint8), "problems", "all but empty"),
        (np.full((16, 16), 255, np.uint8), "notes", "white all over"),
        (np.arange(256, dtype=np.uint8).reshape(16, 16), "problems", "neither black nor white"),
    ],
)
def test_odd_masks_are_told(mask: np.ndarray, where: str, said: str, files: Files, tmp_path: Path) -> None:
    write_zip(tmp_path / "heads_masks_modnet.zip", {name: encode_png(mask) for name in NAMES})
    inspection = inspect(write_zip(tmp_path / "heads.zip", files), 8)
    assert said in " ".join(getattr(inspection, where))


def test_no_masks_are_told(files: Files, tmp_path: Path) -> None:
    inspection = inspect(write_zip(tmp_path / "heads.zip", files), 8)
    assert inspection.problems == ()
    assert "there are no masks" in inspection.notes[0]
    assert "masks      none" in page(inspection)


def test_the_histogram_has_a_block_for_every_camera() -> None:
    line = histogram(np.array([-200.0, -89, 0.1, 0.2, 0.3, 89]), 90)
    assert len(line) == 36
    assert (line[0], line[18], line[-1]) == ("▆", "█", "▃")
    assert set(line[1:18]) == {" "}


def colored(sheet: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    """Middle of the pixels of a colour, x and y."""
    rows, columns = np.nonzero((sheet == color).all(axis=-1))
    return np.array([columns.mean(), rows.mean()])


@pytest.mark.parametrize("seed", range(3))
def test_the_template_is_drawn_where_the_camera_sees_it(seed: int) -> None:
    label = head_labels(seed, 1, yaw=0.3, pitch=0.2)[0]
    gray = np.full((64, 64, 3), 128, np.uint8)
    drawn = draw_template(gray, label, HeadTemplate.builtin())
    for position, color in LANDMARKS.values():
        (expected,), _ = project(np.array([position]), label)
        assert np.abs(colored(drawn, color) - expected).max() < 1.5
    eyes = colored(drawn, LANDMARKS["right eye"][1]), colored(drawn, LANDMARKS["left eye"][1])
    assert eyes[0][0] < eyes[1][0], "its right eye is at the viewer's left"
    assert colored(drawn, LANDMARKS["mouth"][1])[1] > eyes[0][1]
    outline = (drawn == BLUE).all(axis=-1)
    assert 0.005 < outline.mean() < 0.1
    vertices, _ = project(HeadTemplate.builtin().vertices.astype(float), label)
    seen = vertices[(vertices[:, 1] > 0) & (vertices[:, 1] < SIDE / 2), 0]  # above the shoulders, which lie across
    left, right = seen.clip(0, SIDE).min(), seen.clip(0, SIDE).max()
    columns = np.flatnonzero(outline[: SIDE // 2].any(axis=0))
    assert abs(columns[0] - left) < 3
    assert abs(columns[-1] - right) < 3


def test_a_wrong_camera_is_seen_on_the_sheet(files: Files, write_set: WriteSet) -> None:
    right = head_labels(0, COUNT, yaw=0.8)
    for words, drawn_share in (((), 1.0), (("opengl",), 0.0), (("world-to-camera",), 0.4), (("pixels",), 0.0)):
        labels = written_as(right, words)
        sheet = contact_sheet_of(inspect(write_set(with_labels(files, labels)), 8), HeadTemplate.builtin())
        assert sheet is not None
        assert sheet.shape == (2 * SIDE, 3 * SIDE, 3)
        tiles = sheet.reshape(2, SIDE, 3, SIDE, 3).swapaxes(1, 2).reshape(6, SIDE, SIDE, 3)[:COUNT]
        outlined = np.mean([(tile == BLUE).all(axis=-1).mean() > 0.01 for tile in tiles])
        assert outlined == 1 if drawn_share == 1 else outlined <= drawn_share, words


def test_a_sheet_survives_any_numbers(files: Files, write_set: WriteSet) -> None:
    rng = np.random.default_rng(0)
    for scale in (0.0, 1e-300, 1.0, 1e300):
        path = write_set(with_labels(files, rng.normal(size=(COUNT, 25)) * scale))
        assert contact_sheet_of(inspect(path, 8), HeadTemplate.builtin()) is not None
    assert contact_sheet_of(Inspection(path), HeadTemplate.builtin()) is None


def test_pictures_of_a_sheet_go_from_left_to_right() -> None:
    labels = head_labels(0, 100)
    chosen = labels[spread_over_yaw(labels)]
    yaw = np.arctan2(chosen[:, 3], chosen[:, 11])
    assert len(chosen) == 15
    assert (np.diff(yaw) > 0).all()
    assert yaw[0] == np.arctan2(labels[:, 3], labels[:, 11]).min()


def saved(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def test_what_files_say_beside_their_pixels_is_counted(files: Files, masks: Files, write_set: WriteSet) -> None:
    pixels, tags = np.full((PICTURE_SIDE, PICTURE_SIDE, 3), 90, np.uint8), Image.Exif()
    tags[0x0112] = 8
    files[NAMES[0]] = saved(pixels, "JPEG", exif=tags)
    files[NAMES[1]] = saved(pixels, "PNG", save_all=True, append_images=[Image.fromarray(255 - pixels)])
    files[NAMES[2]] = saved(pixels, "JPEG", icc_profile=b"Display P3")
    files[NAMES[3]] = encode_png(np.dstack([pixels, pixels[..., 0]]))
    masks[NAMES[4]] = saved(np.where(np.tri(PICTURE_SIDE, dtype=bool), 255, 0).astype(np.uint8), "PNG", exif=tags)
    notes = "\n".join(inspect(write_set(files), 8).notes)
    assert "2 pictures or masks have an EXIF orientation other than 1 and are used as they are stored" in notes
    assert f"1 files hold several pictures (an animation); the first is used; {NAMES[1]} for one" in notes
    assert "1 pictures have a colour profile other than sRGB, which is not applied" in notes
    assert f"1 pictures are transparent, which is ignored beside masks; {NAMES[3]} for one" in notes


def test_colours_multiplied_by_their_opacity_are_told(files: Files, tmp_path: Path) -> None:
    opacity = np.linspace(0, 255, PICTURE_SIDE).round().astype(np.uint8)[None].repeat(PICTURE_SIDE, 0)
    colors = np.full((PICTURE_SIDE, PICTURE_SIDE, 3), 180.0)
    for multiplied in (False, True):
        shown = (colors * (opacity[..., None] / 255 if multiplied else 1)).astype(np.uint8)
        files |= {name: encode_png(np.dstack([shown, opacity])) for name in NAMES}
        notes = inspect(write_zip(tmp_path / "heads.zip", files), 8).notes
        assert any("multiplied by their opacity" in note for note in notes) == multiplied


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8", "no-such-encoding"])
def test_the_page_has_characters_of_the_encoding(encoding: str, files: Files, write_set: WriteSet) -> None:
    text = page(inspect(write_set(files), 8), encoding)
    if encoding != "no-such-encoding":
        text.encode(encoding)
    assert ("█" in text) == (encoding == "utf-8")
    assert "|" in text
