"""The words of transforms.json: which are understood, which say nothing of cameras, which make no pinhole of one."""

import re
from collections.abc import Mapping

from gghead.config.printable import listed, printable, shown

FOCAL_WORDS = ("fl_x", "fl_y", "camera_angle_x", "camera_angle_y", "x_fov", "y_fov", "fov")
"""Spellings of the focal lengths: in pixels, as angles in radians, as angles in degrees (the last three)."""
KNOWN_WORDS = frozenset(
    (*FOCAL_WORDS, "frames", "file_path", "transform_matrix", "camera_model", "w", "h", "cx", "cy", "mask_path")
)
PLACEMENT = "aabb aabb_scale render_aabb scale offset up applied_transform applied_scale n_extra_dims"
"""Where a renderer puts the scene: the matrices are as they are, whatever was applied to them before."""
BOOKKEEPING = (
    "ply_file_path train_filenames val_filenames test_filenames n_frames sharpness colmap_im_id rotation fps time "
    "timestamp frame_id camera_id"
)
"""Other files, which frames test (all are pictures with cameras), and what programs note of a frame."""
HARMLESS = frozenset((PLACEMENT + " " + BOOKKEEPING).split())
"""Words that change nothing of what a camera sees."""
PERSPECTIVE = ("PINHOLE", "SIMPLE_PINHOLE", "OPENCV", "SIMPLE_RADIAL", "RADIAL", "FULL_OPENCV", "PERSPECTIVE", "PERSP")
"""Models of cameras that are pinholes where all coefficients are 0."""
COEFFICIENT = re.compile(r"[kps]_?\d|d|dist|dist_?coef\w*", re.I)
LENS = re.compile(
    r"fisheye|distort|ftheta|latlong|ortho|equirect|panoram|spheric|omni|lens|projection|shutter|camera_type", re.I
)
"""Words of lenses that are no pinholes, unless they name a model that is one."""
INTRINSICS = re.compile(
    r"intrinsic|focal|fov|camera_angle|^K$|sensor_|principal|fl_|shift_[xy]|matrix_(start|end)", re.I
)
"""Words of intrinsics or poses in spellings that are not understood."""
AXES = re.compile(r"^from_(na|mitsuba)$|convention|coordinate|axes|handed", re.I)
"""Words after which the matrices may be in other axes than NeRF's."""
NERF_AXES = ("OPENGL", "NERF", "BLENDER")


def lens_fault(entries: Mapping[str, object]) -> str | None:
    """What makes no pinhole camera of the entries of a frame, or of a file; None if nothing does.

    Words that are there with nothing in them (false, 0, zeros) say that there is no such lens.
    """
    model = entries.get("camera_model")
    if model is not None and not _is_perspective(model):
        return f"the camera_model {shown(model)}; expected a pinhole: remove the distortion of the pictures first"
    for word, value in entries.items():
        if word in KNOWN_WORDS or word in HARMLESS or not _says_something(value):
            continue
        if COEFFICIENT.fullmatch(word) or (LENS.search(word) and not _is_perspective(value)):
            return f"a lens that is no pinhole ({printable(word)}); remove the distortion of the pictures first"
        if AXES.search(word) and not (isinstance(value, str) and value.upper() in NERF_AXES):
            return f"matrices in other axes ({word}); expected NeRF's (cameras look along -z, y up)"
        if INTRINSICS.search(word):
            return f"{printable(word)}, which is not understood; expected fl_x with w, or camera_angle_x in radians"
    return None


def unused_words(entries: Mapping[str, object]) -> set[str]:
    """Words that are neither understood nor known to say nothing of cameras."""
    known = KNOWN_WORDS | HARMLESS
    told = {word for word, value in entries.items() if _says_something(value) and not _is_known(value)}
    return told - known


def words_note(words: set[str]) -> tuple[str, ...]:
    """What to say of words that were passed over."""
    if not words:
        return ()
    return (f"entries that are not used: {listed(sorted(words), 20)}",)


def _is_known(value: object) -> bool:
    return _is_perspective(value) or (isinstance(value, str) and value.upper() in NERF_AXES)


def _is_perspective(value: object) -> bool:
    return isinstance(value, str) and value.upper() in PERSPECTIVE


def _says_something(value: object) -> bool:
    if isinstance(value, list | dict):
        return any(_says_something(entry) for entry in (value.values() if isinstance(value, dict) else value))
    return bool(value)
