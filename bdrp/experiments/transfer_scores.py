"""How well a model transfers to another laboratory: by what it has seen of a pair, and by how far it lies from that."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from bdrp.data.agreement import Agreement, agreement
from bdrp.data.overlap import SEEN, overlap
from bdrp.data.screen import Screen
from bdrp.data.shift import expression_shift
from bdrp.data.splits.units import compounds
from bdrp.errors import BdrpWarning, DataError
from bdrp.evaluation import significance
from bdrp.evaluation.observed import codes
from bdrp.evaluation.point import MIN_WITHIN, nan_mean, ranks, root_mean_square, within_group_pearson
from bdrp.evaluation.significance import Bootstrap
from bdrp.experiments.adaptation import Positions, Target, draw_labelled
from bdrp.experiments.trained import TrainedModel

HOME: Final = "at home"
LABORATORY: Final = "the other laboratory"
FIGURES: Final = ("rmse", "nll", "crps", "coverage_90", "width_90", "bias")
MOST_A_CLASS: Final = 10_000  # chosen: the standard error of a coverage is then 0.3 points, were pairs independent
FEWEST: Final = 20  # chosen: of fewer pairs of a class no figure says anything
LABELLED_SHARE: Final = 0.5  # chosen: at least as many pairs are left to score as are labelled
_LINE_BINS: Final = {"trained line": -1.0, "new, nearer half": 0.0, "new, 50 to 90 %": 0.5, "new, farthest 10 %": 0.9}
_DRUG_BINS: Final = {"below 0.3": 0.0, "0.3 to 0.5": 0.3, "0.5 to 1": 0.5, "trained compound": 1.0}


@dataclass(frozen=True)
class TargetScores:
    """What was found on one target.

    Attributes:
        figures: a row a class of pairs, adaptation, number of labelled pairs and figure: value, lower, upper, n.
        shift: the same by bins of line distance and drug similarity (kind, bin).
        ceiling: on the pairs that both laboratories measured, a row a class and predictor, the training laboratory's
            own measurement among them: rmse, rmse_within_drug, within_drug_spearman, n.
        summary: counts, agreement of the laboratories, shift of the expression, and what each adaptation found.
    """

    figures: pd.DataFrame
    shift: pd.DataFrame
    ceiling: pd.DataFrame
    summary: Mapping[str, Any]


def learned(model: TrainedModel, train: Screen) -> Positions:
    """Positions of the training screen's responses that a model was fitted, stopped or calibrated on.

    Raises:
        DataError: there is none.
    """
    rows, keys = train.responses, compounds(train)
    known = rows["cell_line_id"].isin(model.features.lines) & keys.isin(model.features.compounds)
    if model.held_out_part is not None:
        tested = pd.MultiIndex.from_frame(model.held_out()[["cell_line_id", "structure_key"]])
        known &= ~pd.MultiIndex.from_arrays([rows["cell_line_id"], keys]).isin(tested)
    found = np.flatnonzero(known)
    if not len(found):
        raise DataError(
            f"No response of {train.name} is on a line and a compound that the model was trained on. A model of this "
            "screen is needed; give its folder, or leave --model out to have one fitted."
        )
    return np.asarray(found, dtype=np.intp)


def score_target(model: TrainedModel, train: Screen, test: Screen, counts: Sequence[int], seed: int) -> TargetScores:
    """Score the transfer of a model to a target, raw and after each number of labelled target pairs.

    The labelled pairs are the first of one random order, and none of their responses is scored; the scored pairs are
    the same for all of them, at most `MOST_A_CLASS` a class.

    Args:
        model: trained on `train`.
        train: the training screen, from `harmonise`.
        test: the target, from the same.
        counts: numbers of labelled pairs; those that would leave less than half of the pairs are left out.
        seed: decides which pairs are labelled and scored.
    """
    rows, seen = test.responses, overlap(train, test, learned(model, train))["seen"].astype(str).to_numpy()
    pairs = len(rows.drop_duplicates(["cell_line_id", "drug_id"]))
    used = sorted({0, *(count for count in counts if count <= LABELLED_SHARE * pairs)})
    labelled = draw_labelled(rows, used[-1], seed)
    scored = _scored(rows, seen, labelled, seed)
    target = Target.of(model, test, scored, labelled)
    observed, agreed = rows.iloc[scored].reset_index(drop=True), _agreement(train, test)
    bins, about = _bins(target.novelty()), pd.DataFrame({"seen": seen[scored]})
    scores, ceilings, told = [], _ceiling(LABORATORY, 0, _measured(agreed, observed), observed, about, agreed), {}
    for adapted in target.adapted(used):
        name = _label(adapted.name, adapted.labelled)
        scores.append(significance.pair_rows(adapted.distribution, observed).assign(method=name))
        mean = adapted.distribution.mean
        ceilings += _ceiling(adapted.name, adapted.labelled, mean, observed, about, agreed)
        told[name] = dict(adapted.found)
    table, notes = pd.concat(scores, ignore_index=True), []
    every = len(scores)
    figures = _figures(table.assign(split=np.tile(about["seen"], every)), notes)
    shifts = [
        _figures(table.assign(split=np.tile(bins[kind], every)), notes)
        .rename(columns={"seen": "bin"})
        .assign(kind=kind)
        for kind in bins
    ]
    return TargetScores(
        figures.assign(target=test.name, measure=test.measure.name),
        pd.concat(shifts, ignore_index=True).assign(target=test.name),
        pd.DataFrame(ceilings).assign(target=test.name),
        {
            "target": test.name,
            "measure": test.measure.name,
            "unit": test.measure.unit,
            "responses": {kind: int((seen == kind).sum()) for kind in SEEN},
            "scored": {kind: int((about["seen"] == kind).sum()) for kind in SEEN},
            "labelled": {kind: int((seen[labelled] == kind).sum()) for kind in SEEN},
            "left_out": [count for count in counts if count not in used],
            "agreement": agreed.summary() if agreed else None,
            "expression": expression_shift(train, test).summary(),
            "found": told,
            "notes": list(dict.fromkeys(notes)),
        },
    )


def score_home(model: TrainedModel, train: Screen) -> TargetScores:
    """The same figures of a model's own held-out part, in the laboratory that it was trained on."""
    observed, pred = model.held_out(), model.held_out_predictions()
    line = observed["cell_line_id"].isin(model.features.lines)
    drug = observed["structure_key"].isin(model.features.compounds)
    seen = np.select([line & drug, drug, line], SEEN[1:4], SEEN[4])
    notes: list[str] = []
    rows = significance.pair_rows(pred, observed).assign(method=_label(HOME, 0), split=seen)
    about = {"target": train.name, "measure": train.measure.name}
    return TargetScores(
        _figures(rows, notes).assign(**about), pd.DataFrame(), pd.DataFrame(), {**about, "notes": notes}
    )


