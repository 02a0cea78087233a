"""Datasets of rendered people that can be interrupted and go on."""
