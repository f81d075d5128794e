"""Whether a recalibrator is one: fitted to what it is given, kept as JSON, mapping to what is calibrated."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, cached_property, partial
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.calibration import RECALIBRATORS, Recalibration
from bdrp.errors import DataError
from bdrp.predictive import Normal, PredictiveDistribution, Remapped, Scalable, StudentT
from bdrp.testing import checking
from bdrp.testing.checking import require, require_refusal

LINES, DRUGS = 60, 30


@dataclass(frozen=True)
class Part:
    """A calibration part: what was predicted for N pairs, what was observed, (N,), and each pair's line."""

    pred: Scalable
    response: npt.NDArray[np.float64]
    lines: list[str]


@dataclass(frozen=True)
class Subject:
    """A recalibrator, and the name that it is to be known by, if that is told."""

    recalibrator: ModuleType
    name: str = ""

    def fit(self, part: Part) -> Any:
        """Fitted to a part, its lines being the groups."""
        return self.recalibrator.fit(part.pred, part.response, groups=part.lines)

    @cached_property
    def fitted(self) -> Any:
        """Fitted to `overconfident`, once."""
        return self.fit(overconfident())

    @property
    def corrects(self) -> bool:
        """Whether it fits any number; one that fits none, as `identity`, corrects nothing."""
        return bool(getattr(self.recalibrator, "PARAMETERS", 1))


def check_recalibrator(recalibrator: ModuleType | str) -> list[str]:
    """Check that a recalibrator does what `bdrp fit` and its users count on, on 1,800 pairs of 60 lines.

    Args:
        recalibrator: its module, or its name.

    Returns:
        What holds, a sentence a check.

    Raises:
        AssertionError: something does not hold; all that does not is named.

    Example:
        >>> check_recalibrator("variance_scaling")[0]
        'it says in a line what it does'
    """
    if isinstance(recalibrator, str):
        subject = Subject(RECALIBRATORS.load(recalibrator), recalibrator)
    else:
        subject = Subject(recalibrator)
    called = subject.name or subject.recalibrator.__name__.rpartition(".")[2]
    return checking.run(f"The recalibrator {called}", CHECKS, subject)


@cache
def overconfident(dof: float | None = None) -> Part:
    """Responses that deviate twice as far as predicted, with normal noise or Student-t."""
    rng = np.random.default_rng(0)
    line, drug = np.divmod(np.arange(LINES * DRUGS), DRUGS)
    keys = pd.DataFrame({"cell_line_id": [f"L{i}" for i in line], "drug_id": [f"D{i}" for i in drug]})
    n = len(keys)
    about = keys, "ln_ic50_um", rng.normal(0, 2, n), rng.uniform(0.2, 2, n), rng.uniform(0.05, 0.5, n)
    pred = Normal(*about, unit="ln(µM)") if dof is None else StudentT(*about, dof, unit="ln(µM)")
    return Part(pred, pred.scale(2.0).sample(1, seed=1)[0], keys["cell_line_id"].tolist())


def it_says_in_a_line_what_it_does(subject: Subject) -> None:
    """As reports say it."""
    text = getattr(subject.recalibrator, "DESCRIPTION", None)
    require(isinstance(text, str) and bool(text) and text.isprintable(), f"its DESCRIPTION is {text!r}")


def it_gives_a_recalibration_that_says_what_it_was_fitted_to(subject: Subject) -> None:
    """Its own name, the measure, and how many pairs of how many groups."""
    fitted = subject.fitted
    require(isinstance(fitted, Recalibration), f"fit gives a {type(fitted).__name__}")
    told = (fitted.measure, fitted.pairs, fitted.groups)
    require(told == ("ln_ic50_um", LINES * DRUGS, LINES), f"it says that it was fitted to {told}")
    require(subject.name in ("", fitted.kind), f"its kind is {fitted.kind!r}, and its name {subject.name}")


def json_brings_back_the_same(subject: Subject) -> None:
    """As a model folder keeps it."""
    part, fitted = overconfident(), subject.fitted
    again = subject.recalibrator.from_json(json.loads(json.dumps(fitted.to_json(), allow_nan=False)))
    require(again == fitted, f"{fitted.to_json()} brings back {again}")
    same = np.array_equal(again(part.pred).cdf(part.response), fitted(part.pred).cdf(part.response))
    require(same, "what it brings back recalibrates otherwise")


