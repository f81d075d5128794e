"""What each metric of the report is, in a sentence, with its source."""

from __future__ import annotations

from typing import Final

from bdrp.report.html.parts import Definition

_GNEITING = "Gneiting and Raftery 2007, doi:10.1198/016214506000001437"
_SELECTIVE = "Geifman, Uziel and El-Yaniv 2019, arXiv:1805.08206"
_TRAUB = "Traub et al. 2024, arXiv:2407.01032"
_DREVAL = "DrEval, Bernett et al. 2025, doi:10.1101/2025.05.26.655288"
_LEVI = "Levi et al. 2022, doi:10.3390/s22155540"
_NULL = "The value that a perfectly calibrated model would show by chance stands beside it"


DEFINITIONS: Final = (
    Definition("point.rmse", "RMSE", "Root mean squared difference between predicted mean and response. Low is good."),
    Definition("point.mae", "MAE", "Mean absolute difference between predicted mean and response. Low is good."),
    Definition(
        "point.bias", "Bias", "Mean of prediction less response: above 0, predictions are too high. Near 0 is good."
    ),
    Definition(
        "point.r2",
        "R²",
        "Share of the responses' variance that the predicted means explain. High is good; 0 is the overall mean's.",
    ),
    Definition(
        "point.pearson",
        "Pearson",
        "Correlation of predicted mean and response over all pairs. High by knowing the drugs alone, so it proves "
        "little.",
    ),
    Definition("point.spearman", "Spearman", "The same correlation of ranks."),
    Definition(
        "point.within_drug_pearson",
        "Within-drug Pearson",
        "Pearson's correlation over the cell lines of one drug, averaged over drugs with at least 10 pairs: are lines "
        "distinguished? High is good.",
    ),
    Definition("point.within_drug_spearman", "Within-drug Spearman", "The same correlation of ranks within a drug."),
    Definition("point.within_drug_count", "Drugs behind within-drug metrics", "How many drugs had enough pairs."),
    Definition(
        "point.normalised_pearson",
        "Mean-effects-normalised Pearson",
        "Correlation of prediction and response after the mean-effects baseline is taken from both: what the "
        "model knows beyond drug and line means.",
        _DREVAL,
    ),
    Definition(
        "point.normalised_spearman", "Mean-effects-normalised Spearman", "The same correlation of ranks.", _DREVAL
    ),
    Definition(
        "point.normalised_r2",
        "Mean-effects-normalised R²",
        "Share of the variance beyond the mean-effects baseline that the predicted means explain. High is "
        "good; 0 is as good as mean effects with their overall error taken out.",
        _DREVAL,
    ),
    Definition(
        "naive",
        "Mean-effects baseline",
        "The prediction that knows only means: the overall mean, plus the drug's and the cell line's deviation from "
        "it where they were in training. The two are estimated together and shrunken where responses are few, which "
        "DrEval's are not: metrics beyond them are close to DrEval's, and not the same to the last digit.",
        _DREVAL,
    ),
    Definition(
        "probabilistic.nll",
        "NLL",
        "Mean negative log predictive density at the response, in nats. Low is good; lengths in the unit count.",
        _GNEITING,
    ),
    Definition(
        "probabilistic.crps",
        "CRPS",
        "Continuous ranked probability score: the area between predicted distribution function and the response's "
        "step, in the unit of the response. Equals the absolute error of a prediction whose SD is 0. Low is good.",
        _GNEITING,
    ),
    Definition(
        "probabilistic.mean_std",
        "Sharpness (mean SD)",
        "Mean predicted SD. Low is good only where coverage is right.",
        "Gneiting, Balabdaoui and Raftery 2007, doi:10.1111/j.1467-9868.2007.00587.x",
    ),
    Definition(
        "probabilistic.mean_aleatoric_std",
        "Mean aleatoric SD",
        "Mean SD of the noise that more training data would not remove.",
    ),
    Definition(
        "probabilistic.mean_epistemic_std", "Mean epistemic SD", "Mean SD that comes from not knowing the weights."
    ),
    Definition(
        "probabilistic.epistemic_share",
        "Epistemic share",
        "The part of the predicted variance that is epistemic, by the model's own account.",
    ),
    Definition(
        "coverage.coverage",
        "Coverage",
        "Share of responses inside their central interval; should equal the interval's level.",
    ),
    Definition(
        "coverage.lower",
        "Coverage, from",
        "Lower end of the 95 % interval of the coverage, cell lines and drugs resampled.",
        "Pigeonhole bootstrap, Owen 2007, doi:10.1214/07-AOAS122",
    ),
    Definition("coverage.upper", "Coverage, to", "Upper end of the same."),
    Definition("coverage.width", "Width", "Mean length of the intervals, in the unit of the response."),
    Definition(
        "coverage.interval_score",
        "Interval score",
        "Width plus 2/α times the distance by which a response misses its (1 − α) interval, averaged. Low is good: it "
        "rewards narrow and punishes missing.",
        _GNEITING,
    ),
    Definition(
        "calibration.miscalibration_area",
        "Miscalibration area",
        f"Area between reliability curve and diagonal. {_NULL}. Low is good.",
        "Tran et al. 2020, doi:10.1088/2632-2153/ab7e1a",
    ),
    Definition(
        "calibration.ence",
        "ENCE",
        f"Expected normalised calibration error: mean over bins of |RMSE − predicted SD| / predicted SD. {_NULL}. Low "
        "is good.",
        _LEVI,
    ),
    Definition(
        "calibration.worst_drug_deviation",
        "Worst drug's deviation",
        f"Largest distance of a drug's 90 % coverage from 90 %. {_NULL}.",
    ),
    Definition(
        "calibration.worst_tissue_deviation",
        "Worst tissue's deviation",
        f"Largest distance of a tissue's 90 % coverage from 90 %. {_NULL}.",
    ),
    Definition(
        "calibration.worst_cell_line_deviation",
        "Worst cell line's deviation",
        f"Largest distance of a cell line's 90 % coverage from 90 %. {_NULL}; drugs on one line err together, so a "
        "calibrated model can exceed it.",
    ),
    Definition(
        "calibration.pit_consistent",
        "PIT consistent with calibration",
        "Whether the 95 % band around the PIT's distribution, cell lines and drugs resampled, holds the even "
        "distribution everywhere.",
        "Pigeonhole bootstrap, Owen 2007, doi:10.1214/07-AOAS122",
    ),
    Definition(
        "calibration.reliability_consistent",
        "Reliability consistent with calibration",
        "The same for the reliability curve and the diagonal.",
    ),
    Definition(
        "calibration.pit_inside_band",
        "PIT inside the band of independent pairs",
        "Whether the PIT stays in the simultaneous 95 % band of a calibrated model with independent pairs. Real pairs "
        "are not independent, so a no is common.",
        "Säilynoja, Bürkner and Vehtari 2022, doi:10.1007/s11222-022-10090-6",
    ),
    Definition(
        "calibration.reliability_inside_band",
        "Reliability inside the band of independent pairs",
        "The same for the reliability curve.",
    ),
    Definition("calibration.ence_bins", "ENCE bins", "Bins of equal size, by predicted SD."),
    Definition(
        "calibration.ence_null_pairs",
        "Pairs simulated for ENCE's chance value",
        "Simulated from the predicted distributions themselves.",
    ),
    Definition(
        "selective.aurc",
        "AURC",
        "Area under the risk–coverage curve: mean squared error of the pairs retained, averaged over all shares "
        "retained, surest pairs first. Low is good.",
        _SELECTIVE,
    ),
    Definition(
        "selective.excess_aurc",
        "Excess AURC",
        "AURC less that of the oracle, which ranks by the true error. Low is good.",
        _SELECTIVE,
    ),
    Definition(
        "selective.augrc",
        "AUGRC",
        "Area under the generalised risk–coverage curve: squared error of the pairs retained per pair of all pairs, "
        "averaged over all shares retained. Unlike AURC, the few surest pairs do not dominate it. Low is good; a "
        "random order gives half the mean squared error.",
        _TRAUB,
    ),
    Definition("selective.excess_augrc", "Excess AUGRC", "AUGRC less that of the oracle. Low is good.", _TRAUB),
    Definition(
        "selective.kept_at_10",
        "Squared error retained at 10 %",
        "Mean squared error of the tenth of pairs with the smallest SD, as a share of that of all pairs. Low is good; "
        "1 is what a random order retains.",
    ),
    Definition(
        "selective.within_drug_kept_at_10",
        "Squared error retained at 10 %, within a drug",
        "The same among the pairs of one drug, averaged over drugs: can the SD tell lines apart?",
    ),
    Definition("selective.kept_at_50", "Squared error retained at 50 %", "The same for the surer half of pairs."),
    Definition("selective.kept_at_80", "Squared error retained at 80 %", "The same for the surest 80 % of pairs."),
    Definition(
        "selective.within_drug_kept_at_50",
        "Squared error retained at 50 %, within a drug",
        "The same among the pairs of one drug, averaged over drugs.",
    ),
    Definition(
        "selective.within_drug_kept_at_80",
        "Squared error retained at 80 %, within a drug",
        "The same among the pairs of one drug, averaged over drugs.",
    ),
    Definition("selective.within_drug_count", "Drugs behind within-drug ranking", "How many drugs had enough pairs."),
    Definition(
        "selective.error_spearman",
        "Rank correlation of SD and error",
        "Spearman's correlation of predicted SD and absolute error. Even a calibrated model stays well below 1: "
        "errors are random.",
    ),
    Definition(
        "selective.within_drug_error_spearman",
        "Rank correlation of SD and error, within a drug",
        "The same among the pairs of one drug, averaged over drugs.",
    ),
    Definition(
        "selective.drug_sd",
        "One SD a drug",
        "The baseline of every ranking metric: rank pairs by their drug's RMSE on the other half of the held-out "
        "cell lines, and by nothing else.",
    ),
    Definition(
        "extrapolated.share",
        "Share censored",
        "Share of responses at or above the highest or at or below the lowest dose that was tested.",
    ),
    Definition(
        "extrapolated.unknown_limits_share",
        "Share with unknown limits",
        "Share of responses whose tested doses are not known; they count as uncensored.",
    ),
)

