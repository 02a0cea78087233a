"""Batches, grids, rotations, cameras, camera paths, the canonical head, spherical harmonics, normals."""

from typing import TYPE_CHECKING

from gghead.config.reexports import reexports

if TYPE_CHECKING:
    from gghead.geometry.cameras import Cameras as Cameras
    from gghead.geometry.canonical_cameras import posed_label as posed_label
    from gghead.geometry.canonical_head import (
        FACE_DEPTH as FACE_DEPTH,
        FFHQ_DISTANCE as FFHQ_DISTANCE,
        FFHQ_FOCAL as FFHQ_FOCAL,
        FFHQ_FOV as FFHQ_FOV,
        HEAD_MIDDLE as HEAD_MIDDLE,
        PORTRAIT_FOV as PORTRAIT_FOV,
    )
    from gghead.geometry.normals import normals_from_depth as normals_from_depth, points_from_depth as points_from_depth
    from gghead.geometry.rotations import (
        matrices_from_quats as matrices_from_quats,
        multiply_quats as multiply_quats,
        quats_from_axis_angles as quats_from_axis_angles,
        quats_from_matrices as quats_from_matrices,
    )
    from gghead.geometry.trajectories import (
        circle as circle,
        look_at as look_at,
        on_sphere as on_sphere,
        round_the_head as round_the_head,
    )
else:
    __getattr__, __dir__, __all__ = reexports(__name__, __file__)
