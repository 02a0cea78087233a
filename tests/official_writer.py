"""Writes checkpoints of the official form out of our own networks: real pickles of real modules, in every variant.

What the form is, the fixtures say; these files have nothing of theirs. Their classes have the official names, but only
while a file is written.
"""

import enum
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gghead.model.discriminator import Discriminator
from gghead.model.generator import Generator
from gghead.model.official.names import discriminator_names, generator_names
from gghead.stylegan.resampling import TAPS
from gghead.uv.bake import bake
from gghead.uv.template import HeadTemplate

Content = dict[object, object]
BUFFERS = ("noise_const", "w_avg", "_uv_grid")
FILTER = torch.tensor(TAPS).outer(torch.tensor(TAPS))


class Part(nn.Module):
    """A module of the official networks."""

    __module__, __qualname__ = "gghead.models.gghead_model", "GGHeadModel"


class Settings:
    """A record of the official configuration."""

    __module__, __qualname__ = "gghead.models.gghead_model", "GGHeadConfig"

    def __init__(self, **settings: object) -> None:
        vars(self).update(settings)


def _reconstruct(meta: dict[str, object]) -> None:
    raise AssertionError("nothing of a checkpoint is ever called")


_reconstruct.__module__, _reconstruct.__qualname__ = "eg3d.torch_utils.persistence", "_reconstruct_persistent_obj"


class Persistent(nn.Module):
    """A module that is pickled as a call with its source's text and its state."""

    def __reduce__(self) -> tuple[object, ...]:
        meta = {"type": "class", "version": 6, "module_src": "", "class_name": "Layer", "state": self.__dict__}
        return _reconstruct, (meta,)


NAMES = ("POSITION", "SCALE", "ROTATION", "COLOR", "OPACITY")
Attribute = enum.Enum("GaussianAttribute", {name: name for name in NAMES}, module="gghead.config.gaussian_attribute")
CLASSES = (Part, Settings, _reconstruct, Attribute)


def official_content(generator: Generator, discriminator: Discriminator | None) -> Content:
    """What the official training loop would pickle of networks like these; to be changed by tests."""
    return {
        "training_set_kwargs": {"path": "FFHQ.zip", "resolution": 16},
        "G": official_generator(generator),
        "D": None if discriminator is None else official_discriminator(discriminator),
        "G_ema": official_generator(generator),
        "augment_pipe": None,
    }


def official_generator(generator: Generator) -> Part:
    """Our generator as the official module."""
    config, own = generator.config, generator.state_dict()
    own["_uv_grid"] = generator.texel_uvs[None, :, None]
    own["position_weight"] = own["position_weight"][..., None, None]
    network = _tree({official: own[name] for official, name in generator_names(config).items()})
    network.register_buffer("_uv_position_map", _position_map(config.map_resolution).clone())
    network.register_buffer("_flame_vertices", generator.template_positions[None].clone())
    network._config = Settings(
        z_dim=config.z_size,
        w_dim=config.style_size,
        plane_resolution=config.map_resolution,
        n_uniform_flame_vertices=config.grid_size,
        position_range=config.position_range,
        max_scale=config.max_log_scale,
        scale_offset=config.log_scale_offset,
        use_plane_template=False,
        uv_attributes=list(Attribute),
        synthesis_network_config=Settings(
            channel_base=config.channel_base, channel_max=config.channel_max, num_fp16_res=0, conv_clamp=None
        ),
        gaussian_attribute_config=Settings(sh_degree=config.sh_degree, use_rodriguez_rotation=True),
    )
    return network


def official_discriminator(discriminator: Discriminator) -> Part:
    """Our discriminator as the official module."""
    config, own = discriminator.config, discriminator.state_dict()
    network = _tree({official: own[name] for official, name in discriminator_names(config).items()})
    network.pretrained_resolution = max(config.grown_from, default=None)
    network.get_submodule("b4").add_module("mbstd", Part())
    network.get_submodule("b4.mbstd").group_size = np.int64(config.group_size)
    for name, module in network.named_modules():
        if name.endswith("conv1"):
            module.activation, module.down, module.conv_clamp = "lrelu", 2, None
            module.weight_gain = 1 / np.sqrt(module.weight[0].numel())
    return network


def write_official(path: Path, content: object, protocol: int = 4) -> Path:
    """Pickles a checkpoint."""
    with _places(), path.open("wb") as file:
        pickle.dump(content, file, protocol)
    return path


@cache
def _position_map(resolution: int) -> Tensor:
    return bake(HeadTemplate.builtin(), resolution).positions


def _tree(tensors: dict[str, Tensor]) -> Part:
    root = Part()
    for path, tensor in tensors.items():
        *parents, name = path.split(".")
        module: nn.Module = root
        for parent in parents:
            if parent not in module._modules:
                module.add_module(parent, (Persistent if parent.startswith("fc") else Part)())
            module = module.get_submodule(parent)
        if name in BUFFERS:
            module.register_buffer(name, tensor.clone())
        else:
            module.register_parameter(name, nn.Parameter(tensor.clone()))
        if "conv" in path and "affine" not in path and name == "weight" and not path.startswith("_"):
            module.register_buffer("resample_filter", FILTER.clone())
    return root


@contextmanager
def _places() -> Iterator[None]:
    """Puts the classes above where official checkpoints say that they are."""
    with pytest.MonkeyPatch.context() as patch:
        for member in CLASSES:
            packages = member.__module__.split(".")
            for end in range(1, len(packages) + 1):
                name = ".".join(packages[:end])
                if name not in sys.modules:
                    patch.setitem(sys.modules, name, ModuleType(name))
            patch.setattr(sys.modules[member.__module__], member.__qualname__, member, raising=False)
        yield
