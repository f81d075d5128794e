"""The progress bar of a fit: a live one in a terminal, one line of text in a notebook, which a saved one keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from bdrp.inference.training.checkpoint import Progress

Show = Callable[["Progress"], None]


@contextmanager
def show_epochs(epochs: int) -> Iterator[Show]:
    """A bar over the epochs, with loss and validation score; the function is told of each finished epoch."""
    console = Console(stderr=True)
    with _line(epochs) if console.is_jupyter else _live(epochs, console) as show:
        yield show


@contextmanager
def _live(epochs: int, console: Console) -> Iterator[Show]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("fit"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[metrics]}"))
    with Bar(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("fit", total=epochs, metrics="")
        yield lambda progress: bar.update(task, completed=progress.epoch, metrics=describe(progress))


@contextmanager
def _line(epochs: int) -> Iterator[Show]:
    """In a notebook rich's bar leaves nothing where the notebook is saved; of this one the last state stays."""
    from tqdm.std import tqdm

    with tqdm(total=epochs, desc="fit", unit="epoch", ncols=100, mininterval=0.5, leave=True) as bar:

        def show(progress: Progress) -> None:
            bar.set_postfix_str(describe(progress), refresh=False)
            bar.update(progress.epoch - bar.n)

        yield show


def describe(progress: Progress) -> str:
    """The last loss and validation score, and the best one."""
    metrics = f"loss {progress.losses[-1]:.3f}" if progress.losses else ""
    if progress.scores and progress.scores[-1] is not None:
        metrics += f"  validation {progress.scores[-1]:.3f} (best {progress.best_score:.3f})"
    return metrics
