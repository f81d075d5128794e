"""How well a model transfers to a target screen: by what it has seen of a pair, and by how far it lies from that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from bdrp.data.agreement import Agreement, measure_agreement
from bdrp.data.overlap import SEEN, classify_overlap
from bdrp.data.screen import Screen
from bdrp.data.shift import measure_expression_shift
from bdrp.data.splits.clusters import compound_of_each_response
from bdrp.errors import DataError
from bdrp.evaluation.point_metrics import root_mean_square
from bdrp.evaluation.unseen import unseen_metrics
from bdrp.fitted.model import TrainedModel
from bdrp.inference.hierarchical.batch_effects import VAGUE, ScalePrior
from bdrp.studies.adaptation import Adapted, Positions, Target, draw_labelled
from bdrp.studies.capped_rows import caps_for_capped, one_sided, score_rows, sides_of
from bdrp.studies.transfer_metrics import FEWEST, tabulate_drugs, tabulate_metrics, within_drug_spearman

SOURCE_SCREEN: Final = "at home"  # these two are values in written tables, and stay
SOURCE_MEASUREMENT: Final = "the other laboratory"
MOST_A_CLASS: Final = 5_000  # chosen: the standard error of a coverage is then 0.4 points, were pairs independent
LABELLED_SHARE: Final = 0.5  # chosen: at least as many pairs are left to score as are labelled
LINE_BINS: Final = {"trained line": -1.0, "new, nearer half": 0.0, "new, 50 to 90 %": 0.5, "new, farthest 10 %": 0.9}
DRUG_BINS: Final = {"below 0.3": 0.0, "0.3 to 0.5": 0.3, "0.5 to 1": 0.5, "trained compound": 1.0}
SAME_DRUG: Final = 0.999  # of fingerprints; in single precision a compound is no more like itself


@dataclass(frozen=True)
class TargetScores:
    """What was found on one target.

    Attributes:
        metrics: a row a class of pairs, adaptation, number of labelled pairs and metric (`figure`): value over all
            draws of labelled pairs, lower and upper with cell lines resampled, or drugs where those were unseen,
            lowest and highest of single draws, n pairs.
        shift: the same by bins of line distance and drug similarity (kind, bin).
        concordance: on the pairs that both screens measured, a row a class and predictor, the source screen's own
            measurement among them: rmse, rmse_within_drug, within_drug_spearman, n.
        summary: counts, agreement of the screens, shift of the expression, how well the raw epistemic SD tells
            unseen drugs and lines (see `unseen_figures`), and what each adaptation found.
        by_drug: coverage, width and error over drugs, and the share of them that is covered too little; see
            `transfer_metrics.tabulate_drugs`.
    """

    metrics: pd.DataFrame
    shift: pd.DataFrame
    concordance: pd.DataFrame
    summary: Mapping[str, Any]
    by_drug: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class Labelling:
    """Which pairs of a target are labelled.

    Attributes:
        counts: how many; those that would leave less than half of the pairs are left out.
        draws: how often they are drawn; metrics are over all draws.
        by: one of `bdrp.studies.adaptation.LABELLINGS`.
        seed: decides which pairs are labelled and scored.
    """

    counts: Sequence[int]
    draws: int = 1
    by: str = "pairs"
    seed: int = 0


def training_positions(model: TrainedModel, train: Screen) -> Positions:
    """Positions of the training screen's responses that a model was fitted, stopped or calibrated on.

    Raises:
        DataError: there is none.
    """
    rows, keys = train.responses, compound_of_each_response(train)
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


def score_target(
    model: TrainedModel, train: Screen, test: Screen, labelling: Labelling, scales: ScalePrior = VAGUE
) -> TargetScores:
    """Score the transfer of a model to a target, of no labelled pair and after each number of them.

    The scored pairs are the same for all, at most `MOST_A_CLASS` a class, and no draw labels any of them. Capped
    responses count as caps.

    Args:
        model: trained on `train`.
        train: the training screen, from `harmonise`.
        test: the target, from the same.
        labelling: which pairs are labelled.
        scales: what is known of how laboratories differ, from others than the target.

    Raises:
        DataError: the model is of another screen, or no class has enough pairs.
    """
    rows, seed, draws = test.responses, labelling.seed, labelling.draws
    seen = classify_overlap(train, test, training_positions(model, train))["seen"].astype(str).to_numpy()
    used = _affordable(rows, labelling.counts, draws)
    labelled = draw_labelled(rows, used[-1], draws, seed, labelling.by)
    scored = _scored(rows, seen, labelled, seed)
    target = Target.prepare(model, test, scored, labelled, scales)
    observed = rows.iloc[scored].reset_index(drop=True)
    side = sides_of(observed, beyond=model.fitted.censoring_aware)
    asked = _Asked(observed, side, seen[scored], _agreement(train, test))
    found = _Found.collect(asked, target.adapted(used))
    notes: list[str] = []
    return TargetScores(
        _by_class(tabulate_metrics(found.rows_by(asked.seen), notes), test),
        _shift(found, target, notes).assign(**_about(test)),
        found.concordance().assign(**_about(test)),
        {
            **_about(test),
            "unit": test.measure.unit,
            "pairs": _counted({"of": seen, "scored": asked.seen, "labelled": seen[labelled[0]]}),
            "capped": float(np.mean(side != 0)),
            "draws": draws,
            "labelling": labelling.by,
            "left_out": [count for count in labelling.counts if count not in used],
            "agreement": asked.agreed.summary() if asked.agreed else None,
            "expression": measure_expression_shift(train, test).summary(),
            "unseen": _unseen(asked, target.calibrated[: target.scored].epistemic_std, seed),
            "found": found.adaptations,
            "notes": list(dict.fromkeys(notes)),
        },
        _named(tabulate_drugs(found.rows_by(asked.seen))).assign(**_about(test)),
    )


def _counted(classes: Mapping[str, np.ndarray]) -> dict[str, dict[str, int]]:
    """How many pairs of each class there are among several sets."""
    return {name: {kind: int((some == kind).sum()) for kind in SEEN} for name, some in classes.items()}


@dataclass(frozen=True)
class _Asked:
    """N scored pairs: their responses, whether these are caps, their classes, and what both screens measured."""

    observed: pd.DataFrame
    side: np.ndarray
    seen: np.ndarray
    agreed: Agreement | None

    def measured(self) -> np.ndarray:
        """What the source screen measured of each pair, (N,); NaN where it did not."""
        if self.agreed is None:
            return np.full(len(self.observed), np.nan)
        table = self.agreed.table.set_index(["cell_line_id", "drug_id"])["first"]
        keys = pd.MultiIndex.from_frame(self.observed[["cell_line_id", "drug_id"]])
        return table.reindex(keys).to_numpy(np.float64)


@dataclass(frozen=True)
class _Found:
    """Every adaptation's rows of metrics, one after the other; its means; and what it took from labelled pairs."""

    asked: _Asked
    rows: list[pd.DataFrame]
    means: list[tuple[str, int, np.ndarray]]
    adaptations: dict[str, list[dict[str, Any]]]

    @classmethod
    def collect(cls, asked: _Asked, adapted: Iterable[Adapted]) -> _Found:
        found = cls(asked, [], [(SOURCE_MEASUREMENT, 0, asked.measured())], {})
        for one in adapted:
            name = _label(one.name, one.labelled)
            scored = score_rows(one.distribution, asked.observed, asked.side)
            labelled = asked.observed["drug_id"].isin(one.labelled_drugs).to_numpy()
            found.rows.append(scored.assign(method=name, seed=one.draw, labelled_drug=labelled))
            found.means.append((one.name, one.labelled, one.distribution.mean))
            found.adaptations.setdefault(name, []).append(dict(one.parameters))
        return found

    def rows_by(self, split: np.ndarray) -> pd.DataFrame:
        """All rows, split by a label of each pair, (N,)."""
        return pd.concat([rows.assign(split=split) for rows in self.rows], ignore_index=True)

    def concordance(self) -> pd.DataFrame:
        """How adaptations, and the source screen's measurements, do on pairs that both screens measured; over draws."""
        found = [row for name, labelled, mean in self.means for row in _on_shared(self.asked, name, labelled, mean)]
        if not found:
            return pd.DataFrame()
        return pd.DataFrame(found).groupby(["seen", "adaptation", "labelled"], sort=False, as_index=False).mean()


