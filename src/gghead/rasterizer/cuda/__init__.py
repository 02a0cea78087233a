"""The rasterizer in CUDA C++, compiled on the machine it runs on."""
