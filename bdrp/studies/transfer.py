"""A model of a source screen on target screens of other laboratories: fitted once a measure, scored on each, resumable.

What is finished is a folder under the hash of all that decides it, as in `compare`: the same call does the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd

from bdrp import __version__, inference
from bdrp.data import splits
from bdrp.data.expression.matching import NONE
from bdrp.data.harmonise import harmonise
from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.display import Displayed
from bdrp.errors import DataError, ModelFolderError
from bdrp.fitted.fit import fit
from bdrp.fitted.laboratory import Laboratories, LaboratoryScales
from bdrp.fitted.learn_laboratory import learn_laboratory
from bdrp.fitted.model import TrainedModel
from bdrp.studies.adaptation import check_labelling
from bdrp.studies.comparison import write_table
from bdrp.studies.execution.run_matrix import fingerprint
from bdrp.studies.folder import address, is_model_of, remember_model
from bdrp.studies.transfer_records import MODELS, keep_scales, keep_scores, reserve_folder
from bdrp.studies.transfer_scores import (
    Labelling,
    TargetScores,
    score_source_screen,
    score_target,
    training_positions,
)

LABELLED: Final = (0, 20, 100, 500)
MODEL_FACTS: Final = ("method", "options", "seed", "measure", "split", "recalibrator")  # what a report says of a model
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
        labelling: how labelled pairs are drawn, one of `bdrp.studies.adaptation.LABELLINGS`.
    """

    method: str = "last_layer"
    options: Mapping[str, Any] = field(default_factory=dict)
    labelled: Sequence[int] = LABELLED
    draws: int = 3
    seed: int = 0
    model: Path | None = None
    labelling: str = "pairs"

    def __post_init__(self) -> None:
        """Refuse what cannot be done, before anything is.

        Raises:
            DataError: a number of labelled pairs is negative or one, there is no draw, or no such labelling.
            FitError: the method or an option is not known.
        """
        if not self.labelled or min(self.labelled) < 0 or 1 in self.labelled or self.draws < 1:
            raise DataError(
                f"A transfer cannot be adapted with {list(self.labelled)} labelled pairs in {self.draws} draws. "
                "Allowed: 0 and numbers from 2 on, and at least one draw. Change --labelled or --draws."
            )
        check_labelling(self.labelling)
        inference.make(self.method, self.options)


@dataclass(frozen=True)
class TransferTask:
    """A training screen and its targets in one measure, on shared keys."""

    train: Screen
    tests: tuple[Screen, ...]


@dataclass(frozen=True, repr=False)
class TransferResults(Displayed):
    """All tables, with a row for each target, as in `TargetScores`; `home` is of the source screen's own test part.

    Attributes:
        metrics, shift, concordance, home: tables.
        targets: a summary each.
        about: training screen, method, options, and what was held out.
        by_drug: a table, as in `TargetScores`.
        laboratories: what was learned of the targets, with the models; of methods that cannot be updated nothing.
    """

    metrics: pd.DataFrame
    shift: pd.DataFrame
    concordance: pd.DataFrame
    home: pd.DataFrame
    targets: tuple[Mapping[str, Any], ...]
    about: Mapping[str, Any]
    by_drug: pd.DataFrame = field(default_factory=pd.DataFrame)
    laboratories: Laboratories = field(default_factory=Laboratories)

    def save(self, out: Path) -> None:
        """Write transfer.parquet, shift.parquet, ceiling.parquet, drugs.parquet and, if learned, laboratory.json.

        Raises:
            OutputError: they cannot be written.
        """
        whole = pd.concat([self.metrics, self.home], ignore_index=True)
        named = {"transfer": whole, "shift": self.shift, "ceiling": self.concordance, "drugs": self.by_drug}
        for name, table in named.items():
            write_table(table, out / f"{name}.parquet")
        if self.laboratories.scales:
            self.laboratories.save(out / "laboratory.json")


