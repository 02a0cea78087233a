"""What a loader takes pictures from: decoded beforehand or as they are asked for, it is the same pixels."""

from abc import ABC, abstractmethod

from jaxtyping import Bool, Float32, Int64, UInt8
from numpy import ndarray


class PictureSource(ABC):
    """Pictures by index, with their cameras; any number of threads may ask.

    Attributes:
        labels: camera labels of all pictures.
        resolution: side of the pictures, pixels.
        task_size: pictures that one thread should fetch in one go; 0 for a whole batch.
    """

    labels: Float32[ndarray, "M 25"]
    resolution: int
    task_size: int

    @abstractmethod
    def fill(
        self,
        indices: Int64[ndarray, " B"],
        flipped: Bool[ndarray, " B"],
        rgb: UInt8[ndarray, "B R R 3"],
        transparency: UInt8[ndarray, "B R R"] | None = None,
    ) -> None:
        """Writes pictures into memory that the caller owns.

        Args:
            indices: which pictures.
            flipped: which of them are mirrored left to right.
            rgb: receives the pictures on their background.
            transparency: receives where the background is seen, see `Cutout`, if that is wanted.

        Raises:
            FileNotFoundError: a file vanished from a folder since it was opened. Names it.
            ValueError: a picture or its mask cannot be used. Names it.
        """
