"""Batches, grids, rotations, cameras, camera paths, the canonical head, spherical harmonics, normals."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.geometry.cameras import Cameras as Cameras
    from gghead.geometry.canonical_cameras import posed_label as posed_label
    from gghead.geometry.canonical_head import FACE_DEPTH as FACE_DEPTH
    from gghead.geometry.canonical_head import FFHQ_DISTANCE as FFHQ_DISTANCE
    from gghead.geometry.canonical_head import FFHQ_FOCAL as FFHQ_FOCAL
    from gghead.geometry.canonical_head import FFHQ_FOV as FFHQ_FOV
    from gghead.geometry.canonical_head import HEAD_MIDDLE as HEAD_MIDDLE
    from gghead.geometry.canonical_head import PORTRAIT_FOV as PORTRAIT_FOV
    from gghead.geometry.normals import normals_from_depth as normals_from_depth
    from gghead.geometry.normals import points_from_depth as points_from_depth
    from gghead.geometry.rotations import matrices_from_quats as matrices_from_quats
    from gghead.geometry.rotations import multiply_quats as multiply_quats
    from gghead.geometry.rotations import quats_from_axis_angles as quats_from_axis_angles
    from gghead.geometry.rotations import quats_from_matrices as quats_from_matrices
    from gghead.geometry.trajectories import circle as circle
    from gghead.geometry.trajectories import look_at as look_at
    from gghead.geometry.trajectories import on_sphere as on_sphere
    from gghead.geometry.trajectories import round_the_head as round_the_head
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
