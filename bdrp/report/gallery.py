"""Which pictures the report shows, and which it leaves out because the pairs cannot fill them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from bdrp.report.pictures import (
    beyond,
    extrapolated,
    groups,
    levels,
    noise,
    pit,
    posterior,
    predicted,
    reliability,
    risk,
    sharpness,
    spread,
)
from bdrp.report.style import Picture

if TYPE_CHECKING:
    import pandas as pd

    from bdrp.evaluation import PosteriorCheck, Scores
    from bdrp.predictive import PredictiveDistribution

UNKNOWN_UNIT: Final = "unit unknown"
FEWEST_GROUPS: Final = 4  # chosen: the spread of three groups is seen better in the picture that names them


@dataclass(frozen=True)
class Gallery:
    """The pictures of one set of scores; `response` is (N,)."""

    scores: Scores
    pred: PredictiveDistribution
    response: npt.NDArray[np.float64]
    before: Scores | None = None

    @cached_property
    def figures(self) -> dict[str, Any]:
        """All figures, None where one is not defined."""
        return self.scores.to_dict()

    @property
    def unit(self) -> str:
        """What stands on the axes."""
        return self.pred.unit or UNKNOWN_UNIT

    def calibration(self) -> tuple[Picture, ...]:
        """Reliability, PIT, coverage and width; and what recalibration changed."""
        scores, pairs = self.scores, len(self.response)
        shown = (
            reliability.picture(scores.reliability, pairs),
            levels.overall(self.figures["coverage"], self.unit, pairs),
            pit.histogram(scores.pit_histogram, scores.pit),
            pit.ecdf(scores.pit_ecdf, pairs),
        )
        return (
            shown if self.before is None else (*shown, reliability.change(scores.reliability, self.before.reliability))
        )

    def table(self, what: str) -> pd.DataFrame:
        """The figures of each "drug", "tissue" or "cell line"."""
        tables = {"drug": self.scores.by_drug, "tissue": self.scores.by_tissue, "cell line": self.scores.by_line}
        return tables[what]

    def groups(self, what: str) -> tuple[Picture, ...]:
        """Coverage and width by drug, by tissue or by cell line."""
        table = self.table(what)
        named = groups.picture(table, what, self.unit)
        return (named,) if len(table) < FEWEST_GROUPS else (named, levels.over_groups(table, what, self.unit))

    def accuracy(self) -> tuple[Picture, ...]:
        """Predicted against observed, and the predicted SDs."""
        point, pred = self.figures["point"], self.pred
        return (
            predicted.picture(
                pred.mean, self.response, r2=point["r2"], per_drug=point["within_drug_pearson"], unit=self.unit
            ),
            sharpness.picture(pred.std, pred.aleatoric_std, pred.epistemic_std, self.unit),
        )

    def ranking(self) -> tuple[Picture, ...]:
        """Error against SD, and risk against coverage."""
        seen, unit = self.figures["calibration"], self.unit
        return (
            spread.picture(self.scores.sd_bins, ence=seen["ence"], by_chance=seen["ence_null_mean"], unit=unit),
            risk.picture(self.scores.risk_coverage, unit),
        )

    def beyond(self) -> tuple[Picture, ...]:
        """Predicted probability of "beyond the highest dose" against its share, where that dose is known."""
        curve = self.scores.beyond_reliability
        return () if curve.empty else (beyond.picture(curve, self.figures["beyond"]),)

    def noise(self) -> tuple[Picture, ...]:
        """Measured beside predicted noise, where repeats measured it."""
        seen = self.figures["noise"]["all"]
        if seen["noise_sd"] is None:
            return ()
        return (noise.picture(self.scores.noise_by_compound, seen, self.unit),)

    def extrapolated(self) -> tuple[Picture, ...]:
        """Observed beside extrapolated responses, where there are both."""
        seen = self.figures["extrapolated"]
        if not (seen["observed"]["n"] and seen["extrapolated"]["n"]):
            return ()
        return (extrapolated.picture(seen, self.unit),)

    def posterior(self, checked: PosteriorCheck) -> tuple[Picture, ...]:
        """Importance weights, LOO-PIT and replicated responses of the training rows."""
        from bdrp.evaluation.curves import pit_histogram

        left_out = checked.rows["loo_pit"].to_numpy(float)
        return (
            posterior.k_hat(checked.rows, checked.figures["good_k"]),
            pit.left_out(pit_histogram(left_out, int(self.figures["seed"])), left_out),
            posterior.replicated(checked.densities, self.unit),
            posterior.statistics(checked.statistics),
        )