def altered_json_is_refused(subject: Subject) -> None:
    """A number that is text, and a measure that is none."""
    stored = subject.fitted.to_json()
    for change in ({"pairs": "many"}, {"groups": -1}, {"measure": 3}):
        altered = partial(subject.recalibrator.from_json, {**stored, **change})
        require_refusal(DataError, "", altered, f"a stored recalibration with {change}")


def keys_unit_and_the_epistemic_share_stay(subject: Subject) -> None:
    """Held-out responses say how wide a distribution should be, not which share of it more data would remove."""
    pred = overconfident().pred
    mapped = subject.fitted(pred)
    require(isinstance(mapped, PredictiveDistribution), f"it gives a {type(mapped).__name__}")
    require(mapped.keys.equals(pred.keys) and mapped.unit == pred.unit, "the keys or the unit are others")
    left, right = (each.epistemic / each.variance for each in (mapped, pred))
    require(np.allclose(left, right), f"the epistemic share changes by up to {np.abs(left - right).max():.3g}")


def the_order_of_pairs_does_not_matter(subject: Subject) -> None:
    """A calibration part has none."""
    part = overconfident()
    order = np.random.default_rng(0).permutation(len(part.pred))
    mixed = Part(part.pred[order], part.response[order], [part.lines[index] for index in order])
    left, right = (each(part.pred).cdf(part.response) for each in (subject.fit(mixed), subject.fitted))
    require(np.allclose(left, right, rtol=1e-4), f"probabilities change by up to {np.abs(left - right).max():.3g}")


def what_deviates_twice_as_far_as_predicted_is_covered_afterwards(subject: Subject) -> None:
    """Of 1,800 responses 87 to 95 % lie in the central 90 %, with normal and with Student-t noise; SE 0.7 points.

    Conformal ones err on the wide side. One that fits no number is not held to it.
    """
    heavy = overconfident(dof=4.0)
    for part, fitted in ((overconfident(), subject.fitted), (heavy, subject.fit(heavy))):
        out = fitted(part.pred)
        require(bool(np.all(np.isfinite(out.log_prob(part.response)))), "some log densities are not finite")
        require(np.allclose(out.cdf(out.quantile(0.9)), 0.9), "its quantile and its cdf are not inverse")
        covered = float(np.mean(np.abs(2 * out.cdf(part.response) - 1) <= 0.9))
        require(not subject.corrects or 0.87 < covered < 0.95, f"{100 * covered:.1f} % lie in the central 90 %")


def another_measure_is_refused(subject: Subject) -> None:
    """Nothing is known of it."""
    pred, fitted = overconfident().pred, subject.fitted
    other = Normal(pred.keys, "auc_fraction", pred.mean, pred.aleatoric, pred.epistemic)
    require_refusal(DataError, "ln_ic50_um", partial(fitted, other), "a prediction of auc_fraction")


def responses_that_do_not_line_up_are_refused(subject: Subject) -> None:
    """One that is not finite, too few, too few groups, a single one."""
    part = overconfident()
    wrong = {
        "a response that is not finite": Part(part.pred, np.append(part.response[:-1], np.nan), part.lines),
        "three responses": Part(part.pred, part.response[:3], part.lines),
        "the lines of three pairs": Part(part.pred, part.response, part.lines[:3]),
        "a single pair": Part(part.pred[:1], part.response[:1], part.lines[:1]),
    }
    for what, given in wrong.items():
        require_refusal(DataError, "", partial(subject.fit, given), what)


def what_is_mapped_already_is_refused(subject: Subject) -> None:
    """A recalibration starts from a method's own prediction."""
    part = overconfident()
    mapped: Any = Part(Remapped(part.pred, [0.2, 0.8], [0.1, 0.9]), part.response, part.lines)  # type: ignore[arg-type]
    require_refusal(DataError, "", partial(subject.fit, mapped), "a prediction that was recalibrated before")


CHECKS = (
    it_says_in_a_line_what_it_does,
    it_gives_a_recalibration_that_says_what_it_was_fitted_to,
    json_brings_back_the_same,
    altered_json_is_refused,
    keys_unit_and_the_epistemic_share_stay,
    the_order_of_pairs_does_not_matter,
    what_deviates_twice_as_far_as_predicted_is_covered_afterwards,
    another_measure_is_refused,
    responses_that_do_not_line_up_are_refused,
    what_is_mapped_already_is_refused,
)
