"""Training from top to bottom: data and state, steps in the order of the paper, and what is due after each of them."""

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch

from gghead.cuda.graphs import fastest_runner, on_gpu
from gghead.data.check.inspection import in_vain
from gghead.data.dataset import HeadDataset
from gghead.data.loader import Batch, open_batches
from gghead.processes.group import SINGLE_PROCESS, ProcessGroup
from gghead.processes.interruption import Interruption, catch_interruption
from gghead.rasterizer.cuda.device_report import watch_lists
from gghead.runs.run_folder import RunFolder
from gghead.training.ema import update_ema
from gghead.training.microbatches import share_of
from gghead.training.observe.health import require_finite
from gghead.training.observe.periodic_evaluation import PeriodicEvaluator, is_unmeasured
from gghead.training.observe.telemetry import Monitor
from gghead.training.outputs import Outputs
from gghead.training.precision import multiplication
from gghead.training.resume.data import require_same_data
from gghead.training.resume.restore import OnNan, build_or_restore, roll_back
from gghead.training.resume.settings import require_trainable
from gghead.training.run_pictures import decode_pictures, open_dataset
from gghead.training.schedules import ema_decay, growth_fade, is_due
from gghead.training.state import TrainingState
from gghead.training.step_report import Accumulator, Divergence, StepReport, StepValues
from gghead.training.steps.discriminator import step_discriminator, step_r1
from gghead.training.steps.generator import step_generator
from gghead.training.steps.inputs import StepContext, prepare_blur, prepare_real


@dataclass(frozen=True)
class Outcome:
    """How a run ended: images seen, and whether it was asked to stop before its end."""

    images: int
    interrupted: bool


def train(
    run: RunFolder,
    monitor: Monitor,
    device: torch.device | str = "cpu",
    group: ProcessGroup = SINGLE_PROCESS,
    on_nan: OnNan = "stop",
    accept_new_data: bool = False,
) -> Outcome:
    """Trains from the run's newest checkpoint, or from the start if there is none, to its end.

    A run that was stopped and resumed is, on the CPU, with the same number of threads, the same torch and the same kind
    of processor, bit for bit the run that was never stopped. Any number of processes that shares the batch evenly may
    go on with it; only rounding tells them apart.

    Args:
        run: where its configuration stands and its results go.
        monitor: is told of every step; of processes beside the first one too.
        device: where to train.
        group: the processes of the run, of which this is one.
        on_nan: whether a divergence ends the run, or takes it back to its newest checkpoint and on from there with
            other random numbers, up to MAX_ROLLBACKS times from one checkpoint.
        accept_new_data: whether the run goes on if its pictures are not those any more that it has seen.

    Raises:
        FileNotFoundError, ValueError: the data, the template or the checkpoint can't be read, the pictures are others
            than those seen, or another process trains the run.
        FloatingPointError: training has diverged; the last checkpoint is from before.
        ConnectionError: another process of the group is gone.
        OSError: results can't be written; the last checkpoint is untouched.
    """
    with run.claim() if group.is_rank_zero else nullcontext():
        return train_claimed(run, monitor, device, group, on_nan, accept_new_data)


