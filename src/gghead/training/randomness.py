"""Every random number of a run as a function of (seed, purpose, images seen), so that a resumed run is the same run."""

import hashlib

import torch


def generator_for(seed: int, purpose: str, images: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A random generator that depends on nothing but its arguments.

    Args:
        seed: of the run.
        purpose: what is drawn; streams of different purposes are independent.
        images: real pictures seen when it is drawn.
        device: where the numbers are made; devices give different numbers for the same seed.
    """
    digest = hashlib.blake2b(f"{seed}\0{purpose}\0{images}".encode(), digest_size=8).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest, "little") >> 1)
