"""Whether the settings of a run are still those that its newest checkpoint was trained with."""

import json
from dataclasses import asdict

from gghead.config.codec import from_json
from gghead.config.retired import refuse_retired
from gghead.config.training import RunConfig
from gghead.runs.run_folder import CONFIG, RunFolder
from gghead.training.observe.telemetry import Monitor


def require_trainable(run: RunFolder) -> None:
    """Refuses a run that was trained by settings which this version no longer has: it would go on as another one.

    Raises:
        ValueError: it was; says which, and what is left to do with it.
    """
    file = run.path / CONFIG
    try:
        refuse_retired("TrainingConfig", json.loads(file.read_text(encoding="utf-8-sig")).get("training", {}))
    except ValueError as error:
        raise ValueError(
            f"{file}: {error}; so the run can't be resumed. It can be sampled, viewed and evaluated, and a new run can "
            f"start from it: gghead train ... --init-from {run.path}"
        ) from error


def require_same_networks(run: RunFolder, seen: str, monitor: Monitor) -> None:
    """Refuses networks that are not those of the checkpoint, and tells what else was changed in config.json.

    Somebody may want a longer run or smaller learning rates; nobody wants them by a damaged file, unsaid.

    Args:
        run: that goes on.
        seen: configuration that the checkpoint states, as JSON; empty if it states none.
        monitor: is told.

    Raises:
        ValueError: the networks are described in another way than the checkpoint's.
    """
    if not seen:
        return
    before, now = from_json(RunConfig, seen), run.config
    networks = [
        *_changes(before.model.generator, now.model.generator),
        *_changes(before.model.discriminator, now.model.discriminator),
    ]
    if networks:
        raise ValueError(
            f"{run.path}/config.json does not describe the networks of the newest checkpoint: {'; '.join(networks)}; "
            "mend it, or take it from a copy of the run"
        )
    training = _changes(before.training, now.training)
    if training:
        monitor.event(f"WARNING: config.json was changed, the run goes on with it: {'; '.join(training)}")


def _changes(before: object, now: object) -> list[str]:
    """Fields of a configuration that differ, with both values."""
    old, new = asdict(before), asdict(now)  # type: ignore[call-overload]
    return [f"{name} is {new[name]}, was {old[name]}" for name in old if old[name] != new[name]]
