"""Checkpoints of the official release, read without running anything of them."""
