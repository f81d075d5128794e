"""Parts of a question by the workers of a Ray cluster: Ray Data, with an actor that holds the model.

An actor sends back the very file that this process would have written, and it is written here: no disk has to be
shared. An actor that dies is started anew, and its part is answered again.
"""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bdrp import __version__, errors
from bdrp.data.structure_processes import PROCESSES
from bdrp.engines import Engine, cluster
from bdrp.errors import BdrpError, BdrpWarning, DataError
from bdrp.files import atomic
from bdrp.files.parts import Parts

if TYPE_CHECKING:
    from bdrp.fitted.stream import Task


def answer_on_cluster(task: Task, parts: Parts, engine: Engine, workers: int) -> Iterator[int]:
    """Answer the parts that are missing, `workers` at a time; their numbers, each when it is in its place.

    Raises:
        DataError: see `Question.answer` and `bdrp.engines.cluster.connected`.
        OutputError: a part cannot be written.

    Warns:
        BdrpWarning: what the workers were warned of.
    """
    todo = parts.missing
    workers = min(workers, len(todo))
    with cluster.connected(engine, workers) as ray:
        sent = ray.put(task)  # once for all actors; this process keeps it alive
        for found in _answers(sent, todo, workers).iter_rows():
            for message in found["warnings"]:
                warnings.warn(message, BdrpWarning, stacklevel=4)
            if found["refused"]:
                raise getattr(errors, found["refused"])(found["said"])
            path = parts.path(int(found["part"]))
            with atomic.refusing("A part of the predictions", path), atomic.replacing(path) as beside:
                beside.write_bytes(found["file"])
            parts.keep(int(found["part"]))
            yield int(found["part"])


class Answerer:
    """An actor: receives the task once, and answers a part a call, on one thread."""

    def __init__(self, asked_by: str, sent: tuple[Any]) -> None:
        import ray
        import torch

        torch.set_num_threads(1)
        os.environ[PROCESSES] = "1"
        self.refused, self.task = _release_refused(asked_by), ray.get(sent[0])

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """A part's number becomes its file, its warnings, and the error that refused it, if any."""
        with warnings.catch_warnings(record=True) as caught, tempfile.TemporaryDirectory() as place:
            warnings.simplefilter("always", BdrpWarning)
            path, refused = Path(place) / "part.parquet", self.refused
            try:
                if refused is None:
                    self.task.write(int(row["part"]), path)
            except BdrpError as error:
                refused = error
            file = b"" if refused else path.read_bytes()
        said = dict.fromkeys(str(each.message) for each in caught if issubclass(each.category, BdrpWarning))
        kind = type(refused).__name__ if refused else ""
        return {**row, "file": file, "warnings": list(said), "refused": kind, "said": str(refused or "")}


def _release_refused(asked_by: str) -> BdrpError | None:
    try:
        cluster.require_release(asked_by)
    except DataError as error:
        return error
    return None


def _answers(sent: Any, todo: list[int], workers: int) -> Any:
    """The data set of all answers, of which none is there before it is iterated over."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Ray warns of its own settings
        from ray import data

        context = data.DataContext.get_current()
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context.enable_progress_bars = False
    rows = data.from_items([{"part": number} for number in todo], override_num_blocks=len(todo))
    return rows.map(
        Answerer,
        fn_constructor_args=(__version__, (sent,)),  # in a tuple, for Ray would put the bytes themselves into a call
        compute=data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
        num_cpus=1,
    )
