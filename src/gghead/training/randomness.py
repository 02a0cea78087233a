"""Every random number of a run as a function of (seed, purpose, images seen), so that a resumed run is the same run."""

import hashlib

import torch


def generator_for(
    seed: int, purpose: str, images: int, device: torch.device | str = "cpu", rollbacks: int = 0
) -> torch.Generator:
    """A random generator that depends on nothing but its arguments.

    Args:
        seed: of the run.
        purpose: what is drawn; streams of different purposes are independent.
        images: real pictures seen when it is drawn.
        device: where the numbers are made; devices give different numbers for the same seed.
        rollbacks: how often the run went back to a checkpoint to try other numbers.
    """
    key = f"{seed}\0{purpose}\0{images}" + (f"\0{rollbacks}" if rollbacks else "")
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest, "little") >> 1)
