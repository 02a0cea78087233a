"""Cameras from transforms.json, the format of NeRF, instant-ngp and nerfstudio."""

import math
from collections.abc import Mapping
from pathlib import Path
from posixpath import normpath, splitext

import numpy as np

from gghead.data.foreign_cameras import ForeignCameras, label, read_json, require_square
from gghead.data.picture_files import PICTURE_SUFFIXES

DISTORTIONS = ("k1", "k2", "k3", "k4", "p1", "p2")
PINHOLE_MODELS = ("PINHOLE", "SIMPLE_PINHOLE", "OPENCV")


def read_nerf(path: Path) -> ForeignCameras:
    """A transforms.json: OpenGL camera-to-world matrices, one field of view or focal lengths in pixels.

    Names without ending get the ending of the picture that lies there, or .png.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a frame has no matrix, or no intrinsics of square pictures without distortion. Names the frame.
    """
    content = read_json(path)
    frames = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(frames, list) or not frames:
        raise ValueError(f'{path} holds no frames; expected {{"camera_angle_x": ..., "frames": [...]}}')
    names, values = [], []
    for position, frame in enumerate(frames):
        where = f"frame {position} of {path}"
        if not (isinstance(frame, dict) and isinstance(frame.get("file_path"), str)):
            raise ValueError(f"{where} has no file_path")
        names.append(_picture_name(path.parent, frame["file_path"]))
        # Frames may have intrinsics of their own.
        values.append(label(_matrix(frame, where), *_intrinsics({**content, **frame}, where)))
    return ForeignCameras(tuple(names), np.stack(values), ("opengl",))


def _picture_name(folder: Path, file_path: str) -> str:
    name = normpath(file_path.replace("\\", "/"))
    while name.startswith("../"):
        name = name[3:]
    if splitext(name)[1].lower() in PICTURE_SUFFIXES:
        return name
    endings = [ending for ending in PICTURE_SUFFIXES if (folder / f"{name}{ending}").exists()]
    return name + (endings or [".png"])[0]


def _matrix(frame: Mapping[str, object], where: str) -> np.ndarray:
    try:
        matrix = np.array(frame.get("transform_matrix"), np.float64)
    except (ValueError, TypeError, OverflowError):
        matrix = np.empty(0)
    if matrix.shape not in ((4, 4), (3, 4)):
        raise ValueError(f"{where} has no transform_matrix of 4 x 4 numbers")
    pose = np.eye(4)
    pose[: len(matrix)] = matrix
    return pose


def _intrinsics(entries: Mapping[str, object], where: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Focal lengths and principal point in units of the side."""
    model = entries.get("camera_model", "PINHOLE")
    if model not in PINHOLE_MODELS or any(_number(entries, name, where) for name in DISTORTIONS):
        raise ValueError(f"{where} has a lens with distortion ({model}); undistort the pictures first")
    width, height = _number(entries, "w", where), _number(entries, "h", where)
    if width is not None and height is not None:
        require_square(where, width, height)
    side = width or height
    angle = _number(entries, "camera_angle_x", where)
    focal_x, focal_y = _number(entries, "fl_x", where), _number(entries, "fl_y", where)
    if focal_x is not None and side:
        fx = focal_x / side
        fy = (focal_y or focal_x) / side
    elif angle is not None and 0 < angle < math.pi:
        fx = fy = 0.5 / math.tan(angle / 2)
    else:
        raise ValueError(f"{where} has no intrinsics; expected camera_angle_x in radians, or fl_x with w, in pixels")
    cx, cy = _number(entries, "cx", where), _number(entries, "cy", where)
    if side is None or cx is None or cy is None:
        return (fx, fy), (0.5, 0.5)
    return (fx, fy), (cx / side, cy / side)


def _number(entries: Mapping[str, object], name: str, where: str) -> float | None:
    value = entries.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e30:
        raise ValueError(f"{where}: {name} is {str(value)[:40]!r}; expected a number")
    return float(value)
