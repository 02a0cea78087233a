"""Numbers of the activations. Source: Kirschstein et al. 2024, "GGHead", published configuration of its release."""

OVERSHOOT = 0.001
"""How far colours and opacities reach beyond their range, so that its ends are reached at finite inputs."""
