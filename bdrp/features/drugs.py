"""The drugs that were trained on, an id each, and how others relate to them: same structure, shared targets, pathway.

A drug id is an assay. Two ids of one compound may be tested in other doses, batches or plates, and their responses then
differ by more than noise: on GDSC2 ten structures stand under two ids each, whose means over the same lines differ by
0.1 to 2.4 ln units. So every id has effects of its own, and an id that was not trained on borrows from its compound's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

NOT_NAMED = frozenset(
    {"", "-", "?", "n/a", "na", "nan", "none", "not defined", "other", "others", "unclassified", "unknown"}
)
"""What tables, GDSC's among them, write where no target or pathway is named; two such drugs have nothing in common."""
OF_THE_COMPOUND = 0.85
"""The share of the variance between drugs that ids of one compound have in common, where no data say so: of the mean
ln IC50 of ten compounds of GDSC2 it is 0.84, of sixteen of GDSC1 0.90. It counts as one compound with two ids."""


class DrugRelations(NamedTuple):
    """Similarities of D drugs with C training drugs beyond what a structure says, (D, C) each.

    Attributes:
        compound: 1 where the structure is the same.
        target: the share of named targets in common (Jaccard 1912); 0 where none is named.
        pathway: 1 where the pathway is the same; 0 where none is named.
        elsewhere: 1 where the assays are of different laboratories; 0 where a model was trained on one alone.
    """

    compound: Tensor
    target: Tensor
    pathway: Tensor
    elsewhere: Tensor

    @classmethod
    def unrelated(cls, drugs: int, trained: int) -> DrugRelations:
        """Of D drugs that share nothing with C training drugs."""
        return cls(*(torch.zeros(drugs, trained) for _ in cls._fields))

    def select(self, drugs: Tensor) -> DrugRelations:
        """Those of the drugs at these positions."""
        return DrugRelations(*(part[drugs] for part in self))

    def to(self, device: torch.device | str) -> DrugRelations:
        """The same on another device."""
        return DrugRelations(*(part.to(device) for part in self))

    @property
    def ids(self) -> Tensor:
        """(D,) how many training drugs are of the same compound."""
        return self.compound.sum(1)

    def average(self, values: Tensor) -> Tensor:
        """(D,) or (D, W) the mean of training drugs' values, (C,) or (C, W), over those of the same compound.

        NaN where there is none.
        """
        weights = (self.compound / self.ids[:, None]).to(values.dtype)  # 0 / 0 where there is none
        return weights @ values

    def borrow(self, effects: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """What effects of training drugs, about 0, say of ids that were not trained on.

        The best linear prediction of one more id from n of its compound (Henderson 1975). With c the `share` that ids
        of a compound have in common, these tell the compound's part by r = c / (c + (1 - c) / n).

        Returns:
            (D,) or (D, W) mean, r times the `average`; and (D,) the part of the variance between drugs that is left,
            1 - c r. 0 and 1 for a compound that was not trained on.
        """
        told = share * self.ids / (share * self.ids + 1 - share)
        mean = self.average(effects).nan_to_num()
        return told.to(mean.dtype).reshape(-1, *[1] * (mean.dim() - 1)) * mean, 1 - share * told


@dataclass(frozen=True)
class TrainingDrugs:
    """C drugs that were trained on.

    Attributes:
        compounds: structure keys, two ids of one compound next to each other.
        ids: drug ids; empty where a model was fitted without them, each compound under all of its ids.
        targets: named targets; empty where none is. pathways: likewise.
        laboratories: whose assay each is; empty where all are of one laboratory.
    """

    compounds: tuple[str, ...]
    ids: tuple[str, ...] = ()
    targets: tuple[tuple[str, ...], ...] = ()
    pathways: tuple[str, ...] = ()
    laboratories: tuple[str, ...] = ()

    @classmethod
    def from_table(cls, drugs: pd.DataFrame) -> Self:
        """The rows (index drug_id; structure_key and, if known, target, pathway, laboratory), sorted by structure."""
        ordered = drugs.rename_axis("drug_id").sort_values(["structure_key", "drug_id"])
        laboratories = tuple(_text(ordered, "laboratory"))
        return cls(
            tuple(ordered["structure_key"]),
            tuple(map(str, ordered.index)),
            tuple(map(name_targets, _text(ordered, "target"))),
            tuple(map(name_pathway, _text(ordered, "pathway"))),
            laboratories if len(set(laboratories)) > 1 else (),
        )

    @classmethod
    def restore(cls, saved: dict[str, Any]) -> Self:
        """From `to_json`.

        Raises:
            ValueError: the columns are not of one length, or a drug stands twice.
        """
        names = ("compounds", "ids", "targets", "pathways", "laboratories")
        columns = {name: tuple(saved.get(name, ())) for name in names}
        if any(len(column) not in (0, len(columns["compounds"])) for column in columns.values()):
            sizes = ", ".join(f"{len(column)} {name}" for name, column in columns.items())
            raise ValueError(f"its training drugs have {sizes}")
        drugs = cls(**columns | {"targets": tuple(map(tuple, columns["targets"]))})
        if len(set(drugs.labels)) < len(drugs):
            raise ValueError(f"{len(drugs) - len(set(drugs.labels))} of its training drugs stand twice")
        return drugs

    def to_json(self) -> dict[str, Any]:
        """Everything but the compounds, which stand by themselves."""
        columns = {"ids": self.ids, "targets": self.targets, "pathways": self.pathways}
        return columns | ({"laboratories": self.laboratories} if self.laboratories else {})

    def __len__(self) -> int:
        """C."""
        return len(self.compounds)

    @property
    def labels(self) -> tuple[str, ...]:
        """C names, each of one training drug alone: its id with its structure, which is no other drug's."""
        return tuple(map(_label, self.ids, self.compounds)) if self.ids else self.compounds

    @property
    def laboratory_names(self) -> tuple[str, ...]:
        """The laboratories whose assays these are, sorted; one of no name where all are of one."""
        return tuple(sorted(set(self.laboratories))) or ("",)

    @property
    def repeats(self) -> int:
        """How many ids there are beyond the first of each compound."""
        return len(self) - len(set(self.compounds))

    def deviations(self, effects: Tensor) -> Tensor:
        """(C,) how far the effect of each drug, (C,), lies from the mean of its compound's ids; 0 for a single id."""
        compound = torch.as_tensor(pd.factorize(np.asarray(self.compounds, dtype=object))[0])
        ids = torch.bincount(compound)
        total = torch.zeros(len(ids), dtype=effects.dtype).index_add(0, compound, effects)
        return effects - (total / ids)[compound]

    def share_of_compounds(self, effects: Tensor) -> float:
        """The share of the variance of drugs' effects, (C,), that ids of one compound have in common."""
        within = self.deviations(effects).square().sum() / effects.var(correction=0).clamp(min=1e-12)
        differing = (float(within) + 1 - OF_THE_COMPOUND) / (self.repeats + 1)
        return max(0.0, 1 - differing)

    def positions(self, drugs: pd.DataFrame) -> Tensor:
        """(D,) which training drug each row is, by id and structure; -1 where it is none."""
        labels = list(map(_label, drugs.index, drugs["structure_key"])) if self.ids else list(drugs["structure_key"])
        return torch.as_tensor(self._label_index.get_indexer(pd.Index(labels)).astype(np.int64))

    def relations(self, drugs: pd.DataFrame) -> DrugRelations:
        """How D rows relate to these drugs."""
        compound = np.equal.outer(drugs["structure_key"].to_numpy(object), np.asarray(self.compounds, dtype=object))
        targets = [name_targets(text) for text in _text(drugs, "target")]
        pathways = np.asarray([name_pathway(text) for text in _text(drugs, "pathway")], dtype=object)
        own = np.asarray(self.pathways or [""] * len(self), dtype=object)
        pathway = np.equal.outer(pathways, own) & (own != "")
        shared = share_in_common(targets, self._target_sets)
        parts = (compound, shared, pathway, self._elsewhere(drugs))
        return DrugRelations(*(torch.as_tensor(part, dtype=torch.float32) for part in parts))

    @cached_property
    def _label_index(self) -> pd.Index:
        """The labels as pandas looks them up."""
        return pd.Index(self.labels)

    @cached_property
    def _target_sets(self) -> NamedSets:
        return NamedSets.of(self.targets or [()] * len(self))

    def _elsewhere(self, drugs: pd.DataFrame) -> np.ndarray:
        """(D, C) which are assays of different laboratories, as an id that names none is of all of them."""
        if not self.laboratories:
            return np.zeros((len(drugs), len(self)), dtype=bool)
        own = np.asarray(self.laboratories, dtype=object)
        return np.not_equal.outer(np.asarray(_text(drugs, "laboratory"), dtype=object), own)


def name_targets(text: str) -> tuple[str, ...]:
    """The targets that a cell names, in capitals and in order: "EGFR, erbb2; EGFR" -> EGFR, ERBB2."""
    parts = (part.strip() for part in re.split("[,;|]", text))
    return tuple(sorted({part.upper() for part in parts if part.lower() not in NOT_NAMED}))


def name_pathway(text: str) -> str:
    """A pathway in small letters, "" where a cell names none."""
    name = text.strip().lower()
    return "" if name in NOT_NAMED else name


class NamedSets(NamedTuple):
    """C sets of names: `columns` by name, and `table`, (C, names), 1 where a set holds a name."""

    columns: Mapping[str, int]
    table: np.ndarray

    @classmethod
    def of(cls, sets: Sequence[Sequence[str]]) -> NamedSets:
        """Of sets that name nothing twice."""
        columns = {name: at for at, name in enumerate(sorted({name for each in sets for name in each}))}
        return cls(columns, cls(columns, np.empty(0)).hold(sets))

    def hold(self, sets: Sequence[Sequence[str]]) -> np.ndarray:
        """(D, names) 1 where other sets hold a name that these know."""
        table = np.zeros((len(sets), len(self.columns)))
        for row, each in enumerate(sets):
            table[row, [self.columns[name] for name in each if name in self.columns]] = 1.0
        return table


def share_in_common(left: Sequence[Sequence[str]], right: NamedSets) -> np.ndarray:
    """(D, C) the share of names in common among those that either has; 0 where one has none."""
    both = right.hold(left) @ right.table.T
    either = np.array([len(each) for each in left], dtype=float)[:, None] + right.table.sum(1) - both
    return np.asarray(both / np.maximum(either, 1.0))


def _text(drugs: pd.DataFrame, column: str) -> list[str]:
    """A column as text, "" where there is none."""
    if column not in drugs:
        return [""] * len(drugs)
    given = drugs[column]
    return ["" if absent else str(value) for value, absent in zip(given.tolist(), given.isna(), strict=True)]


def _label(drug_id: object, compound: str) -> str:
    return f"{compound} {drug_id}"
