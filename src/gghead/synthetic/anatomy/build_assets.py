"""Makes an asset pack from a clone of the public repository makehumancommunity/makehuman-assets (CC0 1.0).

The formats read here are MakeHuman's: .obj meshes, and .mhclo files that say on which vertices of the base mesh hm08 a
mesh hangs. Base vertices are renumbered to those of the packaged head. A pack holds only what textured heads need.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from PIL import Image

from gghead.checkpoint.atomic import new_folder
from gghead.synthetic.anatomy.asset_pack import PROXY_KINDS, Proxy

SKIN_SIDE, BODY_SIDE = 2048, 512
"""Sides of a picture of skin and of what is kept of it below the head."""
HAIR_SIDE, LASHES_SIDE = 1024, 512
POINTER = b"version https://git-lfs"
"""Git LFS leaves files that begin so where a picture was not fetched."""
REMEDY = "clone makehumancommunity/makehuman-assets with Git LFS (`git lfs pull`) and name its folder"


@dataclass(frozen=True)
class BuildReport:
    """What a pack holds, and what was left out and why."""

    names: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class _Head:
    """The packaged head: row of each hm08 vertex (-1 for none), and what part of the atlas its chart covers."""

    rows: np.ndarray
    crop: tuple[float, float, float, float]


def build_pack(source: Path, out: Path, on_progress: Callable[[str], None] | None = None) -> BuildReport:
    """Writes a pack; it appears whole or not at all.

    Args:
        source: clone of the repository, the folder that holds `base`.
        out: folder to make.
        on_progress: called with the name of every part that is ready.

    Raises:
        FileNotFoundError: `source` is not such a clone, or lacks hair, lashes or skins.
        FileExistsError: `out` exists.
        ValueError: a file is not what its name says.
    """
    base = source / "base"
    if not base.is_dir():
        raise FileNotFoundError(f"{base} is no folder; expected the assets of MakeHuman; {REMEDY}")
    head, proxies, names, left_out = _packaged_head(), {}, [], []

    def done(name: str) -> None:
        names.append(name)
        if on_progress is not None:
            on_progress(name)

    with new_folder(out) as folder:
        for kind, side in (("hair", HAIR_SIDE), ("eyelashes", LASHES_SIDE)):
            for path in sorted(base.glob(f"{kind}/*/*.mhclo")):
                picture, proxy = _picture_beside(path), read_proxy(path, head.rows)
                if picture is None or proxy is None:
                    why = "its picture was not fetched" if picture is None else "it hangs on what the head lacks"
                    left_out.append(f"{kind}/{path.stem}: {why}")
                    continue
                proxies[f"{kind}/{path.stem}"] = proxy
                _save(_opened(picture, "RGBA").resize((side, side), Image.Resampling.LANCZOS), folder, kind, path.stem)
                done(f"{kind}/{path.stem}")
        _write_skins(base, folder, head, left_out, done)
        for kind in (*PROXY_KINDS, "skins"):
            if not any(name.startswith(f"{kind}/") for name in names):
                raise FileNotFoundError(f"{base} yields no {kind}; {REMEDY}")
        np.savez_compressed(folder / "proxies.npz", **_arrays(proxies))  # pyright: ignore[reportArgumentType] - no array is called like an option
    return BuildReport(tuple(names), tuple(left_out))


def read_proxy(path: Path, rows: np.ndarray) -> Proxy | None:
    """Reads a .mhclo file and its mesh; None if it hangs on hm08 vertices without a row.

    Args:
        path: the .mhclo file.
        rows: row of each hm08 vertex in the packaged head, -1 for none.

    Raises:
        FileNotFoundError: the mesh that it names is missing.
        ValueError: it has another number of vertices than its mesh.
    """
    scale_refs, divisors = np.zeros((3, 2), np.int64), np.ones(3, np.float32)
    hanging, mesh, in_vertices = [], "", False
    for line in path.read_text(errors="replace", encoding="utf-8-sig").splitlines():
        part = line.split()
        if not part or part[0].startswith("#"):
            continue
        if part[0] in ("x_scale", "y_scale", "z_scale"):
            axis = "xyz".index(part[0][0])
            scale_refs[axis], divisors[axis] = (int(part[1]), int(part[2])), float(part[3])
        elif part[0] == "obj_file":
            mesh = part[1]
        elif part[0] == "verts":
            in_vertices = True
        elif not part[0].lstrip("-").isdigit():
            in_vertices = False
        elif in_vertices:
            hanging.append(part)
    points, uvs, triangles, uv_triangles = read_obj(_existing(path.parent / mesh))
    if len(hanging) != points:
        raise ValueError(f"{path} places {len(hanging)} vertices, its mesh {mesh} has {points}; {REMEDY}")
    refs = np.array([part[:3] if len(part) >= 9 else [part[0]] * 3 for part in hanging], np.int64)
    weights = np.array([part[3:6] if len(part) >= 9 else (1, 0, 0) for part in hanging], np.float32)
    offsets = np.array([part[6:9] if len(part) >= 9 else (0, 0, 0) for part in hanging], np.float32)
    if max(refs.max(), scale_refs.max()) >= len(rows) or (rows[refs] < 0).any() or (rows[scale_refs] < 0).any():
        return None
    return Proxy(rows[refs], weights, offsets, rows[scale_refs], divisors, triangles, uvs, uv_triangles)


def read_obj(path: Path) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Number of vertices, texture coordinates [u, 2], triangles [m, 3] and those of their texture coordinates."""
    count, uvs, faces, uv_faces = 0, [], [], []
    for line in path.read_text(errors="replace", encoding="utf-8-sig").splitlines():
        part = line.split()
        if not part:
            continue
        if part[0] == "v":
            count += 1
        elif part[0] == "vt":
            uvs.append([float(value) for value in part[1:3]])
        elif part[0] == "f":
            corners = [corner.split("/") for corner in part[1:]]
            faces.append([int(corner[0]) - 1 for corner in corners])
            uv_faces.append([int(corner[1]) - 1 if len(corner) > 1 and corner[1] else 0 for corner in corners])
    return count, np.array(uvs or [[0, 0]], np.float32), _fans(faces), _fans(uv_faces)


