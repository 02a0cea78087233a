"""A fit that is under way as named tensors, and back: what goes on from it is the fit that nobody interrupted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors
from gghead.config.printable import printable
from gghead.inversion.fitting import HeadFit

STAGE_KEY, STEP_KEY = "gghead.stage", "gghead.step"
FIT, OPTIMIZER = "fit.", "optimizer."


@dataclass(frozen=True)
class Position:
    """Where a fit is.

    Attributes:
        stage: number of the stage.
        step: steps of it that are made.
    """

    stage: int = 0
    step: int = 0


def save_state(path: Path, fit: HeadFit, optimizer: torch.optim.Optimizer, position: Position) -> None:
    """Writes a fit, whole or not at all.

    Raises:
        OSError: the disk is full or not writable.
    """
    tensors = {f"{FIT}{name}": value for name, value in fit.state_dict().items()}
    for number, parameter in enumerate(_parameters(optimizer)):
        for name, value in optimizer.state[parameter].items():
            tensors[f"{OPTIMIZER}{number}.{name}"] = torch.as_tensor(value)
    save_tensors(path, TensorFile(tensors, {STAGE_KEY: str(position.stage), STEP_KEY: str(position.step)}))


@contextmanager
def explaining_unusable(state: Path | None) -> Iterator[None]:
    """Says what helps where an unfinished fit can't be gone on with.

    Raises:
        ValueError: the state is damaged, does not say where it is, or is of another model.
    """
    try:
        yield
    except (ValueError, KeyError) as error:
        if state is None:
            raise
        raise ValueError(
            f"the unfinished fit {state} can't be gone on with ({printable(str(error))}); remove the folder "
            f"{state.parent}, and it begins anew"
        ) from error


def read_position(content: TensorFile) -> Position:
    """Where the fit of a file's content is.

    Raises:
        KeyError, ValueError: it does not say.
    """
    return Position(int(content.texts[STAGE_KEY]), int(content.texts[STEP_KEY]))


def read_state(path: Path) -> TensorFile | None:
    """What was written, or None where nothing was.

    Raises:
        ValueError: it is damaged.
    """
    return load_tensors(path) if path.exists() else None


def restore(content: TensorFile, fit: HeadFit, optimizer: torch.optim.Optimizer) -> None:
    """Puts a fit and an optimizer of its stage into the state that was written.

    Raises:
        ValueError: it is of another model or of other pictures.
    """
    found: dict[str, Tensor] = {
        name.removeprefix(FIT): value for name, value in content.tensors.items() if name.startswith(FIT)
    }
    try:
        fit.load_state_dict(found)
    except RuntimeError as error:
        raise ValueError("it is of another model") from error
    for number, parameter in enumerate(_parameters(optimizer)):
        prefix = f"{OPTIMIZER}{number}."
        # The count of steps stays on the CPU, as the optimizer has it.
        optimizer.state[parameter] = {
            name.removeprefix(prefix): value if value.ndim == 0 else value.to(parameter.device)
            for name, value in content.tensors.items()
            if name.startswith(prefix)
        }


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
