"""What an official checkpoint holds, and what comes of it, in lines for people."""

from gghead.config.printable import printable
from gghead.model.official.reader import NETWORKS, OfficialCheckpoint, OfficialPickle
from gghead.model.official.values import shown


def describe_pickle(pickle: OfficialPickle) -> list[str]:
    """What the file holds, before anything is compared with our networks."""
    size = pickle.path.stat().st_size / 1e6
    lines = [f"file: {printable(str(pickle.path))}, {size:.1f} MB"]
    data = [
        f"{name} {shown(pickle.training_set[name])}" for name in ("path", "resolution") if name in pickle.training_set
    ]
    if data:
        lines.append(f"trained on: {', '.join(data)}")
    for name in NETWORKS:
        if name in pickle.networks:
            module = pickle.networks[name]
            count = sum(parameter.numel() for parameter in module.parameters.values())
            lines.append(f"{name}: {module.kind}, {count / 1e6:.2f} million parameters")
        else:
            lines.append(f"{name}: {pickle.unreadable.get(name, 'not in the file')}")
    return lines


def describe_networks(official: OfficialCheckpoint) -> list[str]:
    """The networks that come of it, and what is left aside."""
    config, heads = official.generator_ema.config, len(official.generator_ema.texel_uvs)
    camera = "sees the camera" if config.camera_conditioned else "sees no camera"
    lines = [
        f"generator: {heads} Gaussians of a grid of {config.grid_size} x {config.grid_size}, UV maps of "
        f"{config.map_resolution} x {config.map_resolution}, SH degree {config.sh_degree}, the mapping network {camera}"
    ]
    if official.discriminator is not None:
        critic = official.discriminator.config
        grown = f", grown from {' and '.join(map(str, critic.grown_from))}" if critic.grown_from else ""
        lines.append(f"discriminator: pictures of {critic.resolution} x {critic.resolution}{grown}")
    return [*lines, *(f"note: {note}" for note in official.notes)]
