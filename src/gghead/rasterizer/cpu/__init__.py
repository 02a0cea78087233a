"""The rasterizer on CPU cores, compiled by numba; the same stages as the reference."""
