"""What the layers of an official network say of themselves must be what ours compute.

The configuration states what a network was meant to be; the attributes of its layers are what its code reads.
"""

import math
import re
from collections.abc import Collection

import torch
from torch import Tensor

from gghead.config.printable import listed, printable
from gghead.model.official.module import OfficialModule
from gghead.model.official.values import plain, shown
from gghead.stylegan.resampling import TAPS

SMALLEST_GUARD = 256
"""Activations are clamped at this against overflow in half precision. Trained networks stay far below; a smaller bound
would be part of the function."""
MAPPING_RATE = 0.01
"""Learning-rate multiplier of mapping networks."""
GAIN_TOLERANCE = 1e-4
Rules = tuple[tuple[str, dict[str, object]], ...]
GENERATOR_RULES: Rules = (
    (r"backbone\.mapping", {"w_avg_beta": 0.998}),
    (r"backbone\.mapping\.embed", {"activation": "linear", "bias_gain": 1}),
    (r"backbone\.mapping\.fc\d+", {"activation": "lrelu", "bias_gain": MAPPING_RATE}),
    (r"backbone\.synthesis\.b\d+", {"architecture": "skip"}),
    (r".*\.affine", {"activation": "linear", "bias_gain": 1}),
    (r".*\.conv0", {"activation": "lrelu", "use_noise": True, "up": 2}),
    (r".*\.conv1", {"activation": "lrelu", "use_noise": True, "up": 1}),
)
"""Attributes that the modules of a generator must have, by patterns of their names."""
DISCRIMINATOR_RULES: Rules = (
    ("", {"c_dim": 25, "img_channels": 3, "use_dual_discrimination": False}),
    (r"b\d+", {"architecture": "resnet"}),
    (r"b\d+\.(fromrgb|conv0|conv)", {"activation": "lrelu", "up": 1, "down": 1}),
    (r"b\d+\.conv1", {"activation": "lrelu", "up": 1, "down": 2}),
    (r"b\d+\.skip", {"activation": "linear", "up": 1, "down": 2}),
    (r"b4\.mbstd", {"num_channels": 1}),
    (r"b4\.fc", {"activation": "lrelu", "bias_gain": 1}),
    (r"b4\.out", {"activation": "linear", "bias_gain": 1}),
    (r"mapping\.embed", {"activation": "linear", "bias_gain": 1}),
    (r"mapping\.fc\d+", {"activation": "lrelu", "bias_gain": MAPPING_RATE}),
)
"""The same for a discriminator."""


def require_layers(module: OfficialModule, rules: Rules) -> None:
    """Compares the attributes of a network's modules with what ours compute.

    Raises:
        ValueError: some differ; the first of them are named.
    """
    problems = []
    for path, attributes in module.attributes.items():
        expected: dict[str, object] = {}
        for pattern, values in rules:
            if re.fullmatch(pattern, path):
                expected |= values
        if "weight_gain" in attributes and f"{path}.weight" in module.parameters:
            rate = plain(attributes.get("bias_gain", 1))
            expected["weight_gain"] = _gain(module.parameters[f"{path}.weight"], rate)
        problems += [
            f"{printable(path) or 'the network'} has {name} {shown(attributes[name])} instead of {shown(value)}"
            for name, value in expected.items()
            if name in attributes and not _near(attributes[name], value)
        ]
        clamp = plain(attributes.get("conv_clamp"))
        if clamp is not None and not _is_guard(clamp):
            problems.append(f"{printable(path)} clamps its activations at {shown(clamp)}")
    if problems:
        rest = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise ValueError(f"its layers compute something else than ours: {'; '.join(problems[:5])}{rest}")


def is_clamped(module: OfficialModule) -> bool:
    """Whether activations were clamped against overflow in half precision."""
    return any(plain(attributes.get("conv_clamp")) is not None for attributes in module.attributes.values())


def unread_parts(module: OfficialModule, known: Collection[str], ignored: Collection[str]) -> tuple[str, ...]:
    """Compares the names of a network's tensors with those that ours have.

    Args:
        module: the network.
        known: names of the tensors that ours have.
        ignored: names of buffers, and of modules without any tensor, that are known and that nothing of ours reads.

    Returns:
        Names of buffers and of modules that are not known: nothing of ours reads them either.

    Raises:
        ValueError: a tensor is missing, a parameter is unknown, or a resampling filter is another one.
    """
    parameters = [name for name in module.parameters if name not in known]
    missing = [name for name in known if name not in module.parameters and name not in module.buffers]
    if parameters or missing:
        parts = [f"unknown parameters {listed(parameters)}"] if parameters else []
        parts += [f"no tensors {listed(missing)}"] if missing else []
        raise ValueError(f"it has {' and '.join(parts)}; it is no variant that gghead knows")
    unread = []
    for name, buffer in module.buffers.items():
        if name.split(".")[-1] == "resample_filter":
            _require_taps(name, buffer)
        elif name not in known and name not in ignored:
            unread.append(name)
    carriers = {name[:end] for name in known for end in range(len(name)) if name[end] == "."}
    unread += [path for path in module.attributes if path and path not in carriers and path not in ignored]
    return tuple(unread)


def _require_taps(name: str, taps: Tensor) -> None:
    ours = torch.tensor(TAPS)
    if taps.shape != (4, 4) or not torch.allclose(taps.float(), ours.outer(ours)):
        raise ValueError(f"its tensor {printable(name)} is another filter than [1, 3, 3, 1]")


def _gain(weight: Tensor, rate: object) -> object:
    """Factor of a layer's stored weights at run time: they have unit variance, times the learning rate's multiplier."""
    fan_in = math.prod(weight.shape[1:])
    return rate / math.sqrt(fan_in) if isinstance(rate, int | float) and fan_in else None


def _is_guard(clamp: object) -> bool:
    return isinstance(clamp, int | float) and clamp >= SMALLEST_GUARD


def _near(value: object, expected: object) -> bool:
    value = plain(value)
    if isinstance(value, float) and isinstance(expected, int | float):
        return math.isclose(value, expected, rel_tol=GAIN_TOLERANCE)
    return isinstance(value, bool | int | float | str | type(None)) and value == expected
