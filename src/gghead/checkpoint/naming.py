"""How a checkpoint's folder is called, and what makes a folder one; answers without torch."""

MANIFEST = "manifest.json"
"""The file without which a folder is no checkpoint."""
MAX_DIGITS = 16
"""No run sees as many images as a number of so many digits says."""


def checkpoint_name(images: int) -> str:
    """Name of the folder of the checkpoint of a number of images."""
    return f"{images:09d}"


def is_checkpoint_name(name: str) -> bool:
    """Whether a checkpoint's folder may be called so; those that are not finished have other names."""
    return name.isascii() and name.isdecimal() and len(name) < MAX_DIGITS and name == checkpoint_name(int(name))
