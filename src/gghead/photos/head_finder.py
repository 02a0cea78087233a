"""Heads of one photograph: found, posed, cut out and masked, or refused with a reason."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from gghead.config.numbers import require_finite, require_whole
from gghead.geometry.canonical_head import FFHQ_FOCAL
from gghead.photos.cutting import cut
from gghead.photos.faces.finding import find_faces
from gghead.photos.faces.landmarks import Face
from gghead.photos.faces.models import FaceModels
from gghead.photos.faces.pose import HeadPose, estimate_pose
from gghead.photos.faces.pose_network import pose_network
from gghead.photos.faces.quality import fault_of
from gghead.photos.faces.template import face_template
from gghead.photos.heads import Head
from gghead.photos.masks.framing import cut_by_frame
from gghead.photos.masks.matting import Matting, SelfieMatting
from gghead.photos.refusal import Reason, Refused

FRAMINGS = {"ffhq": FFHQ_FOCAL, "wide": 2.4}
"""Focal lengths of crops, sides of the picture: FFHQ's, and one that shows ears, hair and shoulders whole."""
USUAL_MISFIT = 1.0
"""Of landmarks and pose: what good ones have at most. 95 of 100 rendered people that look at most 45 degrees aside have
2.1 or less, parts of faces 2 to 4."""
HALF_HIDDEN, MISFIT_GROWTH = 46, 0.05
"""Beyond the first, degrees of yaw, the landmark model guesses half of the face, and what is usual grows by the second
with each degree: the median misfit of good poses is 1.5 between 45 and 60, and 2.7 between 60 and 75."""
RIVAL = 0.5
"""A face so many times as large as the largest is another person of the photograph, a smaller one a passer-by."""


@dataclass(frozen=True)
class PhotoSettings:
    """What is made of photographs.

    Attributes:
        resolution: side of the crops, pixels.
        framing: "ffhq" or "wide", see `FRAMINGS`.
        faces: "one" refuses photographs of several people, "all" takes every face.
        max_yaw: how far a head may be turned aside, degrees.
        min_face: side of the smallest square around a face, pixels of the photograph.
        min_score: least score, 0 to 1: how sure the landmark model is, divided by how many times as far as usual at its
            yaw the landmarks lie from where the camera sees the mean face's.
    """

    resolution: int = 512
    framing: Literal["ffhq", "wide"] = "ffhq"
    faces: Literal["one", "all"] = "one"
    max_yaw: float = 70.0
    min_face: float = 64.0
    min_score: float = 0.25

    def __post_init__(self) -> None:
        require_whole("resolution", self.resolution, 16, 4096)
        require_finite("max_yaw", self.max_yaw, 1, 90, "expected degrees from 1 to 90")
        require_finite("min_face", self.min_face, 16, 10**4, "expected pixels from 16 up, like 64")
        require_finite("min_score", self.min_score, 0, 1, "expected a number from 0 to 1")
        if self.framing not in FRAMINGS or self.faces not in ("one", "all"):
            raise ValueError(
                f"framing is {self.framing!r} and faces is {self.faces!r}; expected one of {', '.join(FRAMINGS)}, "
                "and one or all"
            )


class HeadFinder:
    """Finds heads in photographs; threads may share it."""

    def __init__(self, settings: PhotoSettings, models: FaceModels, matting: Matting | None = None) -> None:
        """Loads what is needed.

        Args:
            settings: what is made of photographs.
            models: find faces and people.
            matting: tells person and background apart; by default the models' segmenter.
        """
        self.settings = settings
        self._models, self._network, self._template = models, pose_network(), face_template()
        self._matting = matting or SelfieMatting(models.segment)

    def __call__(self, pixels: UInt8[np.ndarray, "H W 3"]) -> Iterator[Head | Refused]:
        """Heads of a photograph, the largest first, and why faces of it are refused; each when it is asked for."""
        every = self.settings.faces == "all"
        faces = find_faces(pixels, self._models, self.settings.min_face, every)
        if not faces:
            yield Refused(Reason.NO_FACE, "no face is found; expected a person who is seen from the front or side")
            return
        if every:
            yield from (self._head(pixels, face) for face in faces)
            return
        rivals = [face for face in faces if face.box.side >= RIVAL * faces[0].box.side]
        if len(rivals) > 1:
            text = (
                f"{len(rivals)} faces of about one size are in it; cut one person out, or take every face "
                "(gghead data photos --faces all)"
            )
            yield Refused(Reason.SEVERAL_FACES, text)
        else:
            yield self._head(pixels, faces[0])

    def _head(self, pixels: UInt8[np.ndarray, "H W 3"], face: Face) -> Head | Refused:
        try:
            return self._prepared(pixels, face)
        except Refused as refused:
            return refused

    def _prepared(self, pixels: UInt8[np.ndarray, "H W 3"], face: Face) -> Head:
        box, settings = face.box, self.settings
        if box.side < settings.min_face:
            raise Refused(
                Reason.SMALL, f"the face is {box.side:.0f} pixels large; expected {settings.min_face:g} (--min-face)"
            )
        pose = estimate_pose(pixels, face, self._network)
        usual = USUAL_MISFIT + MISFIT_GROWTH * max(0.0, abs(math.degrees(pose.yaw)) - HALF_HIDDEN)
        score = face.presence * usual / max(pose.misfit(face, self._template), usual)
        if score < settings.min_score:
            raise Refused(
                Reason.DOUBTFUL,
                f"landmarks and camera do not fit, score {score:.2f}; expected a whole face, {settings.min_score:g} or "
                "more (--min-score)",
            )
        if abs(pose.yaw) > math.radians(settings.max_yaw):
            raise Refused(
                Reason.TURNED,
                f"the head is turned {abs(math.degrees(pose.yaw)):.0f} degrees aside; expected at most "
                f"{settings.max_yaw:g} (--max-yaw)",
            )
        if (fault := fault_of(pixels, box.square)) is not None:
            raise fault
        return self._cut_out(pixels, face, pose, score)

    def _cut_out(self, pixels: UInt8[np.ndarray, "H W 3"], face: Face, pose: HeadPose, score: float) -> Head:
        focal = FRAMINGS[self.settings.framing]
        crop = pose.framed(focal)
        image, inside = cut(pixels, crop, self.settings.resolution)
        alpha = self._matting.alpha(pixels, crop, self.settings.resolution, focal)
        if not alpha.any():
            raise Refused(Reason.NO_PERSON, "no person is found around the face; expected one before a background")
        chin = float(crop.from_photograph(face.landmarks[self._template.chin, :2])[1])
        if cut_by_frame(alpha, inside, chin, focal):
            raise Refused(Reason.CUT, "the photograph's edge cuts the head off; expected hair and chin in the picture")
        return Head(image, alpha, inside, pose.label(focal), face.box.square, face.landmarks, crop, score)
