"""Files of Gaussians: PLY, compressed PLY, .splat, .spz, pages."""
