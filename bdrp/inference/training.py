"""One training loop for every method that descends a gradient: validated, interruptible, resumable."""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from bdrp.errors import BdrpWarning, FitError, OutputError

SECONDS_BETWEEN_CHECKPOINTS = 5.0  # chosen: a kill loses little, and writing costs little


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to descend.

    Attributes:
        epochs: passes over the training lines; the learning rate rises over the first tenth and then falls as a cosine.
        patience: epochs without a better validation score before stopping.
        clip: largest norm of the gradient.
    """

    epochs: int
    patience: int
    clip: float = 5.0

    def __post_init__(self) -> None:
        """Refuse fewer than one epoch.

        Raises:
            FitError: naming the option.
        """
        for name in ("epochs", "patience"):
            if getattr(self, name) < 1:
                raise FitError(f"{name} is {getattr(self, name)}; it must be at least 1. Choose another value.")

    def rate(self, progress: float) -> float:
        """The learning rate as a share of its peak, `progress` in [0, 1]."""
        return min(1.0, progress / 0.1) * 0.5 * (1 + math.cos(math.pi * progress)) + 1e-3


class Trainable(Protocol):
    """What the loop needs of a method."""

    module: nn.Module

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Optimiser groups with their own peak learning rate and weight decay."""

    def blocks(self, generator: torch.Generator) -> Iterator[Any]:
        """One epoch's blocks."""

    def loss(self, block: Any) -> Tensor:
        """The loss of a block, about one a response."""

    def validation_score(self) -> float | None:
        """Mean negative log density of the validation part; None where there is none."""


@dataclass
class Progress:
    """Where a run stands."""

    epoch: int = 0
    best_epoch: int = 0
    best_score: float = math.inf
    losses: list[float] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)


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
        trainable: the method at work.
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
    optimiser = torch.optim.AdamW(trainable.parameter_groups())
    peaks = [group["lr"] for group in optimiser.param_groups]
    best = _copy(trainable.module)
    progress = Progress()
    if checkpoint is not None and checkpoint.exists():
        progress = _resume(checkpoint, identity, trainable.module, optimiser, best)
    saved = time.monotonic()
    bar: Any = _bar(schedule.epochs) if show else nullcontext(lambda progress: None)
    with bar as advance:
        advance(progress)
        try:
            while progress.epoch < schedule.epochs and progress.epoch - progress.best_epoch < schedule.patience:
                _epoch(trainable, optimiser, peaks, schedule, progress, seed)
                if _improved(trainable, progress):
                    best.update(_copy(trainable.module))
                advance(progress)
                if checkpoint is not None and time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                    _save(checkpoint, identity, trainable.module, optimiser, best, progress)
                    saved = time.monotonic()
        except KeyboardInterrupt:
            warnings.warn(
                f"Interrupted in epoch {progress.epoch + 1} of {schedule.epochs}: the state of epoch "
                f"{progress.best_epoch} is kept, the best so far. Fit again with --resume to go on.",
                BdrpWarning,
                stacklevel=2,
            )
            if checkpoint is not None:
                _save(checkpoint, identity, trainable.module, optimiser, best, progress)
    trainable.module.load_state_dict(best)
    trainable.module.eval()
    return progress


def _epoch(
    trainable: Trainable,
    optimiser: torch.optim.Optimizer,
    peaks: list[float],
    schedule: Schedule,
    progress: Progress,
    seed: int,
) -> None:
    trainable.module.train()
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
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trainable.module.parameters(), schedule.clip)
        optimiser.step()
        total += loss.item()
    progress.losses.append(total / len(blocks))
    progress.epoch += 1


def _improved(trainable: Trainable, progress: Progress) -> bool:
    trainable.module.eval()
    score = trainable.validation_score()
    progress.scores.append(score)
    if score is not None and not score < progress.best_score:
        return False
    progress.best_score = math.inf if score is None else score
    progress.best_epoch = progress.epoch
    return True


def _copy(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


class _bar:  # noqa: N801 - reads as a function where it is used
    """A rich progress bar that shows loss and validation score an epoch."""

    def __init__(self, epochs: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("fit"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[figures]}"))
        self.display = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
        self.task = self.display.add_task("fit", total=epochs, figures="")

    def __enter__(self) -> Callable[[Progress], None]:
        self.display.start()
        return self.show

    def __exit__(self, *error: object) -> None:
        self.display.stop()

    def show(self, progress: Progress) -> None:
        figures = f"loss {progress.losses[-1]:.3f}" if progress.losses else ""
        if progress.scores and progress.scores[-1] is not None:
            figures += f"  validation {progress.scores[-1]:.3f} (best {progress.best_score:.3f})"
        self.display.update(self.task, completed=progress.epoch, figures=figures)


def _save(
    path: Path,
    identity: str,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    best: dict[str, Tensor],
    progress: Progress,
) -> None:
    tensors = {f"module.{name}": value for name, value in _copy(module).items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in state.items()}
    metadata = {"identity": identity, "progress": json.dumps(vars(progress))}
    temporary = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: value.contiguous().cpu() for name, value in tensors.items()}, temporary, metadata)
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"The checkpoint {path} cannot be written: {error}. Free space or choose --out.") from error


def _resume(
    path: Path, identity: str, module: nn.Module, optimiser: torch.optim.Optimizer, best: dict[str, Tensor]
) -> Progress:
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise FitError(f"The checkpoint {path} cannot be read: {error}. Delete it to start again.") from error
    if metadata.get("identity") != identity:
        raise FitError(
            f"The checkpoint {path} belongs to another run. Method, options, seed, split and data must be the same to "
            "resume. Delete it, or choose another --out."
        )
    try:
        return _restore(tensors, json.loads(metadata["progress"]), module, optimiser, best)
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        raise FitError(f"The checkpoint {path} does not hold together: {error}. Delete it to start again.") from error


def _restore(
    tensors: dict[str, Tensor],
    progress: dict[str, Any],
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    best: dict[str, Tensor],
) -> Progress:
    best.update({name[5:]: value for name, value in tensors.items() if name.startswith("best.")})
    module.load_state_dict({name[5:]: value for name, value in tensors.items() if name.startswith("best.")})
    module.load_state_dict({name[7:]: value for name, value in tensors.items() if name.startswith("module.")})
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser."):
            _, index, key = name.split(".", 2)
            if value.ndim and value.shape != parameters[int(index)].shape:
                raise ValueError(f"{name} is of shape {tuple(value.shape)}")
            state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
    restored = Progress(**progress)
    if not isinstance(restored.epoch, int) or not isinstance(restored.best_epoch, int):
        raise TypeError(f"it stands at epoch {restored.epoch!r}")
    return restored
