"""The settings of an official checkpoint, and which of them our networks know."""

from collections.abc import Mapping
from dataclasses import dataclass

from gghead.checkpoint.inert_pickle import Record

KNOWN_SETTINGS: dict[str, object] = {
    "disable_position_offsets": False,
    "use_align_corners": False,
    "interpolation_mode": "bilinear",
    "effective_plane_resolution": None,
    "n_shells": 1,
    "use_learnable_template_offsets": False,
    "use_learnable_template_offset_plane": False,
    "use_auxiliary_sphere": False,
    "use_position_activation": True,
    "use_color_activation": True,
    "use_scale_activation": True,
    "center_scale_activation": True,
    "use_initial_scales": False,
    "use_rotation_activation": True,
    "use_periodic_rotation_activation": False,
    "normalize_quaternions": True,
    "position_attenuation": 1,
    "color_attenuation": 1,
    "scale_attenuation": 1,
    "rotation_attenuation": 1,
    "additional_scale_offset": 0,
    "use_softplus_scale_activation": False,
    "no_exp_scale_activation": False,
    "scale_overshoot": 0.001,
    "color_overshoot": 0.001,
    "opacity_overshoot": 0.001,
    "clamp_opacity": False,
    "use_optimizable_gaussian_attributes": False,
    "use_zero_conv_position": True,
    "use_zero_conv_scale": False,
    "use_density_map": False,
    "use_gaussian_hierarchy": False,
    "use_uv_position_and_hierarchy": False,
    "n_gaussians_per_texel": 1,
    "use_background_plane": False,
    "use_background_cnn": False,
    "use_cnn_adaptor": False,
    "use_template_update": False,
    "use_autodecoder": False,
    "load_average_offset_map": False,
    "pretrained_plane_resolution": None,
}
"""Settings that change what the generator computes, and the one value of each that ours reproduces."""
KNOWN_NESTED: dict[str, dict[str, object]] = {
    "mapping_network_config": {
        "embed_features": None,
        "layer_features": None,
        "activation": "lrelu",
        "lr_multiplier": 0.01,
    },
    "synthesis_network_config": {
        "architecture": "skip",
        "resample_filter": [1, 3, 3, 1],
        "conv_clamp": None,
        "kernel_size": 3,
        "use_noise": True,
        "activation": "lrelu",
    },
    "super_resolution_config": {"use_superresolution": False},
    "gaussian_attribute_config": {"use_rodriguez_rotation": True},
}
"""The same for the records inside of the configuration."""
UV_ATTRIBUTES = ["POSITION", "SCALE", "ROTATION", "COLOR", "OPACITY"]
"""Order of the attributes in the channels of the UV maps; the pickle holds them as members of an enumeration."""


@dataclass(frozen=True)
class OfficialSettings:
    """The settings that vary between checkpoints; see GeneratorConfig for their meaning."""

    z_size: int
    style_size: int
    map_resolution: int
    channel_base: int
    channel_max: int
    grid_size: int
    sh_degree: int
    position_range: float
    max_log_scale: float
    log_scale_offset: float


def read_settings(attributes: Mapping[object, object]) -> OfficialSettings:
    """Reads the configuration record of an official generator.

    Args:
        attributes: the attributes of the pickled generator.

    Raises:
        ValueError: there is no configuration, or it has a setting that changes the network in a way we do not know.
    """
    config = _fields(attributes.get("_config"), "_config")
    nested = {name: _fields(config.get(name), name) for name in KNOWN_NESTED}
    _require_known(config, KNOWN_SETTINGS)
    for name, known in KNOWN_NESTED.items():
        _require_known(nested[name], known)
    order = config.get("uv_attributes")
    names = [_enum_name(member) for member in order] if isinstance(order, list) else []
    if names != UV_ATTRIBUTES:
        raise ValueError(f"its UV maps hold {', '.join(names) or 'nothing known'}; expected {', '.join(UV_ATTRIBUTES)}")
    synthesis = nested["synthesis_network_config"]
    return OfficialSettings(
        z_size=_whole(config, "z_dim"),
        style_size=_whole(config, "w_dim"),
        map_resolution=_whole(config, "plane_resolution"),
        channel_base=_whole(synthesis, "channel_base"),
        channel_max=_whole(synthesis, "channel_max"),
        grid_size=_whole(config, "n_uniform_flame_vertices"),
        sh_degree=_whole(nested["gaussian_attribute_config"], "sh_degree"),
        position_range=_number(config, "position_range"),
        max_log_scale=_number(config, "max_scale"),
        log_scale_offset=_number(config, "scale_offset"),
    )


def _require_known(fields: Mapping[object, object], known: Mapping[str, object]) -> None:
    for name, value in known.items():
        # A field that is missing is younger than the checkpoint, which then works as if it were not set.
        if name in fields and fields[name] != value:
            raise ValueError(f"its setting {name} is {fields[name]!r}; gghead reproduces only {value!r}")


def _fields(record: object, name: str) -> Mapping[object, object]:
    if not isinstance(record, Record) or not isinstance(record.state, dict):
        raise ValueError(f"it has no configuration {name}; expected an official checkpoint of GGHead")
    return record.state


def _enum_name(member: object) -> str:
    """Name of a pickled member of an enumeration: the call of its class with the name."""
    return str(member.arguments[0]) if isinstance(member, Record) and member.arguments else "something unknown"


def _whole(fields: Mapping[object, object], name: str) -> int:
    value = fields.get(name)
    if type(value) is not int:
        raise ValueError(f"its setting {name} is {value!r}; expected a whole number")
    return value


def _number(fields: Mapping[object, object], name: str) -> float:
    value = fields.get(name)
    if type(value) not in (int, float):
        raise ValueError(f"its setting {name} is {value!r}; expected a number")
    return float(value)
