"""From heads to files that other programs open: Gaussians, textured meshes, pages."""
