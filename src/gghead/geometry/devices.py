"""Whether there is a device on this machine."""

import torch


def require_device(device: str | torch.device) -> None:
    """Raises ValueError unless tensors can be put on a device of this machine."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"there is no device {device!r} here ({reason}); expected cpu, cuda or cuda:1") from error