def train_claimed(
    run: RunFolder,
    monitor: Monitor,
    device: torch.device | str,
    group: ProcessGroup,
    on_nan: OnNan,
    accept_new_data: bool,
) -> Outcome:
    """`train` for who holds the run's claim already, because something had to wait for it: opening trackers, say."""
    config, total_images = run.config, run.config.training.total_images
    require_trainable(run)
    share_of(config.training, config.model.discriminator, group)
    if group.is_rank_zero:
        run.sweep()
    with on_gpu(device), multiplication(config.training.precision):
        state, restored = build_or_restore(run, monitor, device, group)
        unmeasured = group.is_rank_zero and is_unmeasured(run, state.images)
        if state.images >= total_images and not unmeasured:
            return Outcome(state.images, interrupted=False)
        with open_dataset(config) as dataset:
            for reason in in_vain(dataset) if group.is_rank_zero else ():
                monitor.event(f"WARNING: this training may be in vain: {reason} (see: gghead data check {config.data})")
            data = (
                require_same_data(run, dataset, restored.data, accept_new_data, monitor) if group.is_rank_zero else ""
            )
            decode_pictures(config, dataset, monitor.event)
            evaluator = PeriodicEvaluator(run, dataset, monitor)
            if unmeasured:
                evaluator.examine(state)
            if state.images >= total_images:
                return Outcome(state.images, interrupted=False)
            outputs, attempts = Outputs(run, data, evaluator, monitor, group), Counter[int]()
            monitor.event(f"trains on {state.device}, threads of the processor: {torch.get_num_threads()}")
            with catch_interruption() as interruption:
                while True:
                    try:
                        interrupted = _train_steps(state, restored.pending, dataset, outputs, interruption)
                        return Outcome(state.images, interrupted)
                    except Divergence as error:
                        state, restored = roll_back(error, state, attempts, run, monitor, group, on_nan)


def _train_steps(
    state: TrainingState,
    pending: Sequence[StepValues],
    dataset: HeadDataset,
    outputs: Outputs,
    interruption: Interruption,
) -> bool:
    """Steps until the run's end, or until any process is asked to stop; returns whether that was the reason.

    What is due at a number of images is written before the checkpoint of that number, so a run that is killed at any
    moment misses nothing when it goes on. Measuring takes minutes and comes afterwards; a run makes up for it.

    Args:
        state: where to go on from.
        pending: values of the steps before it since the last line of the log.
        dataset: the real pictures.
        outputs: where results go.
        interruption: whether this process was asked to stop.

    Raises:
        Divergence: something is no longer finite; nothing of it was saved.
    """
    config, group, monitor = outputs.run.config.training, outputs.group, outputs.monitor
    order = share_of(config, outputs.run.config.model.discriminator, group)
    runner = fastest_runner(state.device, watch_lists, group.any_of)
    context = StepContext(config, torch.from_numpy(dataset.labels), group, runner)
    means = Accumulator(config.batch_size, group, pending)
    with open_batches(dataset, order, state.images, state.device, monitor.event) as batches:
        requested = group.any(lambda: interruption.requested)
        while not (stopped := requested()) and state.images < config.total_images:
            requested = group.any(lambda: interruption.requested)  # answered while the step is made
            means.add(training_step(state, context, next(batches)))
            monitor.advance(state.images)
            last = state.images >= config.total_images
            saved = last or is_due(state.images, config.snapshot_every, config.batch_size)
            measured = is_due(state.images, config.metrics_every, config.batch_size)
            if last or is_due(state.images, config.log_every, config.batch_size):
                outputs.log(means.read(state.images))
            if saved or measured:
                unlogged = require_finite(state, means)
            if saved:
                outputs.sheets(state)
                outputs.checkpoint(state, unlogged, with_snapshot=True)
            if measured:
                outputs.evaluate(state)
    if not stopped or state.images >= config.total_images:
        return False
    outputs.checkpoint(state, require_finite(state, means))
    monitor.event(f"interrupted; saved at {state.images} images")
    return True


def training_step(state: TrainingState, context: StepContext, batch: Batch) -> StepReport:
    """One step in the order of the paper; every random number follows from (seed, images seen, rollbacks).

    Args:
        state: changed in place; afterwards the same in all processes of the group.
        context: how.
        batch: this process's part of the real images.

    Returns:
        Of this process's part.

    Source: Kirschstein et al. 2024, "GGHead", section 3; Karras et al. 2020 (StyleGAN2), whose order of steps it is.
    """
    config, images = context.config, state.images
    state.discriminator.fade_in(growth_fade(config, images))
    blur, real = prepare_blur(state, config), prepare_real(state, context, batch)
    report = step_generator(state, context, blur) | step_discriminator(state, context, real, blur)
    if is_due(images, config.r1_every * config.batch_size, config.batch_size):
        report |= step_r1(state, context, real, blur)
    update_ema(state.generator_ema, state.generator, ema_decay(config, images))
    state.images += config.batch_size
    return report
