"""A model of a source screen on target screens of other laboratories: fitted once a measure, scored on each, resumable.

What is finished is a folder under the hash of all that decides it, as in `compare`: the same call does the rest.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd

from bdrp import __version__, inference
from bdrp.data import splits
from bdrp.data.harmonise import harmonise
from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.errors import BdrpWarning, DataError, ModelFolderError, OutputError
from bdrp.files import atomic, outputs, sealed_folder, strict_json, tables
from bdrp.fitted.fit import fit
from bdrp.fitted.model import TrainedModel
from bdrp.studies.comparison import write_table
from bdrp.studies.execution.run_matrix import fingerprint
from bdrp.studies.transfer_scores import TargetScores, score_source_screen, score_target, training_positions

MODELS, TARGETS = "models", "targets"
TABLES: Final = {"figures": "metrics", "shift": "shift", "ceiling": "concordance"}  # names of files, and of tables
LABELLED: Final = (0, 20, 100, 500)
MODEL_FACTS: Final = ("method", "options", "seed", "measure", "split", "recalibrator")  # what a report says of a model
SUMMARY_KEYS: Final = ("target", "measure", "notes")  # in every summary
Say = Callable[[str], None]


@dataclass(frozen=True)
class TransferProtocol:
    """How a model is made for, and scored on, every target.

    Attributes:
        method: one of `bdrp.inference.names()`, or the path of a file. options: of it.
        labelled: numbers of labelled target pairs.
        draws: how often labelled pairs are drawn; chosen: with one draw, what a hundred pairs are worth is luck.
        seed: of what is held out, of the fit, and of the draws.
        model: a model folder to take instead of fitting one.
    """

    method: str = "last_layer"
    options: Mapping[str, Any] = field(default_factory=dict)
    labelled: Sequence[int] = LABELLED
    draws: int = 3
    seed: int = 0
    model: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be done, before anything is.

        Raises:
            DataError: a number of labelled pairs is negative or one, or there is no draw.
            FitError: the method or an option is not known.
        """
        if not self.labelled or min(self.labelled) < 0 or 1 in self.labelled or self.draws < 1:
            raise DataError(
                f"A transfer cannot be adapted with {list(self.labelled)} labelled pairs in {self.draws} draws. "
                "Allowed: 0 and numbers from 2 on, and at least one draw. Change --labelled or --draws."
            )
        inference.make(self.method, self.options)


@dataclass(frozen=True)
class TransferTask:
    """A training screen and its targets in one measure, on shared keys."""

    train: Screen
    tests: tuple[Screen, ...]


@dataclass(frozen=True)
class TransferResults:
    """All tables, with a row for each target, as in `TargetScores`; `home` is of the source screen's own test part.

    Attributes:
        metrics, shift, concordance, home: tables.
        targets: a summary each.
        about: training screen, method, options, and what was held out.
    """

    metrics: pd.DataFrame
    shift: pd.DataFrame
    concordance: pd.DataFrame
    home: pd.DataFrame
    targets: tuple[Mapping[str, Any], ...]
    about: Mapping[str, Any]

    def save(self, out: Path) -> None:
        """Write transfer.parquet, shift.parquet and ceiling.parquet.

        Raises:
            OutputError: they cannot be written.
        """
        whole = pd.concat([self.metrics, self.home], ignore_index=True)
        for name, table in {"transfer": whole, "shift": self.shift, "ceiling": self.concordance}.items():
            write_table(table, out / f"{name}.parquet")


def group_by_measure(train: Mapping[str, Screen], tests: Sequence[Screen]) -> tuple[TransferTask, ...]:
    """Targets by measure, each task harmonised with the training screen in that measure.

    Args:
        train: the training screen in each measure that a target is in.
        tests: the targets.

    Raises:
        DataError: two screens have one name, or see `bdrp.data.harmonise`.
    """
    names = [next(iter(train.values())).name, *(test.name for test in tests)]
    if len(set(names)) < len(names) or not tests:
        raise DataError(
            f"A model of {names[0]} cannot be tested on {', '.join(names[1:]) or 'nothing'}. Allowed: one or more "
            "screens, each once, and not the training screen. Change --test."
        )
    measures = list(dict.fromkeys(test.measure.name for test in tests))
    found = []
    for measure in measures:
        mine = [test for test in tests if test.measure.name == measure]
        first, *others = harmonise(train[measure], *mine).screens
        found.append(TransferTask(first, tuple(others)))
    return tuple(found)


