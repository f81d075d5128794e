"""What happens in a worker process: one fit after another, each into a record; nothing is printed."""

from __future__ import annotations

import multiprocessing
import os
import platform
import signal
import sys
import threading
import time
import traceback
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bdrp.data import randomisation, splits
from bdrp.data.screen import Screen
from bdrp.errors import BdrpError
from bdrp.fitted.fit import fit
from bdrp.fitted.held_out import HeldOut
from bdrp.fitted.predict import predict
from bdrp.studies.execution import records
from bdrp.studies.execution.run_matrix import PARTITION_SEED, Run


@dataclass(frozen=True)
class RunEnd:
    """How a run ended: in how many seconds, and in which error ("" if in none)."""

    seconds: float
    error: str = ""


_screen: Screen | None = None  # a worker's own copy, received once and not with every run


def prepare_process(screen: Screen) -> None:
    """Make a process ready: it leaves Ctrl-C to its parent, goes when its parent goes, and computes on one thread."""
    global _screen
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_go_with_the_parent, daemon=True).start()
    import torch

    torch.set_num_threads(1)
    _screen = screen


def run_in_process(run: Run, out: Path, device: str) -> RunEnd:
    """Do a run with the screen that `begin` received, and record it.

    Raises:
        OutputError: the record cannot be written.
    """
    if _screen is None:
        raise RuntimeError("work() was called in a process that begin() has not prepared")
    return fit_and_record(_screen, run, out, device)


def fit_and_record(screen: Screen, run: Run, out: Path, device: str) -> RunEnd:
    """Fit, predict and write the record; a failure is recorded with its error.

    Raises:
        OutputError: the record cannot be written.
    """
    return record(run, out, *fit_run(screen, run, device))


def fit_run(screen: Screen, run: Run, device: str) -> tuple[dict[str, Any], HeldOut | None]:
    """Fit and predict; the content of the run's record, a failure with its error, and its held-out predictions."""
    began, resets = time.perf_counter(), _reset_peak()
    predicted: HeldOut | None = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        try:
            predicted, content = _fit(screen, run, device)
        except Exception as error:  # whatever it is, it must not stop the other runs
            content = {"error": _described(error), "seconds": {"fit": time.perf_counter() - began}}
    said = dict.fromkeys(f"{each.category.__name__}: {each.message}" for each in caught)
    content |= {"peak_memory_bytes": _peak(), "peak_memory_of": "run" if resets else "worker", "warnings": list(said)}
    return content | {"host": _host(device)}, predicted


def record(run: Run, out: Path, content: dict[str, Any], predicted: HeldOut | None) -> RunEnd:
    """Write a run's record, and say how it ended.

    Raises:
        OutputError: the record cannot be written.
    """
    records.write_record(out, run, content, predicted)
    return RunEnd(sum(content["seconds"].values()), content.get("error", {}).get("message", ""))


def _fit(screen: Screen, run: Run, device: str) -> tuple[HeldOut, dict[str, Any]]:
    """The straight line of `bdrp fit`; `predict` is what predicting the held-out pairs once more takes."""
    split = splits.make(screen, run.split, seed=PARTITION_SEED, fold=run.fold, folds=run.folds, partition=run.partition)
    screen = randomisation.shuffle_screen(screen, split, run.shuffled, run.seed) if run.shuffled else screen
    at = [time.perf_counter()]
    model = fit(screen, split, method=run.method, seed=run.seed, options=run.options, device=device, progress=False)
    at.append(time.perf_counter())
    observed = model.held_out()
    predict(model, screen=screen, pairs=observed[["cell_line_id", "drug_id"]])
    at.append(time.perf_counter())
    predicted = HeldOut(observed, model.held_out_predictions(), model.held_out_uncalibrated())
    kept = ("unit", "versions", "recalibrator", "notices", "interrupted")
    return predicted, {
        "seconds": {"fit": at[1] - at[0], "predict": at[2] - at[1]},
        "split": split.summary(),
        **{name: model.manifest[name] for name in kept},
    }


def _described(error: Exception) -> dict[str, str]:
    """The error's kind and message, and where it came from if bdrp did not raise it on purpose."""
    kind = {"kind": type(error).__name__, "message": str(error) or type(error).__name__}
    where = "".join(traceback.format_tb(error.__traceback__))
    return kind if isinstance(error, BdrpError) else kind | {"traceback": where}


def _host(device: str) -> dict[str, Any]:
    return {"system": platform.system(), "machine": platform.machine(), "cpus": os.cpu_count(), "device": device}


def _reset_peak() -> bool:
    """Whether the process's peak of memory could be set back, which Linux alone can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return True
    return False


def _peak() -> int | None:
    """The process's peak resident memory in bytes, None where the system does not say."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    if sys.platform == "win32":
        return None
    import resource

    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else 1024 * highest


def _go_with_the_parent() -> None:
    """A parent that is killed cannot tell its workers, which would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
