"""Whether the pictures of a run are still those that it was trained with."""

from gghead.data.dataset import HeadDataset
from gghead.data.inventory import read_inventory, take_inventory, write_inventory
from gghead.runs.run_folder import RunFolder
from gghead.training.observe.telemetry import Monitor


def require_same_data(run: RunFolder, dataset: HeadDataset, seen: str, accept_new: bool, monitor: Monitor) -> str:
    """The identity of a run's pictures, which the run's next checkpoints state; keeps the list of them in data.json.

    Args:
        run: whose pictures they are.
        dataset: the pictures, open.
        seen: the identity that the checkpoint states from which the run goes on; empty if it states none.
        accept_new: whether the run goes on with other pictures than it has seen.
        monitor: is told.

    Raises:
        ValueError: the pictures are others than those seen, and that was not accepted; says how many have changed.
        OSError: the list can't be written.
    """
    before = read_inventory(run.data)
    now = take_inventory(dataset, before, monitor.event)
    if seen and now.identity != seen:
        changes = "the list of those seen, data.json, is missing or of others"
        if before is not None and before.identity == seen:
            changes = now.changes_since(before)
        told = f"{run.config.data} holds other pictures than this run has seen: {changes}"
        if not accept_new:
            raise ValueError(
                f"{told}; bring back the former ones, or go on with these: gghead resume {run.path} --accept-new-data"
            )
        monitor.event(f"WARNING: {told}; goes on with them, as --accept-new-data says")
    if now != before:
        write_inventory(run.data, now)
    return now.identity