def group_by_measure(
    train: Mapping[str, Screen], tests: Sequence[Screen], match: str = NONE
) -> tuple[TransferTask, ...]:
    """Targets by measure, each task harmonised with the training screen in that measure.

    Args:
        train: the training screen in each measure that a target is in.
        tests: the targets.
        match: how their expression is mapped onto that of the training screen; see `bdrp.data.harmonise`.

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
        first, *others = harmonise(train[measure], *mine, match=match).screens
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
    work = _Work(
        protocol, reserve_folder(Path(out)), [test for task in tasks for test in task.tests], device, progress, say
    )
    models = [(task, *work.model(task)) for task in tasks]
    learned = [one for task, model, key in models for one in work.learn(model, key, task)]
    known = Laboratories.shipped().updated(learned)
    scores: list[TargetScores] = []
    homes: list[TargetScores] = []
    for task, model, key in models:
        scores += [
            work.scores(model, key, task.train, test, known.without(test.name, task.train.name)) for test in task.tests
        ]
        if model.held_out_part is not None:
            make = partial(score_source_screen, model, task.train)
            homes.append(keep_scores(work.place, {"model": key, "home": True}, make))
    abouts = [{name: model.manifest[name] for name in MODEL_FACTS} for _, model, _ in models]
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
            "labelling": protocol.labelling,
            "models": abouts,
        },
        by_drug=_stacked([score.by_drug for score in scores]),
        laboratories=Laboratories(tuple(learned), _describe(protocol, tasks)),
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
            return given, address({"files": given.manifest["files"]})
        train = task.train
        split = splits.hold_out_shared(train, self.others, seed=self.protocol.seed)
        key = _fit_key(train, split, self.protocol)
        model_key = address(key)
        path, named = self.place / MODELS / model_key[:16], f"{train.name} in {train.measure.name}"
        model = TrainedModel.load(path) if path.exists() else None
        whole = model is not None and not model.manifest["interrupted"]
        if model is not None and whole and is_model_of(self.place, key, model.digest):
            self.say(f"{named}: the fitted model is taken from {path}")
            return model, model_key
        self.say(f"{named}: fitting {self.protocol.method}")
        self._fit(train, split, path)
        model = TrainedModel.load(path)
        if model.manifest["interrupted"]:  # half a fit is not scored; the next call goes on with it
            raise KeyboardInterrupt
        remember_model(self.place, key, model.digest)
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

    def learn(self, model: TrainedModel, model_key: str, task: TransferTask) -> list[LaboratoryScales]:
        """How each target differs, kept under its key; nothing of a method that cannot be updated."""
        if not model.fitted.can_update:
            return []

        def make(test: Screen) -> LaboratoryScales:
            self.say(f"{test.name}: learning how it differs from {task.train.name}")
            return learn_laboratory(model, test, seed=self.protocol.seed)

        asked = {"bdrp": __version__, "model": model_key, "seed": self.protocol.seed}
        return [
            keep_scales(self.place, {**asked, "test": fingerprint(test)}, partial(make, test)) for test in task.tests
        ]

    def scores(
        self, model: TrainedModel, model_key: str, train: Screen, test: Screen, known: Laboratories
    ) -> TargetScores:
        """Of one target, kept under its key; `known` are laboratories other than it and the source."""
        scales = known.prior(test.measure.name)

        def make() -> TargetScores:
            self.say(f"{test.name}: scoring, between-laboratory scales of {known.describe(test.measure.name)}")
            protocol = self.protocol
            labelling = Labelling(protocol.labelled, protocol.draws, protocol.labelling, protocol.seed)
            return score_target(model, train, test, labelling, scales)

        key = _key(model_key, train, test, self.protocol)
        return keep_scores(self.place, {**key, "scales": scales.to_json()}, make)


def _loaded(path: Path, task: TransferTask) -> TrainedModel:
    model, train = TrainedModel.load(path), task.train
    seen = {"screen": model.manifest["screen"], "measure": model.manifest["measure"]}
    asked = {"screen": train.name, "measure": train.measure.name}
    if seen != asked:
        raise ModelFolderError(
            f"The model {path} is of {seen['screen']} in {seen['measure']}; {asked['screen']} in {asked['measure']} is "
            "asked for. They must agree. Change --train, --measure or --model."
        )
    model.refuse_updated("Scores of transfer")
    training_positions(model, train)
    return model


def _fit_key(train: Screen, split: Split, protocol: TransferProtocol) -> dict[str, Any]:
    method = inference.make(protocol.method, protocol.options)
    parts = hashlib.sha256("\n".join(split.parts).encode()).hexdigest()
    options = {"method": method.name, **inference.origin(method), "options": method.options(), "seed": protocol.seed}
    return {"bdrp": __version__, "screen": fingerprint(train), "parts": parts, **options}


def _key(model: str, train: Screen, test: Screen, protocol: TransferProtocol) -> dict[str, Any]:
    asked: dict[str, Any] = {"labelled": sorted(set(protocol.labelled)), "draws": protocol.draws}
    asked |= {"seed": protocol.seed, "labelling": protocol.labelling}
    screens = {"train": fingerprint(train), "test": fingerprint(test)}
    return {"bdrp": __version__, "model": model, **screens, **asked}


def _describe(protocol: TransferProtocol, tasks: Sequence[TransferTask]) -> str:
    tests = ",".join(test.name for task in tasks for test in task.tests)
    options = "".join(f" --option {name}={value}" for name, value in protocol.options.items())
    made = f"--model {protocol.model.name}" if protocol.model else f"--method {protocol.method}{options}"
    return f"bdrp transfer --train {tasks[0].train.name} --test {tests} {made} --seed {protocol.seed}"


def _stacked(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
