"""Datasets of other programs into ours: COLMAP, NeRF's transforms.json, labels of other conventions."""