def _on_shared(asked: _Asked, name: str, labelled: int, mean: np.ndarray) -> Iterator[dict[str, Any]]:
    both = np.isfinite(asked.measured())
    for kind in SEEN:
        chosen = both & (asked.seen == kind)
        if chosen.sum() < FEWEST:
            continue
        rows, side = asked.observed[chosen], asked.side[chosen]
        response, drug = rows["response"].to_numpy(), rows["drug_id"].to_numpy()
        error = pd.Series(one_sided(mean[chosen] - caps_for_capped(rows, side), side))
        yield {
            "seen": kind,
            "adaptation": name,
            "labelled": labelled,
            "rmse": root_mean_square(error.to_numpy()),
            "rmse_within_drug": root_mean_square((error - error.groupby(drug).transform("mean")).to_numpy()),
            "within_drug_spearman": within_drug_spearman(mean[chosen], response, rows["drug_id"]),
            "n": int(chosen.sum()),
        }


def score_source_screen(model: TrainedModel, train: Screen) -> TargetScores:
    """The same metrics of a model's own held-out part, of the screen that it was trained on."""
    observed, pred = model.held_out(), model.held_out_predictions()
    line = observed["cell_line_id"].isin(model.features.lines)
    drug = observed["structure_key"].isin(model.features.compounds)
    seen = np.select([line & drug, drug, line], SEEN[1:4], SEEN[4])
    notes: list[str] = []
    side = sides_of(observed, beyond=model.fitted.censoring_aware)
    rows = score_rows(pred, observed, side).assign(method=_label(SOURCE_SCREEN, 0), split=seen, seed=0)
    return TargetScores(
        _by_class(tabulate_metrics(rows, notes), train),
        pd.DataFrame(),
        pd.DataFrame(),
        {**_about(train), "notes": notes},
    )


