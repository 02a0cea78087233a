"""What `render` says about tensors that do not fit. Nothing here waits for a GPU."""

from jaxtyping import Float
from torch import Tensor

from gghead.gaussians.scene import Gaussians
from gghead.geometry.cameras import Cameras


def picture_shape(gaussians: Gaussians, cameras: Cameras, pairwise: bool) -> tuple[int, ...]:
    """Batch shape *P of the pictures."""
    scenes, views = gaussians.batch_shape, cameras.batch_shape
    if not pairwise:
        return (*scenes, *views)
    own, last = (views[:-1], views[-1:]) if len(views) == len(scenes) + 1 else (views, ())
    padded = (1,) * (len(scenes) - len(own)) + tuple(own)
    if len(padded) != len(scenes) or any(view not in (1, scene) for view, scene in zip(padded, scenes, strict=True)):
        raise ValueError(
            f"pairwise drawing got scenes of batch {list(scenes)} and cameras of batch {list(views)}; the cameras' "
            "batch must broadcast to the scenes', or have one axis more for several views of each scene: give such "
            "batches, or pairwise=False to draw all combinations"
        )
    return (*scenes, *last)


def flat_background(
    background: float | Float[Tensor, "*#P 3"], like: Tensor, pictures: tuple[int, ...]
) -> float | Float[Tensor, "P 3"]:
    """The background of each picture, or one grey for all."""
    if not isinstance(background, Tensor):
        return float(background)
    try:
        return background.to(like).broadcast_to(*pictures, 3).reshape(-1, 3)
    except RuntimeError as error:
        raise ValueError(
            f"the background has shape {list(background.shape)}, the pictures have batch {list(pictures)}; "
            "give a number, or rgb of a shape that broadcasts to [*batch, 3]"
        ) from error


def check_scenes(gaussians: Gaussians, features: Tensor | None) -> None:
    """Raises ValueError unless the tensors of the scenes fit together."""
    if gaussians.means.ndim < 2:
        raise ValueError(f"means have shape {list(gaussians.means.shape)}; expected [*batch, N, 3]")
    shape = gaussians.means.shape[:-1]
    expected = {
        "means": (gaussians.means, (*shape, 3)),
        "quats": (gaussians.quats, (*shape, 4)),
        "scales": (gaussians.scales, (*shape, 3)),
        "opacities": (gaussians.opacities, tuple(shape)),
        "sh": (gaussians.sh, (*shape, gaussians.sh.shape[-2], 3)),
    }
    if features is not None:
        expected["features"] = (features, (*shape, features.shape[-1]))
    for name, (tensor, wanted) in expected.items():
        if tuple(tensor.shape) != wanted:
            raise ValueError(f"{name} have shape {list(tensor.shape)}; expected {list(wanted)}, as the means say")
        if tensor.device != gaussians.means.device or tensor.dtype != gaussians.means.dtype:
            raise ValueError(
                f"{name} are {tensor.dtype} on {tensor.device}, the means are {gaussians.means.dtype} on "
                f"{gaussians.means.device}; move them with .to()"
            )
    assert gaussians.sh_degree >= 0  # raises ValueError by itself where the number of coefficients fits no degree


def check_cameras(gaussians: Gaussians, cameras: Cameras) -> None:
    """Raises ValueError unless the cameras have the shapes, device and type to see the scenes."""
    batch = tuple(cameras.viewmats.shape[:-2])
    if tuple(cameras.viewmats.shape) != (*batch, 4, 4) or tuple(cameras.Ks.shape) != (*batch, 3, 3):
        raise ValueError(
            f"cameras have viewmats {list(cameras.viewmats.shape)} and Ks {list(cameras.Ks.shape)}; "
            "expected [*batch, 4, 4] and [*batch, 3, 3]"
        )
    if cameras.width < 1 or cameras.height < 1:
        raise ValueError(f"pictures of {cameras.width} x {cameras.height} pixels; expected at least 1 x 1")
    for name, tensor in (("viewmats", cameras.viewmats), ("Ks", cameras.Ks)):
        if tensor.device != gaussians.means.device or tensor.dtype != gaussians.means.dtype:
            raise ValueError(
                f"{name} are {tensor.dtype} on {tensor.device}, the Gaussians are {gaussians.means.dtype} on "
                f"{gaussians.means.device}; move the cameras with .to()"
            )


def check_camera_numbers(cameras: Cameras) -> None:
    """Raises ValueError unless the cameras' numbers can be used; reads them, so that a GPU is waited for.

    The CUDA backend does not call this: its kernels find the same and `cuda_lists.Report` raises it.
    """
    for name, tensor in (("viewmats", cameras.viewmats), ("Ks", cameras.Ks)):
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"{name} hold numbers that are not finite; check how the cameras were made")
    if bool((cameras.Ks[..., 0, 1] != 0).any()):
        raise ValueError("Ks have skew (their element [0, 1] is not 0); only cameras without skew can be drawn")
