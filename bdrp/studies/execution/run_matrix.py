"""What is compared: methods on folds of splits with several seeds, each run known by the hash of what decides it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from bdrp import __version__, inference
from bdrp.data import randomisation
from bdrp.data.profiles import TISSUE
from bdrp.data.screen import Screen
from bdrp.data.splits import BY, PARTITIONS
from bdrp.errors import DataError, did_you_mean

MOST: Final = 1_000
"""Folds, and seeds; chosen: more than anyone fits, and no number that takes for ever to count to."""
PARTITION_SEED: Final = 0  # chosen: folds are the same for every seed, so that seeds tell what a random start changes


@dataclass(frozen=True)
class Run:
    """One fit: a method on one fold of one split with one seed.

    Attributes:
        label: what the comparison calls the method; not part of the key.
        method: one of `bdrp.inference.names()`, or the path of a file.
        options: of `Method.options`: all of them, defaults too.
        split: what is held out.
        fold: which fold is the test part, from 0.
        folds: how many there are.
        seed: of the fit's random draws.
        screen: `fingerprint` of the screen.
        shuffled: what of the screen is shuffled before the fit, one of `bdrp.data.randomisation.KINDS`; "" is nothing.
        partition: how the folds were made; see `bdrp.data.splits.make`.
        origin: where the method comes from, {} for bdrp's own; see `bdrp.inference.origin`.
    """

    label: str
    method: str
    options: Mapping[str, Any]
    split: str
    fold: int
    folds: int
    seed: int
    screen: Mapping[str, Any] = field(repr=False)
    shuffled: str = ""
    partition: str = "drawn"
    origin: Mapping[str, Any] = field(default_factory=dict)

    @property
    def where(self) -> dict[str, Any]:
        """The screen's fingerprint, with how many folds it was cut into, and how."""
        return {**self.screen, "folds": self.folds, "partition": self.partition}

    @property
    def config(self) -> dict[str, Any]:
        """All that decides the result, ready for JSON; what is shuffled, and a method's foreign origin, if any."""
        split = {"by": self.split, "fold": self.fold, "folds": self.folds, "seed": PARTITION_SEED}
        split |= {"partition": self.partition} if self.partition != "drawn" else {}
        config = {
            "bdrp": __version__,
            "screen": dict(self.screen),
            "split": split,
            "method": inference.name_of(self.method),
            "options": dict(self.options),
            "seed": self.seed,
        }
        return config | ({"shuffled": self.shuffled} if self.shuffled else {}) | dict(self.origin)

    @cached_property
    def key(self) -> str:
        """The sha256 of the configuration: equal runs have one key, whatever they are called."""
        text = json.dumps(self.config, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def __str__(self) -> str:
        """What a progress display says of it."""
        return f"{self.label}, split by {self.split}, fold {self.fold}, seed {self.seed}"


@dataclass(frozen=True)
class RunMatrix:
    """Every method on every fold of every split with every seed.

    Attributes:
        methods: label to method; a method may stand under several labels with other options.
        splits: names of `bdrp.data.splits.BY`.
        folds: of each split.
        seeds: seeds 0, 1, ... of the fits; the folds stay the same.
        options: label to the options of its method.
        shuffled: label to what is shuffled for it, one of `bdrp.data.randomisation.KINDS`.
        partition: how the folds are made: "drawn" or "published"; see `bdrp.data.splits.make`.
    """

    methods: Mapping[str, str]
    splits: Sequence[str]
    folds: int = 5
    seeds: int = 3
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    shuffled: Mapping[str, str] = field(default_factory=dict)
    partition: str = "drawn"

    def __post_init__(self) -> None:
        """Refuse what cannot be run, before anything is.

        Raises:
            DataError: a split or a label is not known, or a number is too small.
            FitError: a method or an option is not known.
        """
        counts = 2 <= self.folds <= MOST and 1 <= self.seeds <= MOST
        if not self.methods or not self.splits or not counts:
            raise DataError(
                f"There is nothing to compare: {len(self.methods)} methods, {len(self.splits)} splits, {self.folds} "
                f"folds, {self.seeds} seeds. Allowed: at least one method, split and seed, and two folds; of folds and "
                f"seeds at most {MOST:,}. Change what is out of range."
            )
        _refuse("split", self.splits, BY)
        _refuse("partition", [self.partition], PARTITIONS)
        _refuse("method with options", list(self.options), list(self.methods))
        _refuse("method with something shuffled", list(self.shuffled), list(self.methods))
        _refuse("way to shuffle", sorted(set(self.shuffled.values())), randomisation.KINDS)
        for label, method in self.methods.items():
            inference.make(method, self.options.get(label))

    def runs(self, screen: Screen) -> tuple[Run, ...]:
        """Every run, fold by fold: where time ends early, all methods have the same folds behind them.

        Raises:
            DataError: the screen lacks a profile that a method reads.
        """
        for label, method in self.methods.items():
            _refuse_lack(label, inference.make(method, self.options.get(label)).modalities, screen)
        return tuple(self._runs(fingerprint(screen)))

    def _runs(self, screen: Mapping[str, Any]) -> Iterator[Run]:
        full = {label: inference.make(method, self.options.get(label)) for label, method in self.methods.items()}
        for seed in range(self.seeds):
            for fold in range(self.folds):
                for split in self.splits:
                    for label, method in self.methods.items():
                        yield Run(
                            label,
                            method,
                            full[label].options(),
                            split,
                            fold,
                            self.folds,
                            seed,
                            screen,
                            shuffled=self.shuffled.get(label, ""),
                            partition=self.partition,
                            origin=inference.origin(full[label]),
                        )


def fingerprint(screen: Screen) -> dict[str, Any]:
    """What a screen is: name, measure, the sha256 of every file that was read and of every table that came of them."""
    tables = {name: getattr(screen, name) for name in ("responses", "drugs", "cell_lines")} | dict(screen.profiles)
    tables.pop(TISSUE, None)  # told by the cell lines
    return {
        "name": screen.name,
        "measure": screen.measure.name,
        "checksums": dict(sorted(screen.checksums.items())),
        "tables": {name: _digest(table) for name, table in tables.items()},
    }


def _digest(table: pd.DataFrame) -> str:
    """The sha256 of a table's columns, index and values."""
    seen = hashlib.sha256(json.dumps([str(column) for column in table.columns]).encode())
    numbers = set(table.dtypes) == {np.dtype("float32")}  # a profile: thousands of columns, hashed at once
    seen.update(pd.util.hash_pandas_object(table.index.to_frame() if numbers else table).to_numpy().tobytes())
    if numbers:
        seen.update(np.ascontiguousarray(table.to_numpy()).tobytes())
    return seen.hexdigest()


def _refuse_lack(label: str, modalities: Sequence[str], screen: Screen) -> None:
    lacking = [name for name in modalities if name not in screen.profiles and name != TISSUE]
    if lacking:
        raise DataError(
            f"{screen.name} holds no {lacking[0]} of its lines, which {label} reads; it holds "
            f"{', '.join(screen.profiles)}. Load the screen with its table ({lacking[0]}=PATH), or leave "
            f"{lacking[0]} out of the modalities."
        )


def _refuse(what: str, names: Sequence[str], allowed: Sequence[str]) -> None:
    unknown, twice = [name for name in names if name not in allowed], len(set(names)) < len(names)
    if unknown or twice:
        seen = f"there is no {what} {unknown[0]!r}" if unknown else f"a {what} is named twice in {', '.join(names)}"
        meant = did_you_mean(unknown[0], allowed) if unknown else ""
        raise DataError(f"The comparison cannot be made: {seen}.{meant} Allowed: {', '.join(allowed)}, each once.")
