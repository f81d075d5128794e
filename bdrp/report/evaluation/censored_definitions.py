"""What the metrics of censored responses are, in a sentence each, with their source."""

from __future__ import annotations

from typing import Final

from bdrp.report.html.parts import Definition

_TWCRPS = "Gneiting and Ranjan 2011, doi:10.1198/jbes.2010.08110; Allen, Ginsbourger and Ziegel 2023"

CENSORED_DEFINITIONS: Final = (
    Definition("as_observed.above", "Above the highest dose", "How many responses lie at or above their highest dose."),
    Definition("as_observed.below", "Below the lowest dose", "How many responses lie at or below their lowest dose."),
    Definition(
        "as_observed.nll",
        "Censoring-aware NLL",
        "NLL of what was observed: the density at an uncensored response, the probability of lying beyond the limit "
        "for a censored one. Low is good; not to be compared with the NLL that takes censored values as measured.",
        "Tobin 1958, doi:10.2307/1907382; Diks, Panchenko and van Dijk 2011, doi:10.1016/j.jeconom.2011.04.001",
    ),
    Definition(
        "as_observed.crps",
        "Censoring-aware CRPS",
        "The part of the CRPS between lowest and highest dose (threshold-weighted CRPS): where beyond a limit a "
        "response was predicted, or published, makes no difference. In the unit of the response. Low is good.",
        _TWCRPS,
    ),
    Definition(
        "as_observed.coverage",
        "Censoring-aware coverage",
        "Coverage in which a censored response counts with the share of the predicted mass beyond its limit that the "
        "interval holds. Equals the interval's level if the model is calibrated.",
        "Czado, Gneiting and Held 2009, doi:10.1111/j.1541-0420.2009.01191.x",
    ),
    Definition(
        "as_observed.compatible",
        "Not contradicted",
        "Share of intervals that what was observed does not contradict: one that reaches beyond the limit covers every "
        "response there. Even a calibrated model exceeds the level; below the level, intervals are too narrow.",
    ),
    Definition("beyond.pairs", "Pairs with a known highest dose", "Pairs whose highest dose is unknown are left out."),
    Definition("beyond.share", "Share right-censored", "Share of responses at or above their highest dose."),
    Definition(
        "beyond.mean_probability",
        "Mean probability of right-censoring",
        "What the model expects that share to be; the two should agree.",
    ),
    Definition(
        "beyond.brier",
        "Brier score",
        "Mean squared difference between the predicted probability of right-censoring and what happened (1 or 0). Low "
        "is good. If calibrated, it would on average be the mean of P(1 − P).",
        "Brier 1950, Monthly Weather Review 78",
    ),
    Definition(
        "beyond.base_rate",
        "One base rate a drug",
        "The baseline that knows how often each drug is right-censored, counted on the other half of the held-out "
        "cell lines, and nothing of lines.",
    ),
    Definition(
        "beyond.brier_skill",
        "Brier skill",
        "1 less the ratio of the model's Brier score to that of one base rate a drug, with its 95 % interval (cell "
        "lines and drugs resampled). Above 0: the model knows more than drugs' base rates.",
    ),
    Definition(
        "beyond.log_loss",
        "Log loss",
        "Mean negative log of the probability of what happened, in nats. Low is good; punishes a confident mistake.",
    ),
    Definition(
        "beyond.auroc",
        "AUROC",
        "How often a right-censored response was given a larger probability than one that is not, over all "
        "such pairs of responses. 0.5 orders nothing, 1 all. High by knowing the drugs alone.",
        "Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747",
    ),
    Definition(
        "beyond.within_drug_auroc",
        "AUROC within a drug",
        "The same over the cell lines of one drug, averaged over drugs with at least 5 responses of either kind: are "
        "lines distinguished?",
    ),
    Definition("beyond.within_drug_count", "Drugs behind AUROC within a drug", "How many drugs had enough of both."),
    Definition(
        "beyond.reliability_consistent",
        "Probabilities consistent with calibration",
        "Whether the 95 % band around the shares, cell lines and drugs resampled, holds the diagonal in every bin.",
        "Pigeonhole bootstrap, Owen 2007, doi:10.1214/07-AOAS122",
    ),
    Definition(
        "beyond.reliability_inside_band",
        "Probabilities inside the band of independent pairs",
        "Whether all shares stay where a calibrated model's would with 95 % probability if pairs were independent.",
        "Bröcker and Smith 2007, doi:10.1175/WAF993.1",
    ),
)

CENSORED_LABELS: Final = {definition.key: definition.label for definition in CENSORED_DEFINITIONS}
