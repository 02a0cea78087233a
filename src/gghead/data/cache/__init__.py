"""Decoded pictures, kept: in memory, on disk, on the device."""