def _scored(rows: pd.DataFrame, seen: np.ndarray, labelled: Positions, seed: int) -> Positions:
    """Up to `MOST_A_CLASS` responses a class, of pairs that are not labelled."""
    keys = pd.MultiIndex.from_frame(rows[["cell_line_id", "drug_id"]])
    free = np.flatnonzero(~keys.isin(keys[labelled]))
    order = free[np.random.default_rng([seed, 1]).permutation(len(free))]
    return np.sort(np.concatenate([order[seen[order] == kind][:MOST_A_CLASS] for kind in SEEN]))


def _label(name: str, labelled: int) -> str:
    return f"{name}, {labelled}"


def _figures(rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Figures with intervals from drawing whole lines, a row a split, method and figure, where pairs are enough."""
    sizes = rows.groupby("split")["method"].value_counts().groupby("split").max()
    rows = rows[rows["split"].isin(sizes.index[sizes >= FEWEST])].reset_index(drop=True)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", BdrpWarning)
        table = significance.intervals(rows, FIGURES, Bootstrap(by="cell_line"))
    notes += [str(each.message) for each in told if issubclass(each.category, BdrpWarning)]
    whole = pd.concat([table, _spearmans(rows)], ignore_index=True)
    whole["n"] = whole["split"].map(sizes).astype(int)
    named = whole["method"].str.rpartition(", ")
    whole = whole.assign(adaptation=named[0], labelled=named[2].astype(int)).rename(columns={"split": "seen"})
    return whole[["seen", "adaptation", "labelled", "figure", "value", "lower", "upper", "n"]]


def _spearmans(rows: pd.DataFrame) -> pd.DataFrame:
    found = [
        {"split": split, "method": method, "figure": "within_drug_spearman"}
        | {"value": _within_drug(part["mean"].to_numpy(), part["response"].to_numpy(), part["drug_id"])}
        for (split, method), part in rows.groupby(["split", "method"], sort=False)
    ]
    return pd.DataFrame(found).assign(lower=np.nan, upper=np.nan)


def _within_drug(mean: np.ndarray, response: np.ndarray, drugs: pd.Series) -> float:
    """Spearman's correlation within a drug, averaged over drugs with enough pairs."""
    drug = codes(drugs)
    return nan_mean(within_group_pearson(ranks(mean, drug), ranks(response, drug), drug, MIN_WITHIN))


def _bins(novelty: pd.DataFrame) -> dict[str, np.ndarray]:
    """Each pair's bin of line distance and of drug similarity."""
    distance, similarity = (novelty[name].to_numpy() for name in ("line_distance_percentile", "drug_similarity"))
    return {
        "line distance": _binned(np.where(distance == 0, -1, distance), _LINE_BINS),
        "drug similarity": _binned(np.where(similarity > 0.999, 1, similarity), _DRUG_BINS),
    }


def _binned(values: np.ndarray, starts: Mapping[str, float]) -> np.ndarray:
    names = np.array(list(starts), dtype=object)
    return names[np.searchsorted(list(starts.values()), values, side="right") - 1]


def _agreement(train: Screen, test: Screen) -> Agreement | None:
    try:
        return agreement(train, test)
    except DataError:  # no pair is shared, so there is no ceiling
        return None


def _measured(agreed: Agreement | None, observed: pd.DataFrame) -> np.ndarray:
    """What the training laboratory measured of each pair, (N,); NaN where it did not."""
    if agreed is None:
        return np.full(len(observed), np.nan)
    table = agreed.table.set_index(["cell_line_id", "drug_id"])["first"]
    return table.reindex(pd.MultiIndex.from_frame(observed[["cell_line_id", "drug_id"]])).to_numpy(np.float64)


def _ceiling(
    name: str, labelled: int, mean: np.ndarray, observed: pd.DataFrame, about: pd.DataFrame, agreed: Agreement | None
) -> list[dict[str, Any]]:
    """How a predictor does on the pairs that both laboratories measured, a row a class."""
    both = np.isfinite(_measured(agreed, observed))
    found = []
    for kind in SEEN:
        chosen = both & (about["seen"] == kind).to_numpy()
        if chosen.sum() < FEWEST:
            continue
        rows, error = observed[chosen], mean[chosen] - observed["response"].to_numpy()[chosen]
        centred = error - pd.Series(error).groupby(rows["drug_id"].to_numpy()).transform("mean").to_numpy()
        found.append(
            {
                "seen": kind,
                "adaptation": name,
                "labelled": labelled,
                "rmse": root_mean_square(error),
                "rmse_within_drug": root_mean_square(centred),
                "within_drug_spearman": _within_drug(mean[chosen], rows["response"].to_numpy(), rows["drug_id"]),
                "n": int(chosen.sum()),
            }
        )
    return found
