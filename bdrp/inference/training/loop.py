"""One training loop for every method that descends a gradient: validated, interruptible, resumable."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from bdrp.errors import BdrpWarning, FitError
from bdrp.inference.method import require_at_least
from bdrp.inference.training.bar import show_epochs
from bdrp.inference.training.checkpoint import Progress, State, copy_state, read, write

SECONDS_BETWEEN_CHECKPOINTS = 5.0  # chosen: a kill loses little, and writing costs little


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to descend.

    Attributes:
        epochs: passes over the training lines; the learning rate rises over the first tenth and then falls as a cosine.
        patience: epochs without a better validation score before stopping.
        clip: largest norm of the gradient.
        averaged_steps: over how many steps weights are averaged.
    """

    epochs: int
    patience: int
    clip: float = 5.0
    averaged_steps: int = 60  # chosen on validation (docs/tried.md): the noise of one draw a step goes, the trend stays

    def __post_init__(self) -> None:
        """Refuse fewer than one epoch.

        Raises:
            FitError: naming the option.
        """
        require_at_least(self, epochs=1, patience=1)

    def rate(self, progress: float) -> float:
        """The learning rate as a share of its peak, `progress` in [0, 1]."""
        return min(1.0, progress / 0.1) * 0.5 * (1 + math.cos(math.pi * progress)) + 1e-3


class Trainable(Protocol):
    """What the loop needs of a training module."""

    module: nn.Module

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Optimiser groups with their own peak learning rate and weight decay."""

    def begin_epoch(self, epoch: int) -> None:
        """Called before each epoch with the number of epochs done; a resumed run starts in the midst."""

    def blocks(self, generator: torch.Generator) -> Iterator[Any]:
        """One epoch's blocks."""

    def loss(self, block: Any) -> Tensor:
        """The loss of a block, about one a response."""

    def clip(self, limit: float) -> None:
        """Shorten the gradient of whatever descends on its own to a norm of at most `limit`."""

    def validation_score(self) -> float | None:
        """Mean negative log density of the validation part; None where there is none."""


def train(
    trainable: Trainable,
    schedule: Schedule,
    *,
    seed: int,
    checkpoint: Path | None = None,
    identity: str = "",
    show: bool = False,
) -> Progress:
    """Descend until the schedule ends, validation stops improving, or the user interrupts; keep the best state.

    Args:
        trainable: the training module.
        schedule: how long and how fast.
        seed: every epoch draws from a generator of its own, so that a resumed run repeats what an unbroken one does.
        checkpoint: file to resume from and to write to.
        identity: what the run is; a checkpoint of another run is refused.
        show: draw a progress bar.

    Raises:
        FitError: the loss is not finite, or the checkpoint belongs to another run.

    Warns:
        BdrpWarning: the user interrupted; the best state so far was kept.
    """
    optimiser = torch.optim.AdamW(trainable.parameter_groups(), fused=True)  # one pass over the weights and not twelve
    peaks = [group["lr"] for group in optimiser.param_groups]
    state = State(trainable.module, optimiser, copy_state(trainable.module), copy_state(trainable.module), Progress())
    if checkpoint is not None and checkpoint.exists():
        read(checkpoint, identity, state)
    bar: Any = show_epochs(schedule.epochs) if show else nullcontext(lambda progress: None)
    writer = _CheckpointWriter(checkpoint, identity, state)
    with bar as advance:
        advance(state.progress)
        try:
            while not _finished(state.progress, schedule):
                _epoch(trainable, state, peaks, schedule, seed)
                if _improved(trainable, state):
                    state.best.update({name: value.clone() for name, value in state.average.items()})
                writer.snapshot()
                advance(state.progress)
            writer.finish()
        except KeyboardInterrupt:
            writer.write()
            state.progress.interrupted = True
            warnings.warn(
                f"Interrupted in epoch {state.progress.epoch + 1} of {schedule.epochs}: the state of epoch "
                f"{state.progress.best_epoch} is kept, the best so far. Fit again with --resume to go on.",
                BdrpWarning,
                stacklevel=2,
            )
    trainable.module.load_state_dict(state.best)
    trainable.module.eval()
    return state.progress


def _finished(progress: Progress, schedule: Schedule) -> bool:
    return progress.epoch >= schedule.epochs or progress.epoch - progress.best_epoch >= schedule.patience


class _CheckpointWriter:
    """Takes a snapshot of the last whole epoch, so that one cut short leaves no trace, and writes it now and then."""

    def __init__(self, path: Path | None, identity: str, state: State) -> None:
        self.path, self.identity, self.state = path, identity, state
        self.written = time.monotonic()
        self.snapshot()

    def snapshot(self) -> None:
        if self.path is None:
            return
        self.last = self.state.snapshot(self.identity)
        if time.monotonic() - self.written > SECONDS_BETWEEN_CHECKPOINTS:
            self.write()

    def finish(self) -> None:
        """Bring a checkpoint up to date, if the run was long enough to have one."""
        if self.path is not None and self.path.exists():
            self.write()

    def write(self) -> None:
        if self.path is not None:
            write(self.path, *self.last)
            self.written = time.monotonic()


def _epoch(trainable: Trainable, state: State, peaks: list[float], schedule: Schedule, seed: int) -> None:
    progress, optimiser = state.progress, state.optimiser
    trainable.module.train()
    trainable.begin_epoch(progress.epoch)
    epoch_seed = seed * 1_000_003 + progress.epoch
    torch.manual_seed(epoch_seed)
    blocks = list(trainable.blocks(torch.Generator().manual_seed(epoch_seed)))
    total = 0.0
    for position, block in enumerate(blocks):
        done = (progress.epoch + (position + 1) / len(blocks)) / schedule.epochs
        for group, peak in zip(optimiser.param_groups, peaks, strict=True):
            group["lr"] = peak * schedule.rate(done)
        optimiser.zero_grad()
        loss = trainable.loss(block)
        if not torch.isfinite(loss):
            raise FitError(
                f"The loss became {loss.item()} in epoch {progress.epoch + 1}. It must stay finite. "
                "Lower learning_rate, and check the responses for outliers."
            )
        loss.backward()
        trainable.clip(schedule.clip)
        optimiser.step()
        _average(state, progress.epoch * len(blocks) + position, schedule.averaged_steps)
        total += loss.item()
    progress.losses.append(total / len(blocks))
    progress.epoch += 1


@torch.no_grad()
def _average(state: State, step: int, steps: int) -> None:
    """Exponential moving average of every weight (Polyak & Juditsky 1992), shorter at the start."""
    weight = max(1 / steps, 1 / (1 + step / 4))
    values = state.module.state_dict()
    torch._foreach_lerp_([state.average[name] for name in values], list(values.values()), weight)


def _improved(trainable: Trainable, state: State) -> bool:
    """Judge the averaged weights on the validation part."""
    progress, raw = state.progress, copy_state(trainable.module)
    trainable.module.load_state_dict(state.average)
    trainable.module.eval()
    score = trainable.validation_score()
    trainable.module.load_state_dict(raw)
    if score is not None and not math.isfinite(score):
        raise FitError(
            f"The validation score became {score} in epoch {progress.epoch}. It must be finite. "
            "Lower learning_rate, and check the validation part for outliers."
        )
    progress.scores.append(score)
    if score is not None and not score < progress.best_score:
        return False
    progress.best_score = math.inf if score is None else score
    progress.best_epoch = progress.epoch
    return True
