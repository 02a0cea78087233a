"""The settings of an official generator: those that ours follow, those that must have one value, those without effect.

A setting that is missing is younger than the checkpoint, which then works as if it were not set.
"""

from collections.abc import Mapping

from gghead.config.model import GeneratorConfig
from gghead.config.printable import printable
from gghead.model.official.module import OfficialModule
from gghead.model.official.safe_pickle import Record
from gghead.model.official.values import number, same, shown, whole

FOLLOWED = (
    "z_dim c_dim w_dim plane_resolution n_uniform_flame_vertices position_range max_scale scale_offset "
    "uv_attributes pretrained_plane_resolution"
)
"""Settings that vary between checkpoints and that ours have, too."""
SWITCHED_OFF = (
    "disable_position_offsets use_align_corners use_learnable_template_offsets use_learnable_template_offset_plane "
    "use_auxiliary_sphere use_initial_scales use_periodic_rotation_activation use_softplus_scale_activation "
    "no_exp_scale_activation clamp_opacity use_optimizable_gaussian_attributes use_zero_conv_scale use_density_map "
    "use_gaussian_hierarchy use_uv_position_and_hierarchy use_background_plane use_background_cnn "
    "use_background_upsampler use_separate_background_cnn use_cnn_adaptor use_template_update use_autodecoder "
    "load_average_offset_map"
)
SWITCHED_ON = (
    "use_uniform_flame_vertices use_position_activation use_color_activation use_scale_activation "
    "center_scale_activation use_rotation_activation normalize_quaternions use_zero_conv_position"
)
KNOWN_SETTINGS: dict[str, object] = {
    **dict.fromkeys(SWITCHED_OFF.split(), False),
    **dict.fromkeys(SWITCHED_ON.split(), True),
    **{f"{attribute}_attenuation": 1 for attribute in ("position", "color", "scale", "rotation")},
    **{f"{attribute}_overshoot": 0.001 for attribute in ("scale", "color", "opacity")},
    "interpolation_mode": "bilinear",
    "effective_plane_resolution": None,
    "n_shells": 1,
    "additional_scale_offset": 0,
    "n_gaussians_per_texel": 1,
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
    **{f"grad_multiplier_{name}": None for name in ("position", "scale", "rotation", "color", "opacity")},
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


def read_settings(module: OfficialModule) -> tuple[GeneratorConfig, list[str]]:
    """The configuration of an official generator as ours, and what of it is left aside, one sentence each.

    Raises:
        ValueError: there is no configuration, or it has settings that change the network in a way we do not know; all
            of them are named.
    """
    config = _fields(module.attributes[""].get("_config"), "_config")
    nested = {name: _fields(config[name], name) for name in KNOWN_NESTED if name in config}
    for name in NEEDED_NESTED:
        nested.setdefault(name, _fields(config.get(name), name))
    _require_known(config, nested)
    synthesis = nested["synthesis_network_config"]
    ours = GeneratorConfig(
        z_size=_whole(config, "z_dim"),
        style_size=_whole(config, "w_dim"),
        mapping_layers=module.mapping_layers("backbone.mapping"),
        camera_conditioned="backbone.mapping.embed.weight" in module.parameters,
        map_resolution=_whole(config, "plane_resolution"),
        channel_base=_whole(synthesis, "channel_base"),
        channel_max=_whole(synthesis, "channel_max"),
        grid_size=_whole(config, "n_uniform_flame_vertices"),
        sh_degree=_whole(nested["gaussian_attribute_config"], "sh_degree"),
        position_range=number(config.get("position_range"), "position_range"),
        max_log_scale=number(config.get("max_scale"), "max_scale"),
        log_scale_offset=number(config.get("scale_offset"), "scale_offset"),
        quaternion_order="zwxy",
    )
    return ours, _notes(config, nested)


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


def _notes(config: Mapping[object, object], nested: Mapping[str, Mapping[object, object]]) -> list[str]:
    """What is told of the settings that are let pass."""
    aside = [
        f"{name} = {shown(config[name])}"
        for name, official in TOLD.items()
        if name in config and not same(config[name], official)
    ]
    known = {*FOLLOWED.split()} | KNOWN_SETTINGS.keys() | KNOWN_NESTED.keys() | TOLD.keys() | WITHOUT_EFFECT
    unknown = _unknown(config, known)
    for name, fields in nested.items():
        unknown += _unknown(fields, KNOWN_NESTED[name].keys() | NESTED_WITHOUT_EFFECT[name])
    told = []
    if aside:
        told.append(f"settings of its training and drawing were left aside: {', '.join(aside)}")
    if unknown:
        rest = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
        told.append(f"settings that gghead does not know were left aside: {', '.join(unknown[:8])}{rest}")
    synthesis = nested["synthesis_network_config"]
    blocks = _whole(synthesis, "num_fp16_res") if "num_fp16_res" in synthesis else 0
    if blocks:
        told.append(f"its {blocks} finest blocks computed in half precision there, in single here")
    return told


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
