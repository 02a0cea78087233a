"""Whether CUDA programs can be compiled and launched here."""

import logging
from functools import cache
from importlib.util import find_spec

log = logging.getLogger(__name__)


class KernelError(RuntimeError):
    """CUDA programs don't compile here, although the extra is installed."""


@cache
def is_available() -> bool:
    """Whether the extra is installed; says once what is missing."""
    if find_spec("cuda") and find_spec("cuda.core"):
        return True
    log.warning("The networks run on plain torch, which is slower: install the extra gghead[cuda].")
    return False
