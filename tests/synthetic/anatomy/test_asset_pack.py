import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gghead.synthetic.anatomy.asset_pack import read_pack
from gghead.synthetic.anatomy.build_assets import build_pack, read_obj
from gghead.synthetic.anatomy.head_model import HeadModel
from tiny_assets import BOXES, LIFT, write_source


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel()


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("assets")
    source = write_source(folder / "source")
    build_pack(source, folder / "made")
    return source, folder / "made"


@pytest.fixture
def source(tmp_path: Path, originals: tuple[Path, Path]) -> Path:
    return Path(shutil.copytree(originals[0], tmp_path / "source"))


@pytest.fixture
def pack(tmp_path: Path, originals: tuple[Path, Path]) -> Path:
    return Path(shutil.copytree(originals[1], tmp_path / "pack"))


def test_a_pack_holds_what_its_source_has(pack: Path, model: HeadModel) -> None:
    read = read_pack(pack, model, 0.25)
    assert set(read.proxies["hair"]) == {"short01", "curls"}
    assert set(read.textures["skins_head"]) == {"young_light_female", "young_light_male", "old_dark_male"}
    assert read.textures["hair"]["curls"].shape == (256, 256, 4)
    assert read.textures["hair"]["curls"][..., 3].min() == 0, "alpha is kept"


def test_geometry_lies_where_the_source_puts_it_on_any_head(pack: Path, model: HeadModel) -> None:
    hair = read_pack(pack, model, 0.1).proxies["hair"]["short01"]
    weights = np.zeros(model.target_count, np.float32)
    neutral = model.morph(weights)
    low, high = (np.array(corner) for corner in BOXES["hair"])
    worn = hair.fit(neutral)
    assert ((worn > low - 2 * LIFT["hair"]) & (worn < high + 2 * LIFT["hair"])).all()
    skin = neutral[hair.vertex_refs[:, 0]]
    np.testing.assert_allclose(np.linalg.norm(worn - skin, axis=1), LIFT["hair"], rtol=1e-3)
    # A head twice the size wears hair twice the size.
    np.testing.assert_allclose(hair.fit(2 * neutral), 2 * worn, rtol=1e-3)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("proxies.npz", "proxies.npz is missing"),
        ("textures/eyelashes", "eyelashes holds no .webp"),
        ("textures/hair/curls.webp", "curls.webp is missing"),
        ("textures/skins_body/old_dark_male.webp", "old_dark_male needs a picture in both"),
    ],
)
def test_a_missing_file_is_named(pack: Path, model: HeadModel, path: str, message: str) -> None:
    for file in [pack / path] if (pack / path).is_file() else list((pack / path).iterdir()):
        file.unlink()
    with pytest.raises(FileNotFoundError, match=message):
        read_pack(pack, model, 0.1)


def test_no_folder_and_a_pack_for_another_head_are_refused(pack: Path, model: HeadModel) -> None:
    with pytest.raises(FileNotFoundError, match=r"is no folder; an asset pack was expected; make a pack with `gghead"):
        read_pack(pack / "nowhere", model, 0.1)
    np.savez(pack / "headpack.npz", hm08_index=np.arange(5))
    with pytest.raises(ValueError, match="another head"):
        read_pack(pack, model, 0.1)


def test_damaged_geometry_is_refused(pack: Path, model: HeadModel) -> None:
    with np.load(pack / "proxies.npz") as arrays:
        good = dict(arrays)
    np.savez(pack / "proxies.npz", **{key: value for key, value in good.items() if key != "hair/curls/uvs"})
    with pytest.raises(ValueError, match="hair/curls lacks uvs"):
        read_pack(pack, model, 0.1)
    np.savez(pack / "proxies.npz", **good | {"hair/curls/vertex_refs": good["hair/curls/vertex_refs"] + 50_000})
    with pytest.raises(ValueError, match="refers to vertex"):
        read_pack(pack, model, 0.1)


def test_packs_that_also_hold_teeth_and_brows_are_read(pack: Path, model: HeadModel) -> None:
    with np.load(pack / "proxies.npz") as arrays:
        hair = dict(arrays)
    unused = np.zeros((3, 2), np.float32)
    np.savez(pack / "proxies.npz", **hair, **{"teeth/teeth_base/uvs": unused, "eyebrows/thick/uvs": unused})
    assert set(read_pack(pack, model, 0.1).proxies) == {"hair", "eyelashes"}


def test_pictures_that_were_not_fetched_are_left_out(tmp_path: Path, source: Path) -> None:
    (source / "base/hair/curls/curls.png").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    report = build_pack(source, tmp_path / "pack")
    assert report.left_out == ("hair/curls: its picture was not fetched",)
    assert "hair/short01" in report.names
    assert not (tmp_path / "pack/textures/hair/curls.webp").exists()


def test_a_pack_appears_whole_or_not_at_all(tmp_path: Path, source: Path) -> None:
    for picture in (source / "base/skins/textures").iterdir():
        picture.unlink()
    with pytest.raises(FileNotFoundError, match=r"yields no skins; clone"):
        build_pack(source, tmp_path / "pack")
    assert not list(tmp_path.glob("*pack*"))
    with pytest.raises(FileNotFoundError, match="expected the assets of MakeHuman"):
        build_pack(tmp_path / "empty", tmp_path / "pack")


def test_a_mesh_that_does_not_match_its_placement_is_refused(tmp_path: Path, source: Path) -> None:
    mesh = source / "base/hair/curls/mesh.obj"
    mesh.write_text("v 0 0 0\n" + mesh.read_text())
    with pytest.raises(ValueError, match="places"):
        build_pack(source, tmp_path / "pack")


def test_polygons_become_fans_of_triangles(tmp_path: Path) -> None:
    file = tmp_path / "mesh.obj"
    file.write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 1\nf 1/1 2/2 3/1 4/2\nf 1 2 3\n")
    count, uvs, triangles, uv_triangles = read_obj(file)
    assert count == 4
    assert uvs.tolist() == [[0, 0], [1, 1]]
    assert triangles.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2]]
    assert uv_triangles.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]


def test_skins_keep_the_colours_of_the_head(pack: Path) -> None:
    head = np.asarray(Image.open(pack / "textures/skins_head/young_light_male.webp").convert("RGB"))
    assert np.abs(head.reshape(-1, 3).mean(0) - [220, 170, 140]).max() < 6
