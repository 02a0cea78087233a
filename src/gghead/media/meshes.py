"""Triangle meshes and their file: glTF 2.0 in one binary .glb, which Blender, Unity, Unreal and web pages open.

Source: Khronos Group, glTF 2.0 specification; the extension KHR_materials_unlit.
"""

import json
import struct
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

from gghead.media.images import encode_png

MAGIC, VERSION = 0x46546C67, 2
JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942
FLOAT, UNSIGNED_INT = 5126, 5125
VERTEX_DATA, INDEX_DATA = 34962, 34963
CLAMP_TO_EDGE, LINEAR, LINEAR_MIPMAP_LINEAR = 33071, 9729, 9987


@dataclass(frozen=True)
class Mesh:
    """Triangles, counter-clockwise when seen from outside.

    Attributes:
        vertices: positions.
        normals: unit normals of the vertices.
        faces: vertex indices of the triangles.
        uvs: texture coordinates in [0, 1], u to the right, v down, as in glTF; None without a texture.
        texture: display sRGB, row 0 at v = 0; None without.
        colors: of the vertices, display sRGB and opacity, instead of a texture; None without.
    """

    vertices: Float[np.ndarray, "V 3"]
    normals: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]
    uvs: Float[np.ndarray, "V 2"] | None = None
    texture: UInt8[np.ndarray, "H W 3"] | None = None
    colors: UInt8[np.ndarray, "V 4"] | None = None


def vertex_normals(vertices: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Float[np.ndarray, "V 3"]:
    """Unit normals: the area-weighted mean of those of the triangles around a vertex; z where there is none."""
    a, b, c = (vertices[faces[:, corner]].astype(np.float64) for corner in range(3))
    cross = np.cross(b - a, c - a)
    sums = np.stack(
        [np.bincount(faces.ravel(), np.repeat(cross[:, axis], 3), len(vertices)) for axis in range(3)], axis=1
    )
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(lengths > 1e-20, sums / np.maximum(lengths, 1e-20), [0.0, 0.0, 1.0]).astype(np.float32)


def encode_glb(mesh: Mesh, name: str = "head") -> bytes:
    """Content of a .glb file.

    The material is unlit, since the light is in the colours already; readers that don't know unlit materials see a
    rough dielectric of the same colours.

    Raises:
        ValueError: there is no triangle, or a number that is not finite.
    """
    if not len(mesh.faces):
        raise ValueError("the mesh has no triangles; a .glb needs some")
    if not (np.isfinite(mesh.vertices).all() and np.isfinite(mesh.normals).all()):
        raise ValueError("the mesh has vertices that are not finite; look at the head that it is made of")
    buffer = _Buffer()
    attributes = {
        "POSITION": buffer.add_vertices(mesh.vertices, "VEC3", bounds=True),
        "NORMAL": buffer.add_vertices(mesh.normals, "VEC3"),
    }
    material: dict[str, object] = {"metallicFactor": 0, "roughnessFactor": 1}
    extra: dict[str, object] = {}
    if mesh.uvs is not None and mesh.texture is not None:
        attributes["TEXCOORD_0"] = buffer.add_vertices(mesh.uvs, "VEC2")
        material["baseColorTexture"] = {"index": 0}
        image = {"bufferView": buffer.add_bytes(encode_png(mesh.texture)), "mimeType": "image/png"}
        sampler = {"wrapS": CLAMP_TO_EDGE, "wrapT": CLAMP_TO_EDGE}
        sampler |= {"magFilter": LINEAR, "minFilter": LINEAR_MIPMAP_LINEAR}
        extra = {"images": [image], "samplers": [sampler], "textures": [{"source": 0, "sampler": 0}]}
    if mesh.colors is not None:
        attributes["COLOR_0"] = buffer.add_vertices(linear_colors(mesh.colors), "VEC4")
    primitive = {"attributes": attributes, "indices": buffer.add_faces(mesh.faces), "material": 0}
    document = {
        "asset": {"version": "2.0", "generator": "gghead"},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": name}],
        "meshes": [{"primitives": [primitive], "name": name}],
        "materials": [{"pbrMetallicRoughness": material, "extensions": {"KHR_materials_unlit": {}}, "name": name}],
        **extra,
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.content)}],
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + len(buffer.content)
    head = struct.pack("<III", MAGIC, VERSION, total) + struct.pack("<II", len(text), JSON_CHUNK)
    return head + text + struct.pack("<II", len(buffer.content), BINARY_CHUNK) + bytes(buffer.content)


def linear_colors(colors: UInt8[np.ndarray, "V 4"]) -> Float[np.ndarray, "V 4"]:
    """Display sRGB and opacity as glTF wants vertex colours: linear light, 0 to 1 (IEC 61966-2-1)."""
    values = colors.astype(np.float32) / 255
    rgb = values[:, :3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.concatenate([linear, values[:, 3:]], axis=1).astype(np.float32)


class _Buffer:
    """The binary chunk while it grows, and what points into it."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.views: list[dict[str, int]] = []
        self.accessors: list[dict[str, object]] = []

    def add_bytes(self, data: bytes, target: int | None = None) -> int:
        """Index of a new view."""
        view = {"buffer": 0, "byteOffset": len(self.content), "byteLength": len(data)}
        self.views.append(view if target is None else view | {"target": target})
        self.content += data + b"\0" * (-len(data) % 4)
        return len(self.views) - 1

    def add_vertices(self, values: Float[np.ndarray, "V C"], kind: str, bounds: bool = False) -> int:
        """Index of a new accessor of float32."""
        values = values.astype("<f4")
        view = self.add_bytes(values.tobytes(), VERTEX_DATA)
        accessor: dict[str, object] = {"bufferView": view, "componentType": FLOAT, "count": len(values), "type": kind}
        if bounds:
            accessor |= {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def add_faces(self, faces: Int[np.ndarray, "F 3"]) -> int:
        """Index of a new accessor of indices."""
        view = self.add_bytes(faces.astype("<u4").tobytes(), INDEX_DATA)
        self.accessors.append(
            {"bufferView": view, "componentType": UNSIGNED_INT, "count": faces.size, "type": "SCALAR"}
        )
        return len(self.accessors) - 1
