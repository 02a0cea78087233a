"""A MakeHuman asset pack in memory: geometry that follows the head (hair, lashes) and painted textures.

A pack is a folder, docs/data.md describes it:
    proxies.npz: for each name "kind/name" the arrays of `Proxy`.
    textures/kind/name.webp: pictures of the kinds of `TEXTURE_KINDS`.
    headpack.npz: optional; the head that the proxies refer to, which must be the packaged one.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int32, UInt8
from PIL import Image

from gghead.synthetic.anatomy.head_model import HeadModel

PROXY_KINDS = ("hair", "eyelashes")
TEXTURE_KINDS = ("skins_head", "skins_body", "hair", "eyelashes")
REMEDY = "make a pack with `gghead data assets`, or leave --assets out for procedural heads"


@dataclass(frozen=True)
class Proxy:
    """Geometry that follows the base mesh; lengths are decimetres.

    Attributes:
        vertex_refs: base vertices that each vertex hangs on.
        weights: their shares.
        offsets: from their weighted mean, for a head of the scale 1.
        scale_refs: two base vertices for each axis, whose distance along it is the head's scale.
        scale_divisors: that distance at the scale 1.
        triangles: of the geometry.
        uvs: texture coordinates.
        uv_triangles: those of the corners of the triangles.
    """

    vertex_refs: Int32[np.ndarray, "n 3"]
    weights: Float32[np.ndarray, "n 3"]
    offsets: Float32[np.ndarray, "n 3"]
    scale_refs: Int32[np.ndarray, "3 2"]
    scale_divisors: Float32[np.ndarray, "3"]
    triangles: Int32[np.ndarray, "m 3"]
    uvs: Float32[np.ndarray, "u 2"]
    uv_triangles: Int32[np.ndarray, "m 3"]

    def fit(self, vertices: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, "n 3"]:
        """Vertices on a head with these base-mesh vertices."""
        first, second = vertices[self.scale_refs[:, 0]], vertices[self.scale_refs[:, 1]]
        scale = np.abs(np.diag(first - second)) / self.scale_divisors
        on_head = self.weights[:, :1] * vertices[self.vertex_refs[:, 0]]
        for k in (1, 2):
            on_head = on_head + self.weights[:, k : k + 1] * vertices[self.vertex_refs[:, k]]
        return (on_head + self.offsets * scale).astype(np.float32)

    @property
    def corner_uvs(self) -> Float32[np.ndarray, "m 3 2"]:
        """Texture coordinates of the corners of the triangles."""
        return self.uvs[self.uv_triangles]


@dataclass(frozen=True)
class AssetPack:
    """What a folder holds, by kind and name.

    Attributes:
        proxies: geometry of the kinds `PROXY_KINDS`.
        textures: pictures of the kinds `TEXTURE_KINDS`, display colours and alpha.
    """

    proxies: dict[str, dict[str, Proxy]]
    textures: dict[str, dict[str, UInt8[np.ndarray, "h w 4"]]]


def read_pack(folder: Path, model: HeadModel, scale: float) -> AssetPack:
    """Reads a pack, its textures shrunk by a factor.

    Args:
        folder: the pack.
        model: the head that its geometry must fit.
        scale: factor of the sides of the textures, above 0 up to 1.

    Raises:
        FileNotFoundError: the folder or a file that every pack has is missing.
        ValueError: a file is not what it should be, or the pack was made for another head.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder; an asset pack was expected; {REMEDY}")
    _check_head(folder, model)
    proxies = _read_proxies(folder / "proxies.npz", model)
    textures = {kind: _read_textures(folder / "textures" / kind, scale) for kind in TEXTURE_KINDS}
    pack = AssetPack(proxies, textures)
    _check_complete(folder, pack)
    return pack


def _check_head(folder: Path, model: HeadModel) -> None:
    path = folder / "headpack.npz"
    if not path.exists():
        return
    with np.load(path, allow_pickle=False) as arrays:
        theirs = arrays["hm08_index"] if "hm08_index" in arrays.files else None
    if theirs is None or not np.array_equal(theirs, model.hm08_index):
        raise ValueError(f"{path} is another head than the packaged one, so that its hair would not fit; {REMEDY}")


def _read_proxies(path: Path, model: HeadModel) -> dict[str, dict[str, Proxy]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; it holds the hair and lashes of a pack; {REMEDY}")
    found: dict[str, dict[str, Proxy]] = {kind: {} for kind in PROXY_KINDS}
    with np.load(path, allow_pickle=False) as arrays:
        for name in sorted({key.rsplit("/", 1)[0] for key in arrays.files}):
            kind, _, short = name.partition("/")
            if kind not in found:
                continue  # earlier packs hold brows, teeth and a tongue, too
            missing = [field.name for field in fields(Proxy) if f"{name}/{field.name}" not in arrays.files]
            if missing:
                raise ValueError(f"{path}: {name} lacks {', '.join(missing)}; {REMEDY}")
            columns = {field.name: arrays[f"{name}/{field.name}"] for field in fields(Proxy)}
            found[kind][short] = Proxy(**{key: _native(values) for key, values in columns.items()})
            largest = int(found[kind][short].vertex_refs.max())
            if largest >= model.vertex_count:
                raise ValueError(
                    f"{path}: {name} refers to vertex {largest} of a head with {model.vertex_count}; {REMEDY}"
                )
    return found


def _native(values: np.ndarray) -> np.ndarray:
    return values.astype(np.int32 if np.issubdtype(values.dtype, np.integer) else np.float32)


def _read_textures(folder: Path, scale: float) -> dict[str, np.ndarray]:
    paths = sorted(folder.glob("*.webp"))
    if not paths:
        raise FileNotFoundError(f"{folder} holds no .webp pictures; every pack has some; {REMEDY}")
    return {path.stem: _read_texture(path, scale) for path in paths}


def _read_texture(path: Path, scale: float) -> UInt8[np.ndarray, "h w 4"]:
    with Image.open(path) as file:
        image = file.convert("RGBA")
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    if size == image.size:
        return np.asarray(image)
    # Pillow weights colours by alpha when it resizes RGBA, so that clear texels do not bleed.
    return np.asarray(image.resize(size, Image.Resampling.BOX if scale < 1 / 3 else Image.Resampling.LANCZOS))


def _check_complete(folder: Path, pack: AssetPack) -> None:
    for kind in PROXY_KINDS:
        bare = sorted(set(pack.proxies[kind]) - set(pack.textures[kind]))
        if bare:
            raise FileNotFoundError(f"{folder / 'textures' / kind / bare[0]}.webp is missing: {kind} needs a picture")
        if not pack.proxies[kind]:
            raise ValueError(f"{folder / 'proxies.npz'} holds no {kind}; {REMEDY}")
    bare = sorted(set(pack.textures["skins_head"]) ^ set(pack.textures["skins_body"]))
    if bare:
        raise FileNotFoundError(f"{folder}: skin {bare[0]} needs a picture in both of skins_head and skins_body")