_LOO = "Vehtari, Gelman and Gabry 2017, doi:10.1007/s11222-016-9696-4"

POSTERIOR_DEFINITIONS: Final = (
    Definition(
        "posterior.elpd",
        "ELPD, leave-one-out",
        "Sum over rows of the log density of each given all others. High is good; compare on the same rows only.",
        _LOO,
    ),
    Definition("posterior.elpd_se", "Standard error of the ELPD", "How far other cell lines would move that sum."),
    Definition(
        "posterior.p_loo",
        "Effective parameters (p_loo)",
        "How much better rows are described with than without themselves, in parameters. Near the number of rows: the "
        "model leans on single rows.",
        _LOO,
    ),
    Definition(
        "posterior.largest_k",
        "Largest k-hat",
        "Shape of the heaviest tail among the rows' importance weights; up to 0.7 is reliable.",
        "Vehtari, Simpson, Gelman, Yao and Gabry 2024, arXiv:1507.02646",
    ),
    Definition("posterior.share_above", "Share of k-hats above 0.7", "For this share of rows the sum is not reliable."),
)

STATISTICS: Final = {
    "mean": "Mean",
    "sd": "SD",
    "skewness": "Skewness",
    "kurtosis": "Kurtosis",
    "q05": "5 % quantile",
    "q50": "Median",
    "q95": "95 % quantile",
}
LABELS: Final = {definition.key: definition.label for definition in (*DEFINITIONS, *POSTERIOR_DEFINITIONS)}


def select_definitions(*keys: str) -> tuple[Definition, ...]:
    """Those of some metrics, in the order of the report.

    >>> [definition.label for definition in select_definitions("probabilistic.crps", "point.rmse")]
    ['RMSE', 'CRPS']
    """
    return tuple(definition for definition in DEFINITIONS if definition.key in keys)
