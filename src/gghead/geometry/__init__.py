"""Rotations, cameras and their labels, camera paths, spherical harmonics, indices of batches."""