def run_transfer(
    tasks: Sequence[TransferTask],
    protocol: TransferProtocol,
    out: Path | str,
    *,
    device: str = "auto",
    progress: bool = False,
    say: Say = lambda text: None,
) -> TransferResults:
    """Fit or load a model a task, score it on every target, and keep each as soon as it is done.

    Args:
        tasks: from `group_by_measure`.
        protocol: what is done with every target.
        out: the folder of the transfer; what is in it from an earlier call is not done again.
        device: "auto", "cpu" or "cuda".
        progress: show a progress bar while fitting.
        say: called with a line on what is being done.

    Raises:
        BdrpError: the model cannot be fitted or does not fit, nothing is shared, or `out` cannot be written to.

    Warns:
        BdrpWarning: scores of an earlier call were altered; they are made again.
    """
    work = _Work(protocol, _place(Path(out)), [test for task in tasks for test in task.tests], device, progress, say)
    scores: list[TargetScores] = []
    homes: list[TargetScores] = []
    abouts: list[Mapping[str, Any]] = []
    for task in tasks:
        model, model_key = work.model(task)
        abouts.append({name: model.manifest[name] for name in MODEL_FACTS})
        scores += [work.scores(model, model_key, task.train, test) for test in task.tests]
        if model.held_out_part is not None:
            homes.append(
                _kept(work.place, {"model": model_key, "home": True}, partial(score_source_screen, model, task.train))
            )
    return TransferResults(
        metrics=_stacked([score.metrics for score in scores]),
        shift=_stacked([score.shift for score in scores]),
        concordance=_stacked([score.concordance for score in scores]),
        home=_stacked([home.metrics for home in homes]),
        targets=tuple(score.summary for score in scores),
        about={
            "train": tasks[0].train.name,
            "method": abouts[0]["method"],
            "seed": protocol.seed,
            "draws": protocol.draws,
            "models": abouts,
        },
    )


@dataclass(frozen=True)
class _Work:
    """What every task of a transfer needs; `others` are the targets of all of them."""

    protocol: TransferProtocol
    place: Path
    others: Sequence[Screen]
    device: str
    progress: bool
    say: Say

    def model(self, task: TransferTask) -> tuple[TrainedModel, str]:
        """The model of a task and its key: the one that is given, found, or fitted now."""
        if self.protocol.model is not None:
            given = _loaded(self.protocol.model, task)
            return given, _hash({"files": given.manifest["files"]})
        train = task.train
        split = splits.hold_out_shared(train, self.others, seed=self.protocol.seed)
        model_key = _hash(_fit_key(train, split, self.protocol))
        path, named = self.place / MODELS / model_key[:16], f"{train.name} in {train.measure.name}"
        model = TrainedModel.load(path) if path.exists() else None
        if model is not None and not model.manifest["interrupted"]:
            self.say(f"{named}: the fitted model is taken from {path}")
            return model, model_key
        self.say(f"{named}: fitting {self.protocol.method}")
        self._fit(train, split, path)
        model = TrainedModel.load(path)
        if model.manifest["interrupted"]:  # half a fit is not scored; the next call goes on with it
            raise KeyboardInterrupt
        return model, model_key

    def _fit(self, train: Screen, split: Split, path: Path) -> None:
        """Goes on from the checkpoint of a stopped fit, if there is one."""
        fit(
            train,
            split,
            method=self.protocol.method,
            seed=self.protocol.seed,
            out=path,
            options=self.protocol.options,
            device=self.device,
            resume=any(path.parent.glob(f"{path.name}.checkpoint*")),
            overwrite=path.exists(),
            progress=self.progress,
        )

    def scores(self, model: TrainedModel, model_key: str, train: Screen, test: Screen) -> TargetScores:
        """Of one target, kept under its key."""

        def make() -> TargetScores:
            self.say(f"{test.name}: scoring")
            protocol = self.protocol
            return score_target(model, train, test, protocol.labelled, draws=protocol.draws, seed=protocol.seed)

        return _kept(self.place, _key(model_key, train, test, self.protocol), make)


