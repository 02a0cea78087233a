"""The official discriminator: its sizes, and what of it is taken on trust."""

import re

from gghead.config.model import DiscriminatorConfig
from gghead.config.printable import listed
from gghead.model.official.module import OfficialModule
from gghead.model.official.values import plain, same, shown
from gghead.stylegan.layers import block_channels

NO_FADE = 1.0
"""Share of the newest blocks of a discriminator that was grown, after their fade."""
READS_PICTURES = ".fromrgb.weight"


def discriminator_config(module: OfficialModule, channel_base: int) -> DiscriminatorConfig:
    """Sizes of a discriminator, by the names and shapes of its tensors.

    One that was grown reads pictures at several sides: the largest of its own, and those of the discriminators that it
    was grown from, each with a layer of its own.

    Raises:
        ValueError: it reads no picture, or says of itself that it was grown in another way.
    """
    readers = [name.removesuffix(READS_PICTURES) for name in module.parameters if name.endswith(READS_PICTURES)]
    sides = sorted((_side(reader) for reader in readers), reverse=True)
    if not sides:
        raise ValueError("it has no tensor fromrgb.weight")
    width, channel_max = _rows(module, f"b{sides[0]}{READS_PICTURES}"), _rows(module, "b4.out.weight")
    stated = module.attributes[""].get("pretrained_resolution")
    if not any(same(stated, side) for side in sides[1:] or (None, 0)):
        raise ValueError(
            f"it says that it was grown from {shown(stated)} pixels, and has layers that read pictures of "
            f"{listed(list(map(str, sides)))}"
        )
    # Any base that gives these channels is the same network; the generator's is the one that presets have.
    base = channel_base if block_channels(sides[0], channel_base, channel_max) == width else width * sides[0]
    return DiscriminatorConfig(
        resolution=sides[0],
        channel_base=base,
        channel_max=channel_max,
        mapping_layers=module.mapping_layers("mapping"),
        group_size=_group_size(module),
        grown_from=tuple(sorted(sides[1:])),
    )


def discriminator_notes(module: OfficialModule, config: DiscriminatorConfig) -> list[str]:
    """What is to be told of a discriminator that was imported."""
    notes = []
    if config.grown_from:
        sides = " and ".join(map(str, config.grown_from))
        notes.append(
            f"it was grown from pictures of {sides} pixels; it was put together by the names of its layers and the "
            "paper's description, with its fade taken as finished, and was never compared with the original's logits"
        )
    noise = module.attributes[""].get("disc_c_noise", 0)
    if not same(noise, 0):
        notes.append(f"its noise on the labels, {shown(noise)}, was left out")
    return notes


def _side(reader: str) -> int:
    """Side of the pictures that a block reads, of which its name tells."""
    number = reader.removeprefix("b")
    if not (reader.startswith("b") and re.fullmatch(r"[1-9][0-9]{0,3}", number)):
        raise ValueError(f"it reads pictures in {shown(reader)}, which is no block of a known resolution")
    return int(number)


def _rows(module: OfficialModule, name: str) -> int:
    """Length of a tensor along its first axis."""
    tensor = module.parameters.get(name)
    if tensor is None or not tensor.ndim:
        raise ValueError(f"it has no tensor {name}, or one without axes")
    return len(tensor)


def _group_size(module: OfficialModule) -> int:
    size = plain(module.attributes.get("b4.mbstd", {}).get("group_size"))
    if type(size) is not int:
        raise ValueError("it states no group size for the minibatch standard deviation")
    return size
