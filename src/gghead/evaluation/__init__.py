"""How good a generator is: features of real and generated pictures, distances, consistency in 3D, reports that can be
repeated."""
