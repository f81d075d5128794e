"""Probing panels: the few drugs to measure on a new line, or lines for a new drug, and what to expect of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import pandas as pd
import torch

from bdrp.data.expression import admit
from bdrp.data.identifiers import listed
from bdrp.data.profiles import EXPRESSION, Profiles, name_profiles
from bdrp.design.panel import Floats, Unknown, choose_panel, draw_deviations, draw_gains, expect
from bdrp.display import Displayed
from bdrp.errors import DataError
from bdrp.features.batch import Inputs
from bdrp.features.batch import pairs as as_pairs
from bdrp.fitted.conditioning import refuse_method
from bdrp.fitted.model import TrainedModel, cross_drugs_and_lines

NEW_LINES: Final = "new-lines"
NEW_DRUGS: Final = "new-drugs"
MOST_NEW: Final = 40
"""Lines that stand for new ones, drawn at random of more; chosen: covariances differ little between lines."""
DRAWS: Final = 50
"""Of each of these lines, or drugs; chosen: ends of an interval are then known to a few hundredths of it."""
RANDOM_PANELS: Final = 20
"""Chosen: their mean is then known to a tenth of the gain."""


@dataclass(frozen=True, repr=False)
class Panel(Displayed):
    """A panel in the order of measuring.

    Attributes:
        target: "new-lines" or "new-drugs".
        table: a row an entry: k, its id (drug_id or cell_line_id), name, and what the first k bring for the entries
            that are not among them, in the measure's unit: rmse_before (nothing measured) and rmse_after, on the same
            pairs; gain, the share by which it falls, with gain_low and gain_high between which nine in ten single
            lines or drugs lie; reducible_removed, of the variance that is not noise; random_before and random_after,
            the same for random panels.
        unit: of the measure.
        others: how many entries there are in all.
    """

    target: Literal["new-lines", "new-drugs"]
    table: pd.DataFrame
    unit: str
    others: int

    @property
    def ids(self) -> list[str]:
        """Ids of the entries, the most telling first."""
        return self.table[_COLUMNS[self.target]].tolist()

    def __repr__(self) -> str:
        """One line: what to measure, and what it brings."""
        last = self.table.iloc[-1]
        return (
            f"Panel({', '.join(self.table['name'])} for {self.target}: RMSE of the others {last['rmse_before']:.3f} -> "
            f"{last['rmse_after']:.3f} {self.unit}, random panels {last['random_after']:.3f})"
        )


_COLUMNS: Final = {NEW_LINES: "drug_id", NEW_DRUGS: "cell_line_id"}


def probe(
    model: TrainedModel,
    drugs: pd.DataFrame,
    profiles: Profiles | pd.DataFrame,
    *,
    size: int = 5,
    target: Literal["new-lines", "new-drugs"] = NEW_LINES,
    candidates: Collection[str] | None = None,
    names: pd.Series | None = None,
    seed: int = 0,
    match: str | None = None,
) -> Panel:
    """The panel that leaves the least variance of what it does not measure.

    Args:
        model: of a method whose posterior can be updated; its updates count.
        drugs: as in `TrainedModel.predict`. For new lines: those that the line will be asked about. For new drugs: the
            new ones.
        profiles: likewise. For new lines: lines like the new ones, all taken as if nothing were known of their
            responses. For new drugs: the lines that can be measured.
        size: how many entries.
        target: "new-lines" chooses drugs, "new-drugs" lines.
        candidates: ids that can be measured; all if None.
        names: of the entries, by id; those of the drugs table if None, else the ids.
        seed: of the draws and the random panels.
        match: how the expression of `profiles` is mapped onto that of the training lines; see `TrainedModel.predict`.

    Raises:
        FitError: the posterior cannot be updated.
        DataError: a candidate is not known, there are too few, or a new drug is one that the model was trained on.
    """
    refuse_method(model)
    tables = name_profiles(profiles)
    if match is not None:
        tables[EXPRESSION] = admit(tables[EXPRESSION], model.training_expression, match)
    rng = np.random.default_rng(seed)
    lines, column = tables[EXPRESSION].index.astype("str"), _COLUMNS[target]
    ids = drugs.index.astype("str") if target == NEW_LINES else lines
    allowed = _allowed(ids, candidates, size, column)
    unknown = _of_new_lines(model, drugs, tables, rng) if target == NEW_LINES else _of_new_drugs(model, drugs, tables)
    chosen = choose_panel(unknown, size, allowed)
    named = drugs["name"] if names is None and target == NEW_LINES and "name" in drugs else names
    shown = [ids[at] if named is None else str(named.get(ids[at], ids[at])) for at in chosen]
    drawn = draw_deviations(unknown, rng, DRAWS)
    rows = [_row(unknown, chosen[:k], drawn) | _random(unknown, k, allowed, rng) for k in range(1, len(chosen) + 1)]
    first = pd.DataFrame({"k": range(1, len(chosen) + 1), column: ids[chosen], "name": shown})
    return Panel(target, pd.concat([first, pd.DataFrame(rows)], axis=1), model.features.measure.unit, len(ids))


def _row(unknown: Unknown, panel: list[int], drawn: Floats) -> dict[str, float]:
    found = expect(unknown, panel)
    low, high = np.quantile(draw_gains(unknown, drawn, panel), [0.05, 0.95])
    return {
        "rmse_before": found.before,
        "rmse_after": found.after,
        "gain": 1 - found.after / found.before,
        "gain_low": float(low),
        "gain_high": float(high),
        "reducible_removed": found.removed,
    }


def _random(unknown: Unknown, size: int, allowed: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """Root mean squares over random panels of one size."""
    some = [rng.choice(np.flatnonzero(allowed), size, replace=False) for _ in range(RANDOM_PANELS)]
    found = [expect(unknown, panel.tolist()) for panel in some]
    before, after = (np.sqrt(np.mean([getattr(each, name) ** 2 for each in found])) for name in ("before", "after"))
    return {"random_before": float(before), "random_after": float(after)}


def _allowed(ids: pd.Index, candidates: Collection[str] | None, size: int, column: str) -> np.ndarray:
    """(M,) which entries can be measured."""
    foreign = [] if candidates is None else sorted(set(map(str, candidates)) - set(ids))
    if foreign:
        raise DataError(
            f"{len(foreign):,} candidates are none of the {len(ids):,} {column} at hand: {listed(foreign)}; these are "
            f"such as {listed(ids, 3)}. A candidate needs what the model reads of it. Correct or drop them."
        )
    allowed = np.ones(len(ids), dtype=bool) if candidates is None else ids.isin(list(map(str, candidates)))
    if not 1 <= size <= allowed.sum() or size >= len(ids):
        raise DataError(
            f"A panel of {size} cannot be chosen: there are {int(allowed.sum())} candidates among {len(ids)} {column}. "
            "At least one is needed, and one more that is not measured. Choose another size."
        )
    return np.asarray(allowed)


def _of_new_lines(
    model: TrainedModel, drugs: pd.DataFrame, profiles: dict[str, pd.DataFrame], rng: np.random.Generator
) -> Unknown:
    """What is not known of all drugs on each of some lines, as if these were new."""
    lines = profiles[EXPRESSION].index
    some = lines[np.sort(rng.permutation(len(lines))[:MOST_NEW])]
    found = {name: table.loc[table.index.isin(some)] for name, table in profiles.items()}
    pairs = cross_drugs_and_lines(drugs, found[EXPRESSION])
    inputs, _ = model.prepared(drugs, found, pairs)
    inputs = replace(inputs, line_effect=torch.full_like(inputs.line_effect, -1))
    return _unknown(model, inputs, pairs, len(drugs))


def _of_new_drugs(model: TrainedModel, drugs: pd.DataFrame, profiles: dict[str, pd.DataFrame]) -> Unknown:
    """What is not known of each new drug on all lines."""
    pairs = cross_drugs_and_lines(drugs, profiles[EXPRESSION]).sort_values("drug_id", kind="stable", ignore_index=True)
    inputs, _ = model.prepared(drugs, profiles, pairs)
    trained = [drug for drug, effect in zip(inputs.drug_ids, inputs.drug_effect.tolist(), strict=True) if effect >= 0]
    if trained:
        raise DataError(
            f"{len(trained)} of the new drugs are ones that the model was trained on: {listed(trained)}. What remains "
            "to be known of these is no guide for new ones. Give drugs that the model does not know."
        )
    return _unknown(model, inputs, pairs, len(profiles[EXPRESSION]))


def _unknown(model: TrainedModel, inputs: Inputs, pairs: pd.DataFrame, entries: int) -> Unknown:
    """From pairs of one line or drug after the other, with M entries each."""
    pred, covariance = model.joint(inputs, as_pairs(pairs, inputs))
    return Unknown(covariance.blocks(entries), pred.aleatoric.reshape(-1, entries))