def _loaded(path: Path, task: TransferTask) -> TrainedModel:
    model, train = TrainedModel.load(path), task.train
    seen = {"screen": model.manifest["screen"], "measure": model.manifest["measure"]}
    asked = {"screen": train.name, "measure": train.measure.name}
    if seen != asked:
        raise ModelFolderError(
            f"The model {path} is of {seen['screen']} in {seen['measure']}; {asked['screen']} in {asked['measure']} is "
            "asked for. They must agree. Change --train, --measure or --model."
        )
    training_positions(model, train)
    return model


def _kept(place: Path, key: Mapping[str, Any], make: Callable[[], TargetScores]) -> TargetScores:
    """What lies under the hash of a key; made, and written beside its place and renamed, where it does not."""
    path = place / TARGETS / _hash(key)
    found = _read(path)
    if found is not None:
        return found
    made = make()
    atomic.remove(path)
    with sealed_folder.writing(path, overwrite=False) as beside:
        for name, table in TABLES.items():
            tables.write(getattr(made, table), beside / f"{name}.parquet", {})
        sealed_folder.seal(beside, {"key": dict(key), "summary": strict_json.plain(made.summary)})
    return made


def _read(path: Path) -> TargetScores | None:
    """What was kept in a folder, None where nothing was or it is not what was written.

    Warns:
        BdrpWarning: it is not what was written.
    """
    if not path.exists():
        return None
    try:
        summary = sealed_folder.opened(path).get("summary")
        if not isinstance(summary, dict) or not set(SUMMARY_KEYS) <= set(summary):
            raise ModelFolderError(f"The scores {path} do not say their {', '.join(SUMMARY_KEYS)}.")
        tables = {table: pd.read_parquet(path / f"{name}.parquet") for name, table in TABLES.items()}
    except (ModelFolderError, OSError, ValueError) as error:
        warnings.warn(f"Kept scores are not used, and are made again: {error}", BdrpWarning, stacklevel=4)
        return None
    return TargetScores(**tables, summary=summary)


def _fit_key(train: Screen, split: Split, protocol: TransferProtocol) -> dict[str, Any]:
    method = inference.make(protocol.method, protocol.options)
    parts = hashlib.sha256("\n".join(split.parts).encode()).hexdigest()
    options = {"method": method.name, **inference.origin(method), "options": method.options(), "seed": protocol.seed}
    return {"bdrp": __version__, "screen": fingerprint(train), "parts": parts, **options}


def _key(model: str, train: Screen, test: Screen, protocol: TransferProtocol) -> dict[str, Any]:
    asked = {"labelled": sorted(set(protocol.labelled)), "draws": protocol.draws, "seed": protocol.seed}
    screens = {"train": fingerprint(train), "test": fingerprint(test)}
    return {"bdrp": __version__, "model": model, **screens, **asked}


def _hash(key: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _place(out: Path) -> Path:
    outputs.refuse_model(out)
    if out.exists() and not out.is_dir():
        raise OutputError(f"--out {out} is a file. A transfer is a folder. Choose another name.")
    if out.is_dir() and any(out.iterdir()) and not any((out / name).is_dir() for name in (MODELS, TARGETS)):
        raise OutputError(
            f"The folder {out} is not empty and holds no transfer. A transfer needs a folder of its own: a new one, or "
            "that of an earlier transfer, which goes on. Choose another --out."
        )
    sealed_folder.reserve(out / TARGETS)
    return out


def _stacked(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
