"""What a fit shows of its epochs: the last loss and validation score beside a bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bdrp.progress import show_bar

if TYPE_CHECKING:
    from bdrp.inference.training.checkpoint import Progress

Show = Callable[["Progress"], None]


@contextmanager
def show_epochs(epochs: int) -> Iterator[Show]:
    """A bar over the epochs, with loss and validation score; the function is told of each finished epoch."""
    with show_bar("fit", epochs) as advance:
        yield lambda progress: advance(progress.epoch, note=describe(progress))


def describe(progress: Progress) -> str:
    """The last loss and validation score, and the best one."""
    metrics = f"loss {progress.losses[-1]:.3f}" if progress.losses else ""
    if progress.scores and progress.scores[-1] is not None:
        metrics += f"  validation {progress.scores[-1]:.3f} (best {progress.best_score:.3f})"
    return metrics
