"""Where a training run stands, in memory and on disk: safetensors, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from bdrp.errors import FitError
from bdrp.files import atomic
from bdrp.files import tensors as safetensors_files

DIGEST: Final = "digest"


@dataclass
class Progress:
    """Epochs done, and how they went.

    Attributes:
        epoch: epochs completed. best_epoch: the one whose state is the best so far.
        best_score: its validation score. losses, scores: one an epoch.
        interrupted: the user stopped the run before its end.
    """

    epoch: int = 0
    best_epoch: int = 0
    best_score: float = math.inf
    losses: list[float] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)
    interrupted: bool = False


@dataclass
class State:
    """A run between two epochs: what must be kept to repeat what follows."""

    module: nn.Module
    optimiser: torch.optim.Optimizer
    average: dict[str, Tensor]
    best: dict[str, Tensor]
    progress: Progress

    def snapshot(self, identity: str) -> tuple[dict[str, Tensor], dict[str, str]]:
        """Copies of every tensor, and the rest as text."""
        tensors = {f"module.{name}": value for name, value in copy_state(self.module).items()}
        tensors |= {f"average.{name}": value.clone() for name, value in self.average.items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": torch.as_tensor(value).clone() for name, value in state.items()}
        progress = {**vars(self.progress), "interrupted": False}
        return tensors, {"identity": identity, "progress": json.dumps(progress)}


def copy_state(module: nn.Module) -> dict[str, Tensor]:
    """A copy of a module's state."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Replace the checkpoint at `path` in one step.

    Raises:
        OutputError: it cannot be written; the one before still stands.
    """
    with atomic.refusing("The checkpoint", path):
        safetensors_files.write(path, tensors, metadata | {DIGEST: _digest(tensors, metadata)})


def is_checkpoint(path: Path) -> bool:
    """Whether a file is a checkpoint of any run."""
    try:
        with safe_open(path, "pt") as file:
            return "identity" in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def read(path: Path, identity: str, state: State) -> None:
    """Put `state` where the checkpoint at `path` stood.

    Raises:
        FitError: it cannot be read, belongs to another run, or does not hold together.
    """
    if not path.is_file():  # a pipe would be waited for
        raise FitError(f"At {path} stands something that is no file. A checkpoint is one. Move it away.")
    try:
        with safe_open(path, "pt") as file:
            metadata = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise FitError(f"The checkpoint {path} cannot be read: {error}. Delete it to start again.") from error
    if metadata.get("identity") != identity:
        raise FitError(
            f"The checkpoint {path} belongs to another run. Method, options, seed, split and data must be the same to "
            "resume. Delete it, or choose another --out."
        )
    if metadata.pop(DIGEST, "") != _digest(tensors, metadata):
        raise FitError(
            f"The checkpoint {path} was altered, or another version of bdrp wrote it: its digest differs from what it "
            "holds. Delete it to start again."
        )
    try:
        _restore(tensors, json.loads(metadata["progress"]), state)
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        raise FitError(f"The checkpoint {path} does not hold together: {error}. Delete it to start again.") from error


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """The SHA-256 of every tensor, by name, and of the text beside them."""
    found = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name in sorted(tensors):
        value = tensors[name]
        found.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        found.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def _restore(tensors: dict[str, Tensor], progress: dict[str, Any], state: State) -> None:
    best, average, module = (
        {name.split(".", 1)[1]: value for name, value in tensors.items() if name.startswith(kind)}
        for kind in ("best.", "average.", "module.")
    )
    for part in (best, average, module):  # a part that does not fit is refused before anything goes on
        state.module.load_state_dict(part)
    state.best.update(best)
    state.average.update(average)
    parameters = [parameter for group in state.optimiser.param_groups for parameter in group["params"]]
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser."):
            _, index, key = name.split(".", 2)
            if value.ndim and value.shape != parameters[int(index)].shape:
                raise ValueError(f"{name} is of shape {tuple(value.shape)}")
            moments.setdefault(int(index), {})[key] = value
    state.optimiser.load_state_dict({**state.optimiser.state_dict(), "state": moments})
    restored = Progress(**progress)
    if not isinstance(restored.epoch, int) or not isinstance(restored.best_epoch, int):
        raise TypeError(f"it stands at epoch {restored.epoch!r}")
    state.progress = restored
