"""The loop: batches in, steps, ticks, snapshots, checkpoints."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from gghead.config.training import RunConfig
from gghead.data.conventions import recognise
from gghead.data.dataset import HeadDataset
from gghead.data.decoding import decode
from gghead.data.loader import Order
from gghead.data.resident import open_batches
from gghead.data.source import PictureSource
from gghead.rasterizer.replay import fastest_runner
from gghead.training.checkpoints import restore_state, save_state
from gghead.training.interruption import Interruption, catch_interruption
from gghead.training.metrics import Examiner
from gghead.training.precision import multiplication
from gghead.training.report import Accumulator
from gghead.training.run_folder import RunFolder
from gghead.training.snapshots import take_snapshot
from gghead.training.state import TrainingState, new_state
from gghead.training.steps import Setting, training_step
from gghead.training.telemetry import JsonLog, Monitor
from gghead.training.transfer import note_transfer, transfer


@dataclass(frozen=True)
class Outcome:
    """How a run ended: images seen, and whether it was asked to stop before its end."""

    images: int
    interrupted: bool


def train(run: RunFolder, monitor: Monitor, device: torch.device | str = "cpu") -> Outcome:
    """Trains from the run's newest checkpoint, or from the start if there is none, to its end.

    A run that was stopped and resumed is, on the CPU, bit for bit the run that was never stopped.

    Args:
        run: where its configuration stands and its results go.
        monitor: is told of every step.
        device: where to train.

    Raises:
        FileNotFoundError, ValueError: the data, the template or the checkpoint can't be read.
        FloatingPointError: the losses are no longer finite; the last checkpoint is from before.
    """
    config = run.config
    state = new_state(config, device)
    log = JsonLog(run.log)
    newest = run.checkpoints()[-1:]
    if newest:
        restore_state(newest[0], state)
        log.forget_after(state.images)
        JsonLog(run.metrics).forget_after(state.images)
        monitor.event(f"goes on from {state.images} images")
    elif config.init_from:
        note_transfer(run, transfer(config, state), monitor)
        _save(run, state)  # from here on the other run is not needed any more
    if state.images >= config.training.total_images:
        return Outcome(state.images, interrupted=False)
    with open_dataset(config) as dataset:
        if recognise(dataset.labels.astype(np.float64)).certain:
            monitor.event(
                f"WARNING: the cameras seem to be in another convention; see: gghead data check {config.data}"
            )
        pictures = decode(dataset, monitor.event)
        with catch_interruption() as interruption, multiplication(config.training.precision):
            _run_steps(run, state, pictures, Examiner(run, dataset, pictures, monitor), monitor, log, interruption)
    return Outcome(state.images, interruption.requested and state.images < config.training.total_images)


def open_dataset(config: RunConfig) -> HeadDataset:
    """The run's pictures at its resolution, on its background."""
    return HeadDataset.open(
        Path(config.data), config.model.discriminator.resolution, background=config.training.background
    )


def _run_steps(
    run: RunFolder,
    state: TrainingState,
    pictures: PictureSource,
    examiner: Examiner,
    monitor: Monitor,
    log: JsonLog,
    interruption: Interruption,
) -> None:
    config = run.config.training
    setting = Setting(config, torch.from_numpy(pictures.labels), run=fastest_runner(state.device))
    means = Accumulator(config.batch_size)
    order = Order(config.seed, config.batch_size, config.mirrored)
    with open_batches(pictures, order, state.images, state.device, config.random_background, monitor.event) as batches:
        while state.images < config.total_images and not interruption.requested:
            batch = next(batches)
            report = training_step(state, setting, batch.pictures, batch.labels, batch.transparency)
            means.add(report)
            monitor.advance(state.images)
            last = state.images >= config.total_images
            if last or state.images // config.log_every > (state.images - config.batch_size) // config.log_every:
                tick = means.read(state.images)
                log.tick(tick)
                monitor.tick(tick)
            if last or state.images % config.snapshot_every == 0:
                sheets = take_snapshot(run, state)
                _save(run, state)
                monitor.sheets(state.images, sheets)
            if config.metrics_every and state.images % config.metrics_every < config.batch_size:
                examiner.examine(state)
    if interruption.requested and not run.checkpoint(state.images).exists():
        _save(run, state)
        monitor.event(f"interrupted; saved at {state.images} images")


def _save(run: RunFolder, state: TrainingState) -> None:
    save_state(run.checkpoint(state.images), state)
    run.drop_old_checkpoints(run.config.training.kept_checkpoints)
