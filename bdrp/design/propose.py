"""A batch of experiments: which pairs of a line and a drug to measure next, and what they are expected to bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.profiles import EXPRESSION
from bdrp.data.screen import Screen
from bdrp.design import acquisitions
from bdrp.design.batch import Pick, Prices, choose_batch
from bdrp.design.candidates import KEYS, cross, name_pairs, without_measured
from bdrp.design.costs import Costs
from bdrp.design.target import Target
from bdrp.design.unmeasured import Covariance, Moments, OwnLines, Unmeasured, expected_rmse
from bdrp.display import Displayed
from bdrp.errors import DataError
from bdrp.fitted.conditioning import refuse_method
from bdrp.fitted.known import KnownTables
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.widening import require_rescalable
from bdrp.predictive import PredictiveDistribution

MOST_CANDIDATES: Final = 20_000
"""Drawn at random of more; chosen: their covariance with the targets takes 80 MB."""
MOST_TARGETS: Final = 500
"""Drawn at random of more; chosen: a mean over them is then known to a few hundredths of itself."""
MOST_LINES: Final = 100
"""Lines by which a drug's own are known, drawn at random of more; chosen: a mean is then known to a tenth of the SD."""
RANDOM_BATCHES: Final = 5


@dataclass(frozen=True)
class Expected:
    """Expected error of a response of the target pairs that neither batch measures, in the measure's unit.

    Attributes:
        before: with nothing more measured. after: with the batch. random: with as many pairs taken at random.
        pairs: of how many target pairs.
    """

    before: float
    after: float
    random: float
    pairs: int


@dataclass(frozen=True, repr=False)
class Proposal(Displayed):
    """A batch in the order in which it was chosen.

    Attributes:
        table: a row a pair: rank, cell_line_id, line_name, tissue, drug_id, drug_name; mean, std, epistemic_std, q05
            and q95 of its predicted response, in the measure's unit; score, of the acquisition function; cost, what it
            added to that of the batch.
        expected: what it brings for the target; None where it leaves nothing of it.
        by: the acquisition function.
        target: what the batch was to tell of, in words.
        unit: of the measure.
        candidates: how many pairs it was chosen from.
        notes: what the reader should know.
    """

    table: pd.DataFrame
    expected: Expected | None
    by: str
    target: str
    unit: str
    candidates: int
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """One line: how many pairs, by what, and what they bring."""
        lines, drugs = self.table["cell_line_id"].nunique(), self.table["drug_id"].nunique()
        brings = self.expected
        gain = "" if brings is None else f": RMSE {brings.before:.3f} -> {brings.after:.3f} {self.unit}"
        return f"Proposal({len(self.table)} pairs of {lines} lines and {drugs} drugs by {self.by}{gain})"


class _Asked(NamedTuple):
    """N candidates, M target pairs, and what the model knows of both."""

    candidates: pd.DataFrame
    targets: pd.DataFrame
    pred: PredictiveDistribution
    covariance: Covariance

    @property
    def moments(self) -> Moments:
        return Moments(self.pred.mean, self.pred.epistemic, self.pred.aleatoric)

    @property
    def own_targets(self) -> npt.NDArray[np.intp]:
        """(N,) the target pair that each candidate is itself, -1 where it is none."""
        keys = pd.MultiIndex.from_frame(self.targets[KEYS])
        return keys.get_indexer(pd.MultiIndex.from_frame(self.candidates[KEYS]))


@dataclass
class _Notes:
    found: list[str] = field(default_factory=list)

    def some(self, pairs: pd.DataFrame, most: int, what: str, rng: np.random.Generator) -> pd.DataFrame:
        """At most so many of the pairs, and a note where there are more."""
        if len(pairs) <= most:
            return pairs
        self.found.append(f"of {len(pairs):,} {what} {most:,} were looked at, drawn at random")
        return pairs.iloc[np.sort(rng.choice(len(pairs), most, replace=False))].reset_index(drop=True)


def propose(
    model: TrainedModel,
    screen: Screen,
    *,
    by: str = "epig",
    size: int = 96,
    target: Target | Sequence[str] = (),
    candidates: pd.DataFrame | None = None,
    drugs: pd.DataFrame | None = None,
    expression: pd.DataFrame | None = None,
    costs: Costs | None = None,
    seed: int = 0,
) -> Proposal:
    """Choose a batch of pairs that nothing was measured of, place by place on the joint posterior.

    Args:
        model: of a method whose posterior can be updated; its updates count.
        screen: gives drugs and lines, and what was measured.
        by: one of `acquisitions.names()`.
        size: how many pairs.
        target: the pairs that are to be predicted well, see `Target`; all that are not measured if it names nothing.
        candidates: cell_line_id, drug_id or both of what can be measured, by id or name; all pairs that the screen does
            not hold if None: of the new lines, where there are any.
        drugs: drugs that the screen lacks, as in `TrainedModel.predict`.
        expression: of lines that the screen lacks.
        costs: of lines and drugs, by id or name; nothing if None, so that each pair costs the same.
        seed: of random scores and draws, and of which are taken where there are many.

    Raises:
        FitError: the posterior cannot be updated.
        DataError: a name is not known, nothing is left to be measured, or the budget buys nothing.

    Example:
        `design.propose(model, screen, by="epig", size=48, target=["tissue=Lung"]).table`
    """
    acquisition, costs = acquisitions.load(by), costs or Costs()
    refuse_method(model)
    rng, notes = np.random.default_rng(seed), _Notes()
    known = KnownTables.of(model, screen, drugs, expression)
    wanted = target if isinstance(target, Target) else Target.parse(target)
    asked = _ask(model, screen, known, (candidates, wanted), rng, notes)
    count = len(asked.candidates)
    draws = require_rescalable(asked.pred[np.arange(count)]).joint_draws
    own = _own_lines(model, known, asked.candidates, rng)
    unmeasured = Unmeasured(asked.moments, count, asked.covariance, asked.own_targets, own, draws, rng)
    prices = Prices.of(asked.candidates, costs.with_ids(_texts(known.line_names), _texts(known.drugs["name"])))
    picks = choose_batch(unmeasured, acquisition, prices, size, costs.budget)
    if not picks:
        raise DataError(
            f"A batch of {size} pairs within a budget of {costs.budget:g} holds none: the cheapest costs "
            f"{prices.of_next([]).min():g} with its line and its drug. Allowed: at least one pair, and a budget that "
            "buys one. Raise them."
        )
    return Proposal(
        _tabulate(asked, picks, known, screen),
        _expect(asked, [pick.at for pick in picks], rng),
        by,
        wanted.describe(),
        model.features.measure.unit,
        count,
        tuple(notes.found),
    )


