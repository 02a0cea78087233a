"""COLMAP's camera models, and which of them are pinholes."""

from dataclasses import dataclass

from gghead.config.printable import printable
from gghead.conversion.foreign_cameras import require_square


@dataclass(frozen=True)
class LensModel:
    """A camera model of COLMAP.

    Attributes:
        number: as in cameras.bin.
        name: as in cameras.txt.
        parameters: how many there are.
        focals: how many of them, the first, are focal lengths; two of the principal point follow, then coefficients.
        is_pinhole: whether it is a pinhole where all coefficients are 0.
    """

    number: int
    name: str
    parameters: int
    focals: int = 1
    is_pinhole: bool = False


MODELS = (
    LensModel(0, "SIMPLE_PINHOLE", 3, 1, is_pinhole=True),
    LensModel(1, "PINHOLE", 4, 2, is_pinhole=True),
    LensModel(2, "SIMPLE_RADIAL", 4, 1, is_pinhole=True),
    LensModel(3, "RADIAL", 5, 1, is_pinhole=True),
    LensModel(4, "OPENCV", 8, 2, is_pinhole=True),
    LensModel(5, "OPENCV_FISHEYE", 8),
    LensModel(6, "FULL_OPENCV", 12, 2, is_pinhole=True),
    LensModel(7, "FOV", 5),
    LensModel(8, "SIMPLE_RADIAL_FISHEYE", 4),
    LensModel(9, "RADIAL_FISHEYE", 5),
    LensModel(10, "THIN_PRISM_FISHEYE", 12),
    LensModel(11, "RAD_TAN_THIN_PRISM_FISHEYE", 16),
    LensModel(12, "SIMPLE_DIVISION", 4, 1, is_pinhole=True),
    LensModel(13, "DIVISION", 5, 2, is_pinhole=True),
    LensModel(14, "SIMPLE_FISHEYE", 3),
    LensModel(15, "FISHEYE", 4),
    LensModel(16, "EUCM", 6),
    LensModel(17, "EQUIRECTANGULAR", 2),
)
"""Source: "Camera models" in the documentation of COLMAP; numbers and counts as version 4.2 writes them."""
MODELS_BY_NAME = {model.name: model for model in MODELS}
NUMBERED = {model.number: model for model in MODELS}


@dataclass(frozen=True)
class Lens:
    """A camera of a model's file, whatever it is.

    Attributes:
        where: file and place, for messages.
        model: name of its camera model.
        width: pixels.
        height: pixels.
        parameters: in pixels, as its model has them.
    """

    where: str
    model: str
    width: float
    height: float
    parameters: tuple[float, ...]

    def pinhole(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Focal lengths and principal point in units of the side.

        Raises:
            ValueError: it is no pinhole camera of square pictures.
        """
        model = MODELS_BY_NAME.get(self.model)
        count = len(self.parameters)
        if model is None or not model.is_pinhole:
            raise ValueError(f"{self._called()}; expected {_PINHOLES}")
        if count != model.parameters:
            raise ValueError(f"{self._called()}; expected {model.parameters} parameters")
        coefficients = self.parameters[model.focals + 2 :]
        if any(coefficients):
            numbers = ", ".join(f"{number:g}" for number in coefficients)
            raise ValueError(f"{self._called()}, distorted by {numbers}; expected {_PINHOLES}")
        require_square(self.where, self.width, self.height)
        focals, center = self.parameters[: model.focals], self.parameters[model.focals : model.focals + 2]
        side = self.width
        return (focals[0] / side, focals[-1] / side), (center[0] / side, center[1] / side)

    def is_pinhole(self) -> bool:
        """Whether `pinhole` gives something."""
        try:
            self.pinhole()
        except ValueError:
            return False
        return True

    def _called(self) -> str:
        return f"{self.where} is a camera of model {printable(self.model)} with {len(self.parameters)} parameters"


_PINHOLES = "PINHOLE or SIMPLE_PINHOLE: remove the distortion with `colmap image_undistorter`"
