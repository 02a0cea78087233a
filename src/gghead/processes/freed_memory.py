"""Keeps what large tensors leave free between the steps of a long computation, where glibc would give it back."""

import ctypes

# Parameters of glibc's mallopt, from its manual.
_TRIM_THRESHOLD, _TOP_PAD, _MAX_MAPPINGS = -1, -2, -4
_NEVER = 2**31 - 1
_PADDING = 2**28


def keep_freed_memory() -> bool:
    """Has this process keep what it frees, for its next tensors, until it ends.

    glibc maps every block above 32 MiB anew, and the kernel clears it page by page: 30 % of the time of a generator of
    512 x 512 texels, forward and backward, on a virtual CPU. The process stays as large as it once was.

    Returns:
        Whether the C library can do it; others than glibc are left as they are.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # TypeError: Windows has no library without a name
        return False
    return all([mallopt(_TRIM_THRESHOLD, _NEVER), mallopt(_TOP_PAD, _PADDING), mallopt(_MAX_MAPPINGS, 0)])
