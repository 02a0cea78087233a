"""Moves the rim of a coarse mask to the edges of the picture that it belongs to.

Source: He, Sun and Tang 2013, "Guided image filtering"; He and Sun 2015, "Fast guided filter": the linear models are
found in small pictures and applied to the large one.
"""

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image
from scipy.ndimage import uniform_filter


def guided_filter(
    guide: UInt8[np.ndarray, "R R 3"], values: Float32[np.ndarray, "S S"], radius: int, epsilon: float
) -> Float32[np.ndarray, "R R"]:
    """Values that are, in each window, that linear function of the guide's colours which is nearest to the given ones.

    Args:
        guide: the picture.
        values: what is to follow its edges, S <= R.
        radius: of the windows, which have 2 radius + 1 pixels of `values` a side.
        epsilon: variance of a channel, in squared units of its range, below which the guide's edges are followed less.

    Returns:
        Filtered values; beside strong edges they may lie a little outside of the range of the given ones.
    """
    size = len(values)
    small = np.asarray(Image.fromarray(guide).resize((size, size), Image.Resampling.BOX), np.float32)
    colors = small.transpose(2, 0, 1) / 255  # [3, S, S]

    def means(planes: Float32[np.ndarray, "P S S"]) -> Float32[np.ndarray, "P S S"]:
        return uniform_filter(planes, 2 * radius + 1, mode="nearest", axes=(1, 2))

    rows, columns = np.triu_indices(3)
    moments = means(np.concatenate([colors, values[None], colors * values, colors[rows] * colors[columns]]))
    mean_color, mean_value = moments[:3], moments[3]
    covariance = moments[4:7] - mean_color * mean_value
    scatter = np.empty((size, size, 3, 3), np.float32)
    for row, column, moment in zip(rows, columns, moments[7:], strict=True):
        scatter[..., row, column] = scatter[..., column, row] = moment - mean_color[row] * mean_color[column]
    scatter += np.float32(epsilon) * np.eye(3, dtype=np.float32)
    slopes = np.linalg.solve(scatter, covariance.transpose(1, 2, 0)[..., None])[..., 0].transpose(2, 0, 1)
    offset = mean_value - (slopes * mean_color).sum(0)
    *slopes, offset = (_enlarged(plane, len(guide)) for plane in means(np.concatenate([slopes, offset[None]])))
    return offset + sum(slope * (guide[..., channel] / np.float32(255)) for channel, slope in enumerate(slopes))


def _enlarged(plane: Float32[np.ndarray, "S S"], side: int) -> Float32[np.ndarray, "R R"]:
    picture = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    return np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR))
