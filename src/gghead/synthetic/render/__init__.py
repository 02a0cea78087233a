"""Meshes, light and cameras to pixels."""