def _fans(polygons: list[list[int]]) -> np.ndarray:
    fans = [[polygon[0], polygon[k], polygon[k + 1]] for polygon in polygons for k in range(1, len(polygon) - 1)]
    return np.array(fans, np.int64).reshape(-1, 3)


def _write_skins(base: Path, folder: Path, head: _Head, left_out: list[str], done: Callable[[str], None]) -> None:
    left, right, low, high = head.crop
    x0, y0, x1, y1 = (int(share * SKIN_SIDE) for share in (left, 1 - high, right, 1 - low))
    for path in sorted(base.glob("skins/textures/*skinned*_diffuse*.png")):
        name = path.stem.replace("skinned", "").replace("_diffuse", "_").rstrip("_")
        if _is_pointer(path):
            left_out.append(f"skins/{name}: its picture was not fetched")
            continue
        image = _opened(path, "RGB").resize((SKIN_SIDE, SKIN_SIDE), Image.Resampling.LANCZOS)
        _save(image.crop((x0, y0, x1, y1)), folder, "skins_head", name)
        _save(image.resize((BODY_SIDE, BODY_SIDE), Image.Resampling.LANCZOS), folder, "skins_body", name)
        done(f"skins/{name}")


def _packaged_head() -> _Head:
    with as_file(files("gghead") / "assets" / "headpack.npz") as path, np.load(path, allow_pickle=False) as pack:
        index, (left, right, low, high) = pack["hm08_index"], map(float, pack["head_uv_crop"])
    rows = np.full(int(index.max()) + 1, -1)
    rows[index] = np.arange(len(index))
    return _Head(rows, (left, right, low, high))


def _arrays(proxies: dict[str, Proxy]) -> dict[str, np.ndarray]:
    """Half the bytes: 16 bits are 0.005 mm of an offset."""
    arrays = {}
    for name, proxy in proxies.items():
        arrays |= {
            f"{name}/{key}": value.astype(np.uint16)
            for key, value in vars(proxy).items()
            if key in ("vertex_refs", "scale_refs", "triangles", "uv_triangles")
        }
        arrays |= {f"{name}/{key}": vars(proxy)[key].astype(np.float16) for key in ("weights", "offsets")}
        arrays |= {f"{name}/{key}": vars(proxy)[key].astype(np.float32) for key in ("uvs", "scale_divisors")}
    return arrays


def _picture_beside(path: Path) -> Path | None:
    """The picture of a mesh: colours if there are several, the first by name."""
    pictures = sorted(path.parent.glob("*.png"), key=lambda picture: ("diffuse" not in picture.stem, picture.name))
    pictures = [picture for picture in pictures if not _is_pointer(picture)]
    return pictures[0] if pictures else None


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; {REMEDY}")
    if _is_pointer(path):
        raise FileNotFoundError(f"{path} is a pointer of Git LFS, not the file; {REMEDY}")
    return path


def _is_pointer(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(POINTER)) == POINTER


def _opened(path: Path, mode: str) -> Image.Image:
    with Image.open(path) as image:
        return image.convert(mode)


def _save(image: Image.Image, folder: Path, kind: str, name: str) -> None:
    path = folder / "textures" / kind / f"{name}.webp"
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, "WEBP", quality=90, method=6, alpha_quality=95)
