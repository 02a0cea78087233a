"""3D Gaussians as data: the scene type, its colour from a direction, files."""
