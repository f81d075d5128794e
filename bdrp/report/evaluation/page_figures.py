"""Which figures the report shows, and which it leaves out because the pairs cannot fill them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from bdrp.report.evaluation.figures import (
    censored,
    error_sd,
    groups,
    levels,
    pit,
    posterior,
    predicted,
    reliability,
    right_censored,
    risk,
    sharpness,
)
from bdrp.report.figures.plot import Plot

if TYPE_CHECKING:
    import pandas as pd

    from bdrp.evaluation import PosteriorCheck, Scores
    from bdrp.predictive import PredictiveDistribution

UNKNOWN_UNIT: Final = "unit unknown"
FEWEST_GROUPS: Final = 4  # chosen: how three groups differ is seen better in the figure that names them


@dataclass(frozen=True)
class PageFigures:
    """The figures of one set of scores; `response` is (N,)."""

    scores: Scores
    pred: PredictiveDistribution
    response: npt.NDArray[np.float64]
    before: Scores | None = None

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """All metrics, None where one is not defined."""
        return self.scores.to_dict()

    @property
    def unit(self) -> str:
        """What stands on the axes."""
        return self.pred.unit or UNKNOWN_UNIT

    def calibration(self) -> tuple[Plot, ...]:
        """Reliability, PIT, coverage and width; and what recalibration changed."""
        scores, pairs = self.scores, len(self.response)
        changed = () if self.before is None else (reliability.plot_change(scores.reliability, self.before.reliability),)
        return (
            reliability.plot(scores.reliability, pairs),
            levels.plot_overall(self.metrics["coverage"], self.unit, pairs),
            pit.plot_histogram(scores.pit_histogram, scores.pit),
            pit.plot_ecdf(scores.pit_ecdf, pairs),
            *changed,
        )

    def table(self, what: str) -> pd.DataFrame:
        """The metrics of each "drug", "tissue" or "cell line"."""
        tables = {"drug": self.scores.by_drug, "tissue": self.scores.by_tissue, "cell line": self.scores.by_line}
        return tables[what]

    def groups(self, what: str) -> tuple[Plot, ...]:
        """Coverage and width by drug, by tissue or by cell line."""
        table = self.table(what)
        named = groups.plot(table, what, self.unit)
        return (named,) if len(table) < FEWEST_GROUPS else (named, levels.plot_groups(table, what, self.unit))

    def accuracy(self) -> tuple[Plot, ...]:
        """Predicted against observed, and the predicted SDs."""
        point, pred = self.metrics["point"], self.pred
        return (
            predicted.plot(
                pred.mean, self.response, r2=point["r2"], per_drug=point["within_drug_pearson"], unit=self.unit
            ),
            sharpness.plot(pred.std, pred.aleatoric_std, pred.epistemic_std, self.unit),
        )

    def ranking(self) -> tuple[Plot, ...]:
        """Error against SD, and risk against coverage."""
        seen, unit = self.metrics["calibration"], self.unit
        return (
            error_sd.plot(self.scores.sd_bins, ence=seen["ence"], by_chance=seen["ence_null_mean"], unit=unit),
            risk.plot(self.scores.risk_coverage, unit),
        )

    def right_censored(self) -> tuple[Plot, ...]:
        """Predicted probability of right-censoring against its share, where the highest dose is known."""
        curve = self.scores.beyond_reliability
        return () if curve.empty else (right_censored.plot(curve, self.metrics["beyond"]),)

    def censored(self) -> tuple[Plot, ...]:
        """Uncensored beside censored responses, where there are both."""
        seen = self.metrics["extrapolated"]
        if not (seen["observed"]["n"] and seen["extrapolated"]["n"]):
            return ()
        return (censored.plot(seen, self.unit),)

    def posterior(self, checked: PosteriorCheck) -> tuple[Plot, ...]:
        """Importance weights, LOO-PIT and replicated responses of the training rows."""
        from bdrp.evaluation.curves import pit_histogram

        left_out = checked.rows["loo_pit"].to_numpy(float)
        return (
            posterior.plot_k_hat(checked.rows, checked.metrics["good_k"]),
            pit.plot_left_out(pit_histogram(left_out, int(self.metrics["seed"])), left_out),
            posterior.plot_replicated(checked.densities, self.unit),
            posterior.plot_statistics(checked.statistics),
        )
