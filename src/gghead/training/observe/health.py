"""Whether a run is well: nothing that is not finite is kept, and a collapse is told while something can be done."""

from collections.abc import Mapping

import torch

from gghead.training.state import TrainingState
from gghead.training.step_report import Accumulator, Divergence, StepValues

SATURATED_GAP = 20.0
"""Real minus fake logit from which softplus has no slope left in practice; the demo stays below 2.3."""
SATURATED_LOSS = 8.0
"""Loss of the generator that goes with it; the demo stays below 2."""
LARGEST_SCALE = 10.0
"""Mean norm of raw scales; the demo stays between 1.3 and 1.9. From raw 2 on Gaussians are near their largest size."""
SMALLEST_OPACITY = 0.01
"""Mean opacity below which a head is a mist; the demo's goes down to 0.044 and up again."""


def require_finite(state: TrainingState, means: Accumulator) -> tuple[StepValues, ...]:
    """The values of the steps since the last line of the log, if they and every weight and moment are finite.

    It waits for the device once.

    Raises:
        Divergence: some are non-finite. Names them.
        ConnectionError: another process is gone.
    """
    values = tuple(means.check(state.images))
    tensors = {
        f"{name} {key}": value for name, net in state.networks.items() for key, value in net.state_dict().items()
    }
    for name, (optimizer, network) in state.optimizers.items():
        for parameter_name, parameter in network.named_parameters():
            for quantity, value in optimizer.state[parameter].items():
                tensors[f"{name} {parameter_name} {quantity}"] = value
    finite = torch.stack([value.isfinite().all().to(state.device) for value in tensors.values()]).tolist()
    broken = [name for name, fine in zip(tensors, finite, strict=True) if not fine]
    if broken:
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        raise Divergence(
            f"training has diverged before {state.images} images: not finite: {', '.join(broken[:3])}{more}"
        )
    return values


def signs_of_collapse(losses: Mapping[str, float]) -> dict[str, str]:
    """What a tick shows of the usual ways in which training collapses: their names, and a line for people each."""
    signs = {}
    gap, loss = losses["real_logits"] - losses["fake_logits"], losses["generator"]
    if gap > SATURATED_GAP and loss > SATURATED_LOSS:
        signs["discriminator"] = (
            f"the discriminator is certain of every picture (logits {gap:.0f} apart, generator's loss {loss:.1f}), so "
            "the generator learns little; if it stays so: a larger r1_gamma, a smaller discriminator_lr, more pictures"
        )
    if losses["scale"] > LARGEST_SCALE:
        signs["scales"] = (
            f"raw scales run away (mean norm {losses['scale']:.1f}), as they do before training collapses; "
            "a larger scale_weight keeps them small"
        )
    if losses["opacity"] < SMALLEST_OPACITY:
        signs["opacities"] = (
            f"the Gaussians fade away (mean opacity {losses['opacity']:.3f}), and what is not seen does not learn; "
            "a smaller beta_weight or generator_lr, or an earlier checkpoint"
        )
    return signs


class CollapseWatch:
    """Tells each sign when it appears, not at every tick for as long as it lasts."""

    def __init__(self) -> None:
        self._present: set[str] = set()

    def news(self, losses: Mapping[str, float]) -> list[str]:
        """Lines about signs that were not there at the tick before."""
        signs = signs_of_collapse(losses)
        new = [line for name, line in signs.items() if name not in self._present]
        self._present = set(signs)
        return new