def _about(screen: Screen) -> dict[str, str]:
    return {"target": screen.name, "measure": screen.measure.name}


def _affordable(rows: pd.DataFrame, counts: Sequence[int], draws: int) -> list[int]:
    pairs = len(rows.drop_duplicates(["cell_line_id", "drug_id"]))
    return sorted({0, *(count for count in counts if draws * count <= LABELLED_SHARE * pairs)})


def _scored(rows: pd.DataFrame, seen: np.ndarray, labelled: Positions, seed: int) -> Positions:
    """Up to `MOST_A_CLASS` responses a class, of pairs that no draw labels."""
    keys = pd.MultiIndex.from_frame(rows[["cell_line_id", "drug_id"]])
    free = np.flatnonzero(~keys.isin(keys[labelled.ravel()]))
    order = free[np.random.default_rng([seed, len(labelled)]).permutation(len(free))]
    chosen = [order[seen[order] == kind][:MOST_A_CLASS] for kind in SEEN]
    if max(map(len, chosen)) < FEWEST:
        raise DataError(
            f"No class of pairs has {FEWEST} to score: {len(free)} are left beside those that are labelled. Label "
            "fewer, or take a larger target."
        )
    return np.sort(np.concatenate(chosen))


def _label(name: str, labelled: int) -> str:
    return f"{name}, {labelled}"


def _named(table: pd.DataFrame) -> pd.DataFrame:
    """A table by split and method, by class, adaptation and number of labelled pairs, from the easiest class on."""
    if table.empty:
        return table
    named = table["method"].str.rpartition(", ")
    table = table.rename(columns={"split": "seen"}).drop(columns="method")
    table.insert(1, "adaptation", named[0])
    table.insert(2, "labelled", named[2].astype(int))
    return table.sort_values("seen", key=lambda seen: seen.map(SEEN.index), kind="stable", ignore_index=True)


def _by_class(metrics: pd.DataFrame, screen: Screen) -> pd.DataFrame:
    """Metrics of classes, from the easiest to the hardest, with their screen."""
    order = metrics["split"].map(SEEN.index)
    ordered = metrics.iloc[np.argsort(order.to_numpy(), kind="stable")].rename(columns={"split": "seen"})
    return ordered.reset_index(drop=True).assign(**_about(screen))


def _shift(found: _Found, target: Target, notes: list[str]) -> pd.DataFrame:
    """Metrics by bins of line distance and of drug similarity."""
    distances = target.distances()
    distance, similarity = distances["line_distance_percentile"].to_numpy(), distances["drug_similarity"].to_numpy()
    bins = {
        "line distance": _binned(np.where(distance == 0, -1, distance), LINE_BINS),
        "drug similarity": _binned(np.where(similarity > SAME_DRUG, 1, similarity), DRUG_BINS),
    }
    tables = [tabulate_metrics(found.rows_by(labels), notes).assign(kind=kind) for kind, labels in bins.items()]
    return pd.concat(tables, ignore_index=True).rename(columns={"split": "bin"})


def _unseen(asked: _Asked, epistemic_std: np.ndarray, seed: int) -> dict[str, dict[str, float]]:
    """Metrics of "drug" and of "line": those unseen beside those seen, the other side of the pair being seen."""
    sides = {"drug": ("drug unseen", "drug_id"), "line": ("line unseen", "cell_line_id")}
    found = {}
    for side, (unseen, key) in sides.items():
        some = np.isin(asked.seen, ["pair seen", "pair unseen", unseen])
        if some.any():
            new = asked.seen[some] == unseen
            found[side] = unseen_metrics(epistemic_std[some], new, asked.observed.loc[some, key], seed)
    return found


def _binned(values: np.ndarray, starts: Mapping[str, float]) -> np.ndarray:
    names = np.array(list(starts), dtype=object)
    return names[np.searchsorted(list(starts.values()), values, side="right") - 1]


def _agreement(train: Screen, test: Screen) -> Agreement | None:
    try:
        return measure_agreement(train, test)
    except DataError:  # no pair is shared, so no concordance is known
        return None
