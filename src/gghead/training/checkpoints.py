"""The training state <-> a checkpoint on disk."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from gghead.checkpoint.store import Checkpoint, load_checkpoint, save_checkpoint
from gghead.checkpoint.tensors import TensorFile
from gghead.training.state import TrainingState


def save_state(folder: Path, state: TrainingState, processes: int = 1) -> None:
    """Writes a checkpoint of the whole state.

    Args:
        folder: that of the checkpoint.
        state: what is kept.
        processes: how many train, for the log of a run that goes on with another number of them.

    Raises:
        FileExistsError: the folder exists.
        OSError: the disk is full or not writable; older checkpoints are untouched.
    """
    files = {name: TensorFile(network.state_dict(), {}) for name, network in state.networks.items()}
    for name, (optimizer, network) in state.optimizers.items():
        files[name] = TensorFile(_moments(optimizer, network), {})
    numbers = {"rollbacks": state.rollbacks, "processes": processes}
    save_checkpoint(folder, Checkpoint(files, state.images, numbers))


def restore_state(folder: Path, state: TrainingState) -> int:
    """Puts a checkpoint into a state of the same configuration, in place.

    Returns:
        How many processes had trained it.

    Raises:
        FileNotFoundError: the folder is no checkpoint or lacks a file.
        ValueError: a file is damaged or belongs to another configuration.
    """
    checkpoint = load_checkpoint(folder)
    for name, network in state.networks.items():
        try:
            network.load_state_dict(dict(_file(checkpoint, folder, name).tensors))
        except RuntimeError as error:
            raise ValueError(f"{folder}/{name}.safetensors does not fit the run's config.json: {error}") from error
    for name, (optimizer, network) in state.optimizers.items():
        _restore_moments(optimizer, network, _file(checkpoint, folder, name).tensors)
    state.images = checkpoint.images
    state.rollbacks = checkpoint.numbers.get("rollbacks", 0)
    return checkpoint.numbers.get("processes", 1)


def _file(checkpoint: Checkpoint, folder: Path, name: str) -> TensorFile:
    if name not in checkpoint.files:
        raise FileNotFoundError(f"{folder} has no {name}.safetensors; it is no checkpoint of this version's training")
    return checkpoint.files[name]


def _moments(optimizer: torch.optim.Optimizer, network: nn.Module) -> dict[str, Tensor]:
    """What an optimizer remembers, as `<parameter>/<quantity>`."""
    return {
        f"{name}/{key}": value
        for name, parameter in network.named_parameters()
        for key, value in optimizer.state[parameter].items()
    }


def _restore_moments(optimizer: torch.optim.Optimizer, network: nn.Module, moments: Mapping[str, Tensor]) -> None:
    parameters = dict(network.named_parameters())
    for key, value in moments.items():
        name, _, quantity = key.rpartition("/")
        if name not in parameters:
            raise ValueError(f"the optimizer's checkpoint names a parameter {name!r} that the network has not")
        # Adam counts its steps on the CPU, but for its fused form, which new_state takes on GPUs.
        optimizer.state[parameters[name]][quantity] = value.to(parameters[name].device)
