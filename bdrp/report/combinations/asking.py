"""A question about two drugs on a line becomes a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from bdrp.data.identifiers import listed
from bdrp.data.screen import LIMITS, Screen
from bdrp.design.candidates import cross
from bdrp.design.combinations import combine
from bdrp.design.repeats import RepeatShare, measure_repeats
from bdrp.display import Displayed
from bdrp.errors import DataError
from bdrp.fitted.known import KnownTables, find_ids
from bdrp.fitted.model import TrainedModel
from bdrp.predictive import ReadableUnit
from bdrp.report.answers import yardsticks
from bdrp.report.answers.asking import Criteria, describe_model, join_limits

MOST_DRUGS: Final = 400  # chosen: 80,000 pairs


@dataclass(frozen=True, repr=False)
class Combinations(Displayed):
    """Pairs of drugs on a line, under independent action.

    Attributes:
        table: a row a pair: rank, drug_a, drug_b (names, the better single one first), drug_id_a, drug_id_b, and what
            `design.combinations.combine` has of them.
        line: what it is called.
        active_means: when a response is active, in words.
        repeats: how much of the model's noise repeats of an experiment show.
        left_out: names of drugs that have no yardstick.
        sources: what it was made of, by what it is called.
        updates: what the model was updated with since its fit, in words.
    """

    table: pd.DataFrame
    line: str
    active_means: str
    repeats: RepeatShare
    left_out: tuple[str, ...] = ()
    sources: dict[str, Any] = field(default_factory=dict)
    updates: tuple[str, ...] = ()


def ask(
    model: TrainedModel,
    screen: Screen,
    *,
    line: str | None = None,
    among: Sequence[str] = (),
    new_samples: pd.DataFrame | None = None,
    new_drugs: pd.DataFrame | None = None,
    criteria: Criteria | None = None,
    seed: int = 0,
) -> Combinations:
    """Pairs of drugs on a line, those of most gain over the better single drug first.

    Args:
        model: of a method that has joint draws.
        screen: gives drugs, lines, their names and doses.
        line: by name or id; of `new_samples` where there are any, and needless where there is one.
        among: drugs by name or id: with one of them, all pairs that hold it; with several, pairs of these; without any,
            all pairs.
        new_samples: as in `answers.ask_model`.
        new_drugs: likewise.
        criteria: what counts as active.
        seed: of the draws.

    Raises:
        DataError: a name is not known, there are not two drugs with a yardstick, or there are no joint draws.
    """
    criteria = criteria or Criteria()
    known = KnownTables.of(model, screen, new_drugs, new_samples)
    key, name = _find_line(line, known)
    drugs, one = _find_drugs(list(among), known.drugs["name"])
    limits = join_limits(
        known.drugs.index, [model.limits, known.drugs, screen.responses.groupby("drug_id")[list(LIMITS)].median()]
    )
    yardstick = yardsticks.choose(
        criteria.yardstick,
        unit=ReadableUnit(model.features.measure.unit),
        highest=limits["upper_limit"],
        responses=screen.responses[["cell_line_id", "drug_id", "response"]],
        drug_names=known.drugs["name"],
        share=criteria.share,
        table=criteria.concentrations,
    )
    has = yardstick.thresholds.reindex(drugs).notna().to_numpy()
    left_out = known.drugs.loc[drugs[~has], "name"].astype(str)
    drugs = drugs[has]
    if len(drugs) < 2:
        raise DataError(
            f"{len(drugs)} of the drugs that were asked for have a threshold of being active; none is known of "
            f"{listed(left_out)}. Allowed: two drugs and more, with doses or a yardstick of their own. Name others, or "
            "give another yardstick."
        )
    pred = model.predict(known.drugs, known.profiles, cross([key], drugs)).distribution
    repeats = measure_repeats(model, screen)
    found = combine(pred, yardstick.thresholds.loc[drugs].to_numpy(float), repeats=repeats, seed=seed)
    return Combinations(
        _tabulate(found, known.drugs.loc[drugs], one),
        name,
        yardstick.meaning,
        repeats,
        tuple(left_out),
        {"Model": describe_model(model), "Screen": screen.name, "Drugs": f"{len(drugs):,}", "Seed of the draws": seed},
        model.updates,
    )


def _find_line(line: str | None, known: KnownTables) -> tuple[str, str]:
    names = known.line_names.loc[known.lines].astype(str)
    if line is None and len(names) == 1:
        return str(names.index[0]), str(names.iloc[0])
    found = find_ids([line], names, "cell line") if line is not None else []
    if len(found) != 1:
        seen = "none was given" if line is None else f"{line!r} is the name of {len(found)}"
        raise DataError(
            f"Drugs are combined on one line; {seen}. There are {len(names):,}, such as {names.iloc[0]}. Name one, by "
            "its id where names are the same."
        )
    return found[0], str(names[found[0]])


def _find_drugs(among: list[str], names: pd.Series) -> tuple[pd.Index, list[str]]:
    """Ids of the drugs to combine, and those of the one drug that each pair is to hold."""
    found = find_ids(among, names, "drug")
    if len(among) == 1:
        return names.index, found
    drugs = pd.Index(found) if among else names.index
    if len(drugs) > MOST_DRUGS:
        raise DataError(
            f"{len(drugs):,} drugs have {len(drugs) * (len(drugs) - 1) // 2:,} pairs. At most {MOST_DRUGS} drugs are "
            "combined at a time. Name the drugs that are of interest."
        )
    return drugs, []


def _tabulate(found: pd.DataFrame, drugs: pd.DataFrame, one: list[str]) -> pd.DataFrame:
    """With names and ids, without pairs of one compound with itself."""
    ids, names, keys = drugs.index.to_numpy(), drugs["name"].astype(str).to_numpy(), drugs["structure_key"].to_numpy()
    a, b = found["a"].to_numpy(int), found["b"].to_numpy(int)
    kept = keys[a] != keys[b]
    if one:
        kept &= np.isin(ids[a], one) | np.isin(ids[b], one)
    named = found.assign(drug_a=names[a], drug_b=names[b], drug_id_a=ids[a], drug_id_b=ids[b])[kept]
    front = ["drug_a", "drug_b", "chance_a", "chance_b", "chance", "low", "high", "gain", "gain_low", "gain_high"]
    table = named[[*front, "if_unrelated", "drug_id_a", "drug_id_b"]].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table
