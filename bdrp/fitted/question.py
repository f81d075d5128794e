"""What a model is asked for: drugs, lines and pairs, prepared once and answered as a whole or part by part.

Lines are scaled and compared with the training lines once. A part is a run of drugs with every line or, where pairs are
named, a run of these: what its answer takes of memory is known before.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import pandas as pd

from bdrp.data.profiles import EXPRESSION, TISSUE, Profiles, name_profiles, of_tissues
from bdrp.data.screen import LIMITS
from bdrp.display import Displayed
from bdrp.errors import BdrpWarning, DataError
from bdrp.features.batch import Inputs, Pairs, grid, refuse_unknown
from bdrp.features.batch import pairs as as_pairs
from bdrp.features.structures import MOST_KEPT, STRUCTURES
from bdrp.fitted.asked import check_tables, pair_ids
from bdrp.fitted.laboratory import Laboratories, find_laboratories
from bdrp.predictive import Predictions

if TYPE_CHECKING:
    from bdrp.fitted.model import TrainedModel

BYTES_A_PAIR: Final = 700
"""Of memory that an answer takes at its peak, its table and texts among it; measured on GDSC2, and rounded up."""
BYTES_A_DRUG: Final = 40_000
"""Likewise: graph, fingerprint and encoded states of a drug."""


@dataclass(frozen=True, repr=False)
class Question(Displayed):
    """N pairs of drugs and lines, and what of them is the same for all pairs.

    Attributes:
        model: that is asked.
        drugs: index drug_id; those that pairs name, as `TrainedModel.predict` takes them.
        lines: the lines that pairs name, prepared, without a drug.
        by_line: what is said of each of these lines beside its predictions.
        pairs: cell_line_id and drug_id; every line with every drug if None.
        laboratories: whose responses; None for the model's own laboratory.
    """

    model: TrainedModel
    drugs: pd.DataFrame
    lines: Inputs
    by_line: pd.DataFrame
    pairs: pd.DataFrame | None
    laboratories: Laboratories | None

    @classmethod
    def of(
        cls,
        model: TrainedModel,
        drugs: pd.DataFrame,
        profiles: Profiles | pd.DataFrame,
        pairs: pd.DataFrame | None,
        cell_lines: pd.DataFrame | None,
        laboratory: str | Path | Laboratories,
        match: str | None,
    ) -> Self:
        """Check the tables and prepare the lines; see `TrainedModel.predict` for the arguments.

        Raises:
            DataError: as there; a structure is not read before its part is answered.

        Warns:
            BdrpWarning: as there.
        """
        profiles = name_profiles(profiles)
        if TISSUE not in profiles and cell_lines is not None and "tissue" in cell_lines:
            profiles[TISSUE] = of_tissues(cell_lines["tissue"])
        check_tables(drugs, profiles)
        _warn_of_no_laboratory(model, drugs)
        pairs = None if pairs is None else pair_ids(pairs).reset_index(drop=True)
        expressed = profiles[EXPRESSION].index
        named = (
            (drugs.index, expressed) if pairs is None else (pairs["drug_id"].unique(), pairs["cell_line_id"].unique())
        )
        if not all(map(len, named)):
            raise DataError(
                "There are no pairs to predict. At least one is needed. Give pairs, or drugs and expression."
            )
        if pairs is not None:  # at the door, and not where its part is answered
            refuse_unknown(pairs, "drug_id", drugs.index)
            refuse_unknown(pairs, "cell_line_id", expressed)
        laboratories = find_laboratories(laboratory)
        lines = model.prepared_lines(profiles, named[1], match)
        by_line = _describe_lines(model, lines, cell_lines)
        return cls(model, drugs.loc[drugs.index.isin(named[0])], lines, by_line, pairs, laboratories)

    def __len__(self) -> int:
        """N."""
        return len(self.drugs) * len(self.lines.line_ids) if self.pairs is None else len(self.pairs)

    def parts(self, memory: int) -> list[slice]:
        """Runs of drugs, or of the pairs that are named, that together are all; each takes so many bytes at most.

        The least part is one drug, or one pair.
        """
        if self.pairs is None:
            count, size = len(self.drugs), memory // (len(self.lines.line_ids) * BYTES_A_PAIR + BYTES_A_DRUG)
        else:
            count, all_drugs = len(self.pairs), len(self.drugs) * BYTES_A_DRUG
            few = 2 * all_drugs <= memory  # a part may name all of them
            size = (memory - all_drugs) // BYTES_A_PAIR if few else memory // (BYTES_A_PAIR + BYTES_A_DRUG)
        size = max(1, size)
        return [slice(start, min(start + size, count)) for start in range(0, count, size)]

    def read_ahead(self, start: int) -> int:
        """Read the structures of many drugs at once, from one of them on; the first that was not read.

        Parts of all lines have few drugs each, too few to be read in processes.
        """
        if self.pairs is not None:
            return len(self)
        stop = start + MOST_KEPT
        STRUCTURES.read_all(self.drugs["smiles"].iloc[start:stop])
        return stop

    def answer(self, part: slice = slice(None)) -> Predictions:
        """The calibrated distributions of a part, of all pairs by default; a line after the other, or in their order.

        Raises:
            DataError: a structure cannot be read, or a pair names an unknown line or drug.
        """
        inputs, rows = self._prepared(part)
        own, context = self.model.predictive(inputs, rows), self._context(inputs, rows)
        digest, updates = self.model.digest, self.model.updates
        if self.laboratories is None:
            return Predictions(own, context, None, digest, updates)
        widened, carried = self.model.in_laboratory(own, self.laboratories)
        return Predictions(widened, context, carried, digest, updates)

    def _prepared(self, part: slice) -> tuple[Inputs, Pairs]:
        elsewhere = self.laboratories is not None
        if self.pairs is None:
            inputs = self.model.with_drugs(self.lines, self.drugs.iloc[part], elsewhere=elsewhere)
            return inputs, grid(inputs)
        pairs = self.pairs.iloc[part]
        drugs = self.drugs.loc[self.drugs.index.isin(pairs["drug_id"].unique())]
        inputs = self.model.with_drugs(self.lines, drugs, elsewhere=elsewhere)
        return inputs, as_pairs(pairs, inputs)

    def _context(self, inputs: Inputs, rows: Pairs) -> pd.DataFrame:
        """What a reviewer needs beside N predictions; see `Predictions.context`."""
        by_drug = self.model.applicability_domain.compare_drugs(inputs).join(self.model.limits)
        names = self.drugs["name"].reindex(by_drug.index) if "name" in self.drugs else by_drug.index
        by_drug.insert(0, "drug_name", names)
        parts = by_drug.take(rows.drug.numpy()), self.by_line.take(rows.line.numpy())
        order = ["drug_name", "tissue", "drug_similarity", "nearest_drugs", "line_distance_percentile", *LIMITS]
        return pd.concat([each.reset_index(drop=True) for each in parts], axis=1)[[*order, "line_name"]]


def _describe_lines(model: TrainedModel, lines: Inputs, cell_lines: pd.DataFrame | None) -> pd.DataFrame:
    by_line = model.applicability_domain.compare_lines(model.features, lines)
    model.applicability_domain.warn_of_unlike_lines(by_line["line_distance_percentile"])
    tissue = None if cell_lines is None else cell_lines["tissue"].reindex(by_line.index)
    by_line.insert(0, "tissue", "unknown" if tissue is None else tissue.fillna("unknown"))
    names = None if cell_lines is None else cell_lines.get("name")
    by_line["line_name"] = "" if names is None else names.reindex(by_line.index).fillna("")
    return by_line


def _warn_of_no_laboratory(model: TrainedModel, drugs: pd.DataFrame) -> None:
    known = model.features.drugs.laboratories
    named = drugs["laboratory"].isin(known) if "laboratory" in drugs else pd.Series(False, drugs.index)
    if known and not named.all():
        names = ", ".join(model.features.drugs.laboratory_names)
        warnings.warn(
            f"{int((~named).sum()):,} drugs are of no laboratory that the model learned from ({names}), so neither "
            "its level nor its doses are known of them. Name one in the column laboratory, or give the screens "
            "that the model was fitted on, as in --screen gdsc2,gdsc1.",
            BdrpWarning,
            stacklevel=4,
        )
