"""All metrics and curves of one set of predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bdrp.display import Displayed
from bdrp.evaluation import by_group, curves, right_censoring, topics
from bdrp.evaluation.by_censoring import metrics_by_censoring
from bdrp.evaluation.censoring_aware import censoring_aware_metrics
from bdrp.evaluation.notes import notes
from bdrp.evaluation.observed import Floats, Observed, check_observed
from bdrp.evaluation.point_metrics import compute_point_metrics
from bdrp.evaluation.sd_calibration import sd_calibration
from bdrp.evaluation.selective import risk_coverage, selective_metrics
from bdrp.evaluation.simulated import simulate_responses
from bdrp.evaluation.topics import Topic
from bdrp.files import strict_json
from bdrp.predictive import PredictiveDistribution

FORMAT = 1


@dataclass(frozen=True, repr=False)
class Scores(Displayed):
    """How good a set of predictions is.

    Example:
        >>> import bdrp
        >>> from bdrp.testing import tiny_model
        >>> scores = bdrp.score(tiny_model().held_out_predictions(), tiny_model().held_out())
        >>> len(scores.pit) == scores.metrics["n"]["pairs"]
        True

    Attributes:
        metrics: all numbers, nested by topic; nan where a metric is not defined.
        pit: each pair's predicted probability of a response at most as large as the observed one, (N,).
        by_tissue: a row a tissue.
        by_drug: a row a drug.
        by_line: a row a cell line.
        reliability: nominal levels of central intervals and their empirical coverage.
        pit_histogram: PIT values in bins.
        pit_ecdf: the share of PIT values below each level.
        risk_coverage: mean squared error when only the surest pairs are retained.
        sd_bins: RMSE against predicted SD.
        worst_groups: drugs, tissues and cell lines whose 90 % coverage is furthest off.
        beyond_reliability: the predicted probability of right-censoring against how often it happened.
        topics: metrics that answer a question of their own, with their tables, by name.
    """

    metrics: Mapping[str, Any]
    pit: Floats
    by_tissue: pd.DataFrame
    by_drug: pd.DataFrame
    by_line: pd.DataFrame
    reliability: pd.DataFrame
    pit_histogram: pd.DataFrame
    pit_ecdf: pd.DataFrame
    risk_coverage: pd.DataFrame
    sd_bins: pd.DataFrame
    worst_groups: pd.DataFrame
    beyond_reliability: pd.DataFrame
    topics: Mapping[str, Topic]

    def _facts(self) -> dict[str, object]:
        point, covered = self.metrics["point"], self.metrics["coverage"]["90"]
        return {
            "pairs": len(self.pit),
            "RMSE": point["rmse"],
            "within-drug correlation": point["within_drug_pearson"],
            "coverage of 90 % intervals": covered["coverage"],
            "mean width of 90 % intervals": covered["width"],
            "tables": ", ".join(self.tables),
        }

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        own = {name: value for name, value in vars(self).items() if isinstance(value, pd.DataFrame)}
        return own | {name: table for topic in self.topics.values() for name, table in topic.tables.items()}

    def to_dict(self) -> dict[str, Any]:
        """All metrics as strict JSON: plain numbers, and null where a metric is not defined (`notes` say why)."""
        plain: dict[str, Any] = strict_json.plain(
            {**self.metrics, "worst_groups": self.worst_groups.to_dict("records")}
        )
        return plain


def score(pred: PredictiveDistribution, observed: pd.DataFrame, seed: int = 0) -> Scores:
    """Score predictions against responses.

    Args:
        pred: the predictions of N pairs.
        observed: the same pairs in the same order: cell_line_id, drug_id and response; and, where known, lower_limit,
            upper_limit (what the assay could see), tissue, drug_name, structure_key (which drug ids are one compound)
            and mean_effects (the mean-effects baseline, drug mean plus cell line effect).
        seed: simulations and resampling; the same seed gives the same scores.

    Example:
        >>> import bdrp
        >>> from bdrp.testing import tiny_model
        >>> scores = bdrp.score(tiny_model().held_out_predictions(), tiny_model().held_out())
        >>> 0 <= scores.metrics["coverage"]["90"]["coverage"] <= 1
        True

    Raises:
        DataError: the table does not fit the predictions, or a response is not finite.
    """
    seen = check_observed(pred, observed)
    rows, simulated, pit = by_group.score_rows(pred, seen), simulate_responses(pred, seed), pred.cdf(seen.response)
    by_drug = by_group.tabulate_groups(rows, pred, seen, seen.drugs, seen.drug_names)
    by_tissue = by_group.tabulate_groups(rows, pred, seen, seen.tissues, seen.tissues)
    by_line = by_group.tabulate_groups(rows, pred, seen, seen.cell_lines, seen.cell_lines).drop(columns="cell_lines")
    by_sd = sd_calibration(pred.std, pred.mean - seen.response, simulated)
    tables = {
        "by_tissue": by_tissue,
        "by_drug": by_drug,
        "by_line": by_line,
        "reliability": curves.reliability(pit, seen, seed),
        "pit_histogram": curves.pit_histogram(pit, seed),
        "pit_ecdf": curves.pit_ecdf(pit, seen, seed),
        "risk_coverage": risk_coverage(pred, seen, seed),
        "sd_bins": by_sd.bins,
        "worst_groups": by_group.find_worst_groups({"drug": by_drug, "tissue": by_tissue, "cell line": by_line}),
        "beyond_reliability": right_censoring.reliability(pred, seen, seed),
    }
    about = {"format": FORMAT, "measure": pred.measure, "unit": pred.unit, "seed": seed, "n": _counts(seen)}
    metrics = {
        "point": compute_point_metrics(pred.mean, seen),
        "naive": compute_point_metrics(seen.mean_effects, seen),
        "probabilistic": _probabilistic(pred, rows),
        "coverage": curves.coverage_metrics(pred, seen, seed),
        "calibration": _calibration(pit, by_sd.metrics, tables, seed),
        "selective": selective_metrics(pred, seen, simulated, seed),
        "extrapolated": metrics_by_censoring(rows, seen),
        "as_observed": censoring_aware_metrics(pred, seen, seed),
        "beyond": right_censoring.right_censoring_metrics(pred, seen, tables["beyond_reliability"], seed),
    }
    found = topics.score(pred, seen, seed)
    said = [*notes(pred, seen, simulated), *(note for topic in found.values() for note in topic.notes)]
    metrics |= {name: topic.metrics for name, topic in found.items()} | {"notes": said}
    return Scores(metrics=about | metrics, pit=pit, topics=found, **tables)


def _counts(seen: Observed) -> dict[str, int]:
    sizes = {"cell_lines": seen.cell_lines, "drugs": seen.drugs, "tissues": seen.tissues}
    return {"pairs": len(seen.response), **{name: int(labels.nunique()) for name, labels in sizes.items()}}


def _probabilistic(pred: PredictiveDistribution, rows: pd.DataFrame) -> dict[str, float]:
    return {
        "nll": float(rows["nll"].mean()),
        "crps": float(rows["crps"].mean()),
        "mean_std": float(pred.std.mean()),
        "mean_aleatoric_std": float(pred.aleatoric_std.mean()),
        "mean_epistemic_std": float(pred.epistemic_std.mean()),
        "epistemic_share": float(rows["epistemic_share"].mean()),
    }


def _calibration(
    pit: Floats, by_sd: Mapping[str, float], tables: Mapping[str, pd.DataFrame], seed: int
) -> dict[str, Any]:
    return {
        **curves.miscalibration_area(pit, seed),
        **by_sd,
        "pit_inside_band": curves.is_inside_band(tables["pit_ecdf"]),
        "reliability_inside_band": curves.is_inside_band(tables["reliability"]),
        "pit_consistent": curves.is_consistent(tables["pit_ecdf"]),
        "reliability_consistent": curves.is_consistent(tables["reliability"]),
        **by_group.worst_deviation(tables["by_drug"], "drug", seed),
        **by_group.worst_deviation(tables["by_tissue"], "tissue", seed),
        **by_group.worst_deviation(tables["by_line"], "cell_line", seed),
    }
