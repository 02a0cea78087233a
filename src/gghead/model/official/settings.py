"""The settings of an official generator: those that ours follow, those that must have one value, those without effect.

A setting that is missing is younger than the checkpoint, which then works as if it were not set.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gghead.config.printable import printable
from gghead.model.official.safe_pickle import Record
from gghead.model.official.values import number, same, shown, whole

FOLLOWED = frozenset(
    [
        "z_dim",
        "c_dim",
        "w_dim",
        "plane_resolution",
        "n_uniform_flame_vertices",
        "position_range",
        "max_scale",
        "scale_offset",
        "uv_attributes",
        "pretrained_plane_resolution",
    ]
)
"""Settings that vary between checkpoints and that ours have, too."""
KNOWN_SETTINGS: dict[str, object] = {
    "disable_position_offsets": False,
    "use_align_corners": False,
    "interpolation_mode": "bilinear",
    "use_uniform_flame_vertices": True,
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
    "use_background_upsampler": False,
    "use_separate_background_cnn": False,
    "use_cnn_adaptor": False,
    "use_template_update": False,
    "use_autodecoder": False,
    "load_average_offset_map": False,
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
        "kernel_size": 3,
        "use_noise": True,
        "activation": "lrelu",
    },
    "rendering_config": {"c_gen_conditioning_zero": False, "c_scale": 1},
    "super_resolution_config": {"use_superresolution": False},
    "gaussian_attribute_config": {"use_rodriguez_rotation": True, "n_color_channels": 3},
}
"""The same for the records inside of the configuration."""
NEEDED_NESTED = ("synthesis_network_config", "gaussian_attribute_config")
"""Those without which the sizes are not known."""
TOLD: dict[str, object] = {
    "grad_multiplier_position": None,
    "grad_multiplier_scale": None,
    "grad_multiplier_rotation": None,
    "grad_multiplier_color": None,
    "grad_multiplier_opacity": None,
    "maintenance_interval": None,
    "use_pruning": False,
    "use_masks": False,
    "fix_alpha_blending": False,
    "random_background": False,
    "return_background": False,
    "background_color": [255, 255, 255],
}
"""Settings of training and drawing, no part of the network, and their official values; others are told."""
WITHOUT_EFFECT = frozenset(
    [
        # The template: what it came to is in the file, as a map of positions and a list of points.
        "n_flame_subdivisions", "use_gsm_flame_template", "use_flame_template_v2", "use_sphere_template",
        "use_plane_template", "uv_grid_threshold", "use_flame_to_bfm_registration",
        # Details of parts whose own switch is among the known settings, and off.
        "shell_distance", "learnable_template_offset_plane_size", "auxiliary_sphere_radius",
        "auxiliary_sphere_position", "mlp_layers", "mlp_hidden_dim", "exclude_position_from_hierarchy",
        "gaussian_hierarchy_feature_dim", "use_separate_hierarchy_mlps", "curve_background_plane",
        "background_cylinder_angle", "background_plane_distance", "background_plane_width", "background_plane_height",
        "n_background_gaussians", "n_background_channels", "template_update_attributes", "position_map_update_factor",
        "maintenance_grad_threshold", "use_densification", "prune_opacity_threshold",
        # Sizes of the pictures, which the discriminator states, and of what GGHead does not have.
        "img_resolution", "neural_rendering_resolution", "pretrained_resolution", "n_triplane_channels",
    ]
)  # fmt: skip
"""Settings that change nothing here, whatever their value."""
NESTED_WITHOUT_EFFECT: dict[str, frozenset[str]] = {
    "mapping_network_config": frozenset(["num_layers"]),
    "synthesis_network_config": frozenset(
        ["channel_base", "channel_max", "num_fp16_res", "conv_clamp", "fp16_channels_last", "fused_modconv_default"]
    ),
    "rendering_config": frozenset(["box_warp"]),
    "super_resolution_config": frozenset(
        [
            "superresolution_version", "n_channels", "n_downsampling_layers", "use_skip", "cbase", "cmax",
            "fused_modconv_default", "sr_num_fp16_res", "sr_antialias", "noise_mode",
        ]
    ),
    "gaussian_attribute_config": frozenset(["sh_degree"]),
}  # fmt: skip
"""The same inside of the records, and those that are read below or counted by the tensors."""
UV_ATTRIBUTES = ["POSITION", "SCALE", "ROTATION", "COLOR", "OPACITY"]
"""Order of the attributes in the channels of the UV maps; the pickle holds them as members of an enumeration."""


@dataclass(frozen=True)
class OfficialSettings:
    """The settings that vary between checkpoints; see GeneratorConfig for their meaning.

    Attributes:
        bf16_blocks: blocks that computed in half precision.
        notes: what of the configuration is left aside, one sentence each.
    """

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
    bf16_blocks: int
    notes: tuple[str, ...]


def read_settings(attributes: Mapping[object, object]) -> OfficialSettings:
    """Reads the configuration record of an official generator.

    Args:
        attributes: the attributes of the pickled generator.

    Raises:
        ValueError: there is no configuration, or it has settings that change the network in a way we do not know; all
            of them are named.
    """
    config = _fields(attributes.get("_config"), "_config")
    nested = {name: _fields(config[name], name) for name in KNOWN_NESTED if name in config}
    for name in NEEDED_NESTED:
        nested.setdefault(name, _fields(config.get(name), name))
    _require_known(config, nested)
    synthesis = nested["synthesis_network_config"]
    return OfficialSettings(
        z_size=_whole(config, "z_dim"),
        style_size=_whole(config, "w_dim"),
        map_resolution=_whole(config, "plane_resolution"),
        channel_base=_whole(synthesis, "channel_base"),
        channel_max=_whole(synthesis, "channel_max"),
        grid_size=_whole(config, "n_uniform_flame_vertices"),
        sh_degree=_whole(nested["gaussian_attribute_config"], "sh_degree"),
        position_range=number(config.get("position_range"), "position_range"),
        max_log_scale=number(config.get("max_scale"), "max_scale"),
        log_scale_offset=number(config.get("scale_offset"), "scale_offset"),
        bf16_blocks=_whole(synthesis, "num_fp16_res") if "num_fp16_res" in synthesis else 0,
        notes=_notes(config, nested),
    )


def _require_known(config: Mapping[object, object], nested: Mapping[str, Mapping[object, object]]) -> None:
    """Raises ValueError with every setting that ours do not reproduce."""
    problems = _differences(config, KNOWN_SETTINGS)
    for name, fields in nested.items():
        problems += _differences(fields, KNOWN_NESTED[name])
    order = config.get("uv_attributes")
    found = [_enum_name(member) for member in order[:16]] if isinstance(order, list) else []
    if found != UV_ATTRIBUTES:
        held = ", ".join(found) or "nothing known"
        problems.append(f"its UV maps hold {held}; gghead reproduces {', '.join(UV_ATTRIBUTES)}")
    smaller = config.get("pretrained_plane_resolution")
    if not any(same(smaller, size) for size in (None, _whole(config, "plane_resolution"))):
        problems.append(
            f"its setting pretrained_plane_resolution is {shown(smaller)}; gghead knows no generator whose UV maps grew"
        )
    if problems:
        raise ValueError("; ".join(problems))


def _differences(fields: Mapping[object, object], known: Mapping[str, object]) -> list[str]:
    return [
        f"its setting {name} is {shown(fields[name])}; gghead reproduces only {shown(value)}"
        for name, value in known.items()
        if name in fields and not same(fields[name], value)
    ]


def _notes(config: Mapping[object, object], nested: Mapping[str, Mapping[object, object]]) -> tuple[str, ...]:
    """What is told of the settings that are let pass."""
    aside = [
        f"{name} = {shown(config[name])}"
        for name, official in TOLD.items()
        if name in config and not same(config[name], official)
    ]
    known = FOLLOWED | KNOWN_SETTINGS.keys() | KNOWN_NESTED.keys() | TOLD.keys() | WITHOUT_EFFECT
    unknown = _unknown(config, known)
    for name, fields in nested.items():
        unknown += _unknown(fields, KNOWN_NESTED[name].keys() | NESTED_WITHOUT_EFFECT[name])
    told = []
    if aside:
        told.append(f"settings of its training and drawing were left aside: {', '.join(aside)}")
    if unknown:
        rest = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
        told.append(f"settings that gghead does not know were left aside: {', '.join(unknown[:8])}{rest}")
    return tuple(told)


def _unknown(fields: Mapping[object, object], known: frozenset[str] | set[str]) -> list[str]:
    """Settings that nobody knows here and that are switched on, in words; those that are off change nothing."""
    return [
        f"{printable(str(name)) if isinstance(name, str) else 'one without a name'} = {shown(value)}"
        for name, value in fields.items()
        if name not in known and not any(same(value, off) for off in (None, False, [], ""))
    ]


def _fields(record: object, name: str) -> Mapping[object, object]:
    if not isinstance(record, Record) or not isinstance(record.state, dict):
        raise ValueError(f"it has no configuration {name}; expected a generator of GGHead")
    return record.state


def _enum_name(member: object) -> str:
    """Name of a pickled member of an enumeration: the call of its class with the name."""
    name = member.arguments[0] if isinstance(member, Record) and member.arguments else None
    return printable(name) if isinstance(name, str) else "something unknown"


def _whole(fields: Mapping[object, object], name: str) -> int:
    return whole(fields.get(name), name)
