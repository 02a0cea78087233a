"""The numbers that define the picture; every backend takes them from here.

Source: Kerbl et al. 2023, section 6 and the published settings of its renderer.
"""

NEAR = 0.01
"""Gaussians whose mean is not farther than this along the camera's z axis are not drawn, world units."""
BLUR = 0.3
"""Added to the diagonal of the projected covariance, so that no Gaussian is thinner than a pixel; square pixels."""
MAX_ALPHA = 0.99
"""Upper bound of a Gaussian's alpha at a pixel."""
MIN_ALPHA = 1 / 255
"""A Gaussian whose alpha at a pixel is below this is skipped there."""
MIN_TRANSMITTANCE = 1e-4
"""A pixel is finished by the first Gaussian that would bring its transmittance below this; that one is not drawn."""
VIEW_GUARD = 1.3
"""x/z and y/z are clamped to this many times the half field of view where the projection is linearised."""
MIN_QUATERNION = 2.0**-120
"""A quaternion whose components are all smaller counts as zero; others are normalised, whatever their length."""
