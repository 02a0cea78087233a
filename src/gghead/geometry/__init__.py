"""Rotations, cameras and their labels, camera paths, spherical harmonics: the one place with axis flips."""