def _ask(
    model: TrainedModel,
    screen: Screen,
    known: KnownTables,
    asked: tuple[pd.DataFrame | None, Target],
    rng: np.random.Generator,
    notes: _Notes,
) -> _Asked:
    """Candidates and target pairs of which nothing was measured, and their joint posterior."""
    table, target = asked
    names, drugs = _texts(known.line_names), _texts(known.drugs["name"])
    lines = known.lines.astype("str")
    measured = screen.responses, None if model.measurements is None else model.measurements.rows
    pairs = cross(lines, drugs.index) if table is None else name_pairs(table, names, drugs, lines)
    pairs = without_measured(pairs, *measured)
    if pairs.empty:
        raise DataError(
            "Nothing is left to be measured: the screen, or an update, has a response of every candidate. Allowed: "
            "pairs without one. Give other candidates, or new lines or drugs."
        )
    tissues = screen.cell_lines["tissue"].reindex(known.line_names.index).fillna("")
    of_target = target.lines_of(names, _texts(tissues)) if target.line or target.tissue else lines
    wanted = without_measured(cross(of_target, target.drugs_of(drugs)), *measured)
    if wanted.empty:
        raise DataError(
            f"Every pair of the target ({target.describe()}) was measured, so that there is nothing to predict. "
            "Allowed: a target with pairs that were not. Name another."
        )
    pairs = notes.some(pairs, MOST_CANDIDATES, "candidates", rng)
    wanted = notes.some(wanted, MOST_TARGETS, "target pairs", rng)
    every = pd.concat([pairs, wanted], ignore_index=True)
    inputs, rows = model.prepared(known.drugs, known.profiles, every)
    return _Asked(pairs, wanted, *model.joint(inputs, rows))


def _texts(series: pd.Series) -> pd.Series:
    return series.astype("str").set_axis(series.index.astype("str"))


def _own_lines(model: TrainedModel, known: KnownTables, pairs: pd.DataFrame, rng: np.random.Generator) -> OwnLines:
    """How each candidate's drug is predicted to respond over lines: between them, and by what is not known of each."""
    lines = known.profiles[EXPRESSION].index
    some = lines[np.sort(rng.permutation(len(lines))[:MOST_LINES])]
    every = cross(some, pairs["drug_id"].unique())
    pred = model.predictive(*model.prepared(known.drugs, known.profiles, every))
    return OwnLines.of_predictions(every["drug_id"], pred.mean, pred.variance, pairs["drug_id"])


def _tabulate(asked: _Asked, picks: Sequence[Pick], known: KnownTables, screen: Screen) -> pd.DataFrame:
    at = np.array([pick.at for pick in picks])
    pairs, pred = asked.candidates.iloc[at].reset_index(drop=True), asked.pred[at]
    lines, drugs = pairs["cell_line_id"], pairs["drug_id"]
    low, high = pred.interval(0.9).T
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(picks) + 1),
            "cell_line_id": lines,
            "line_name": _texts(known.line_names).reindex(lines).to_numpy(),
            "tissue": _texts(screen.cell_lines["tissue"]).reindex(lines).fillna("unknown").to_numpy(),
            "drug_id": drugs,
            "drug_name": _texts(known.drugs["name"]).reindex(drugs).to_numpy(),
            "mean": pred.mean,
            "std": pred.std,
            "epistemic_std": pred.epistemic_std,
            "q05": low,
            "q95": high,
            "score": [pick.score for pick in picks],
            "cost": [pick.cost for pick in picks],
        }
    )


def _expect(asked: _Asked, batch: Sequence[int], rng: np.random.Generator) -> Expected | None:
    """Errors of the same target pairs, those that no batch measures, with the batch and with random ones."""
    count = len(asked.candidates)
    others = [rng.choice(count, len(batch), replace=False) for _ in range(RANDOM_BATCHES)]
    taken = asked.candidates.iloc[np.unique(np.concatenate([np.asarray(batch), *others]))]
    keys = pd.MultiIndex.from_frame(asked.targets[KEYS])
    left = count + np.flatnonzero(~keys.isin(pd.MultiIndex.from_frame(taken[KEYS])))
    if not len(left):
        return None
    before, after = expected_rmse(asked.moments, asked.covariance, batch, left.tolist())
    random = [expected_rmse(asked.moments, asked.covariance, one.tolist(), left.tolist())[1] for one in others]
    return Expected(before, after, float(np.sqrt(np.mean(np.square(random)))), len(left))
