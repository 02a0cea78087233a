"""A clone of the asset repository in miniature: patches of the head's own skin as hair, brows and lashes."""

from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from PIL import Image

LIFT = {"hair": 0.1, "eyebrows": 0.02, "eyelashes": 0.03}
"""How far above the skin each kind lies, decimetres along its way from the middle of the head."""
BOXES = {
    "hair": ((-1, 7.7, -1), (1, 9, 1.2)),
    "eyebrows": ((-0.6, 7.35, 1.2), (0.6, 7.5, 2)),
    "eyelashes": ((-0.5, 7.28, 1.3), (0.5, 7.4, 2)),
}
"""Corners of the part of the neutral head that each kind is made of."""
PROXIES = ("hair/short01", "hair/curls", "eyebrows/thick", "eyelashes/long")
SKINS = ("young_lightskinned_female_diffuse", "young_lightskinned_male_diffuse", "old_darkskinned_male_diffuse")


def write_source(folder: Path) -> Path:
    """Makes the clone and returns its folder."""
    with as_file(files("gghead") / "assets" / "headpack.npz") as path, np.load(path, allow_pickle=False) as pack:
        points, quads, index = pack["base_vertices"], pack["skin_quads"], pack["hm08_index"]
    for name in PROXIES:
        low, high = (np.array(corner) for corner in BOXES[name.split("/")[0]])
        inside = ((points[quads] > low) & (points[quads] < high)).all((1, 2))
        write_proxy(folder / "base" / name, points, quads[inside], index, LIFT[name.split("/")[0]])
    base = folder / "base"
    for name in ("hair/short01/short01_diffuse", "hair/curls/curls", "eyebrows/thick/thick", "eyelashes/long/long"):
        save(base / f"{name}.png", striped((90, 60, 40)))
    for name in SKINS:
        save(base / f"skins/textures/{name}.png", striped((90, 60, 45) if "dark" in name else (220, 170, 140), 0.1))
    return folder


def write_proxy(folder: Path, points: np.ndarray, quads: np.ndarray, index: np.ndarray, lift: float) -> None:
    """A .mhclo and its .obj: quads of the base mesh, moved away from the middle of the head."""
    used, corners = np.unique(quads, return_inverse=True)
    corners = corners.reshape(-1, 4) + 1
    away = points[used] - [0, 7.3, 0.5]
    away = lift * away / np.linalg.norm(away, axis=1, keepdims=True)
    first, last = 0, len(points) - 1
    apart = np.abs(points[first] - points[last])
    lines = ["# CC0", "obj_file mesh.obj"]
    lines += [f"{axis}_scale {index[first]} {index[last]} {apart[k]:.6f}" for k, axis in enumerate("xyz")]
    lines.append("verts 0")
    for vertex, (x, y, z) in zip(index[used], away, strict=True):
        lines.append(f"{vertex} {vertex} {vertex} .5 .25 .25 {x:.5f} {y:.5f} {z:.5f}")
    folder.mkdir(parents=True)
    (folder / f"{folder.name}.mhclo").write_text("\n".join([*lines, "weights 0", "1 2"]) + "\n")
    flat = (points[used][:, :2] - points[used][:, :2].min(0)) / np.ptp(points[used][:, :2], axis=0)
    obj = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in points[used]]
    obj += [f"vt {u:.4f} {v:.4f}" for u, v in flat]
    obj += ["f " + " ".join(f"{corner}/{corner}" for corner in quad) for quad in corners]
    (folder / "mesh.obj").write_text("\n".join(obj) + "\n")


def striped(color: tuple[int, int, int], contrast: float = 0.4) -> Image.Image:
    """A small picture of upright stripes, opaque in its middle."""
    side = 64
    stripes = 1 + contrast * np.sin(np.arange(side) * 1.3)[None, :, None]
    picture = np.zeros((side, side, 4))
    picture[..., :3] = np.clip(stripes * np.array(color), 0, 255)
    picture[2:-2, 2:-2, 3] = 255
    return Image.fromarray(picture.astype(np.uint8))


def save(path: Path, image: Image.Image) -> None:
    """Writes a PNG and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
