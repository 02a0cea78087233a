"""The training state <-> a checkpoint on disk."""

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from gghead.checkpoint.store import Checkpoint, load_checkpoint, save_checkpoint
from gghead.checkpoint.tensors import TensorFile
from gghead.config.training import RunConfig
from gghead.model.storage import generator_content, mismatches
from gghead.runs.resolve import EMA_FILE
from gghead.training.state import TrainingState, new_state, samples_of
from gghead.training.step_report import StepValues

EMA_NAME = Path(EMA_FILE).stem
"""The EMA generator among the files of a checkpoint."""
MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""What Adam remembers of each parameter: how often it stepped, and two running means."""


@dataclass(frozen=True)
class Circumstances:
    """Under which a checkpoint was written: with the same ones, a run on the CPU goes on to the same bits.

    Attributes:
        processes: that trained.
        threads: of torch in each of them.
        device: "cpu" or "cuda".
        torch_version: that trained.
    """

    processes: int = 1
    threads: int = 1
    device: str = "cpu"
    torch_version: str = ""

    @classmethod
    def here(cls, device: torch.device, processes: int) -> "Circumstances":
        """Those of this process."""
        return cls(processes, torch.get_num_threads(), device.type, torch.__version__)

    def changes(self, before: "Circumstances | None") -> list[str]:
        """What was different when the checkpoint was written, a line each, for people."""
        if before is None:
            return []
        names = ("processes", "threads of a process", "device", "torch")
        pairs = zip(names, astuple(before), astuple(self), strict=True)
        return [f"{name}: {old} before, {new} now" for name, old, new in pairs if old != new]


@dataclass(frozen=True)
class Restored:
    """What a checkpoint says beside the state.

    Attributes:
        before: circumstances under which it was written; None if it is older than that.
        data: identity of the pictures that had been seen; empty if it says none.
        config: the run's configuration then, as JSON; empty if it says none.
        pending: values of the steps since the last line of the log.
    """

    before: Circumstances | None
    data: str = ""
    config: str = ""
    pending: tuple[StepValues, ...] = ()


def save_state(
    folder: Path,
    state: TrainingState,
    circumstances: Circumstances,
    config: str,
    data: str = "",
    pending: tuple[StepValues, ...] = (),
    snapshot: Path | None = None,
) -> None:
    """Writes a checkpoint of the whole state.

    Args:
        folder: that of the checkpoint.
        state: what is kept.
        circumstances: of this process.
        config: the run's configuration as JSON.
        data: identity of the pictures that were seen, if any were.
        pending: values of the steps since the last line of the log.
        snapshot: where the EMA generator's model file shall stand as well, if anywhere.

    Raises:
        FileExistsError: the folder exists.
        OSError: the disk is full or not writable; older checkpoints are untouched.
    """
    files = {name: TensorFile(network.state_dict(), {}) for name, network in state.networks.items()}
    files[EMA_NAME] = generator_content(state.generator_ema)
    for name, (optimizer, network) in state.optimizers.items():
        files[name] = TensorFile(_moments(optimizer, network), {})
    numbers = {"rollbacks": state.rollbacks, "processes": circumstances.processes, "threads": circumstances.threads}
    texts = {"device": circumstances.device, "torch": circumstances.torch_version, "data": data, "config": config}
    texts |= {"pending": json.dumps(pending)}
    links = {} if snapshot is None else {EMA_NAME: snapshot}
    save_checkpoint(folder, Checkpoint(files, state.images, numbers, texts), links)


def restore_state(folder: Path, config: RunConfig, device: torch.device | str) -> tuple[TrainingState, Restored]:
    """Reads the state of a checkpoint.

    Args:
        folder: that of the checkpoint.
        config: of its run. Its template is taken from the checkpoint, for the file that it came from may be gone.
        device: where the networks are to be.

    Raises:
        FileNotFoundError: the folder is no checkpoint or lacks a file.
        ValueError: a file is damaged or belongs to another configuration.
        OSError: a file can't be read.
    """
    checkpoint = load_checkpoint(folder)
    own = None if config.template is None else samples_of(folder / EMA_FILE, _file(checkpoint, folder, EMA_NAME))
    state = new_state(config, device, own)
    for name, network in state.networks.items():
        content = _file(checkpoint, folder, name)
        _refuse(folder, name, mismatches(network, content))
        network.load_state_dict(dict(content.tensors))
    for name, (optimizer, network) in state.optimizers.items():
        moments = _file(checkpoint, folder, name).tensors
        _refuse(folder, name, _strange_moments(moments, network, checkpoint.images))
        _restore_moments(optimizer, network, moments)
    state.images = checkpoint.images
    state.rollbacks = checkpoint.numbers.get("rollbacks", 0)
    try:
        return state, _restored(checkpoint)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{folder}/manifest.json is damaged ({error!r}); remove {folder} to go on from the checkpoint before it"
        ) from error


def _restored(checkpoint: Checkpoint) -> Restored:
    numbers, texts = checkpoint.numbers, checkpoint.texts
    if "threads" not in numbers:
        return Restored(None)
    before = Circumstances(numbers["processes"], numbers["threads"], texts["device"], texts["torch"])
    pending = tuple({name: float(value) for name, value in step.items()} for step in json.loads(texts["pending"]))
    return Restored(before, texts["data"], texts.get("config", ""), pending)


def _file(checkpoint: Checkpoint, folder: Path, name: str) -> TensorFile:
    if name not in checkpoint.files:
        raise FileNotFoundError(f"{folder} has no {name}.safetensors; it is no checkpoint of this version's training")
    return checkpoint.files[name]


def _refuse(folder: Path, name: str, problems: str) -> None:
    if problems:
        raise ValueError(
            f"{folder}/{name}.safetensors does not fit the run's config.json: {problems}; remove {folder} to go on "
            "from the checkpoint before it"
        )


def _moments(optimizer: torch.optim.Optimizer, network: nn.Module) -> dict[str, Tensor]:
    """What an optimizer remembers, as `<parameter>/<quantity>`."""
    return {
        f"{name}/{key}": value
        for name, parameter in network.named_parameters()
        for key, value in optimizer.state[parameter].items()
    }


def _strange_moments(moments: Mapping[str, Tensor], network: nn.Module, images: int) -> str:
    """What of an optimizer's file is not what it must be, in words; empty if nothing is."""
    parameters = dict(network.named_parameters())
    expected = {
        f"{name}/{quantity}": parameter.shape if quantity != "step" else torch.Size()
        for name, parameter in parameters.items()
        for quantity in MOMENTS
    }
    if images == 0 and not moments:  # before the first step there is nothing to remember
        return ""
    problems = [f"{key} is missing" for key in expected if key not in moments]
    problems += [f"{key} is unknown" for key in moments if key not in expected]
    for key, shape in expected.items():
        value = moments.get(key)
        if value is None:
            continue
        if value.shape != shape or value.dtype != torch.float32:
            form = f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
            problems.append(f"{key} is {form} instead of float32 {tuple(shape)}")
        elif not value.isfinite().all() or (not key.endswith("/exp_avg") and (value < 0).any()):
            problems.append(f"{key} holds numbers that are not finite, or below 0")
    return ", ".join(problems[:3]) + (f" and {len(problems) - 3} more" if problems[3:] else "")


def _restore_moments(optimizer: torch.optim.Optimizer, network: nn.Module, moments: Mapping[str, Tensor]) -> None:
    parameters = dict(network.named_parameters())
    for key, value in moments.items():
        name, _, quantity = key.rpartition("/")
        parameter = parameters[name]
        # Adam counts its steps on the CPU, but for its fused form, which new_state takes on GPUs; its means lie in
        # memory as the parameter does.
        own = torch.empty_like(parameter if quantity != "step" else value, device=parameter.device)
        optimizer.state[parameter][quantity] = own.detach().copy_(value)
