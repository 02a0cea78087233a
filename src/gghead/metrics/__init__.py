"""How far apart two sets of pictures are: features, their moments, distances. Knows nothing of 3D heads."""
