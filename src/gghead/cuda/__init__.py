"""CUDA C++ without a compiler: programs compiled by NVRTC, kept on disk, launched on torch's stream."""
