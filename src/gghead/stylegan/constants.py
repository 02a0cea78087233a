"""Numbers that all layers share. Source: Karras et al. 2020 (StyleGAN2)."""

import math

SLOPE = 0.2
"""Slope of every leaky ReLU below zero."""
RELU_GAIN = math.sqrt(2)
"""Factor after every leaky ReLU; it keeps the second moment of the activations near one."""
