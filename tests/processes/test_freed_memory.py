"""What large arrays leave is used again without the kernel clearing it anew."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource
import numpy as np
from gghead.processes.freed_memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(2**23)  # 64 MiB, gone at once
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

cleared = faults()
assert keep_freed_memory()
faults()
print(cleared, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such parameters")
def test_large_arrays_are_cleared_once() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    cleared, again = map(int, done.stdout.split())
    assert again < cleared / 10
