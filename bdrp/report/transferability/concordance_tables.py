"""The tables of inter-laboratory concordance: two screens on the same pairs, and a model beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bdrp.report.html.table import Column, Table
from bdrp.report.transferability.score_tables import with_labelled
from bdrp.report.transferability.targets import Target, rows_of

if TYPE_CHECKING:
    from bdrp.studies.transfer import TransferResults


def agreements(found: TransferResults) -> tuple[Table, ...]:
    """The source screen beside each target that measured some of its pairs."""
    columns = {
        "target": Column("Target"),
        "pairs": Column("Pairs"),
        "pearson": Column("Pearson"),
        "within_drug_spearman": Column("Spearman within a drug, median"),
        "rmse": Column("RMSE"),
        "bias": Column("Bias"),
        "within_drug_noise_sd": Column("Noise SD of one, within a drug"),
    }
    records = (
        {**target["agreement"]["every"], "target": f"{target['target']}, {target['measure']}"}
        for target in found.targets
        if target["agreement"]
    )
    title = f"{found.about['train']} and its targets on the same pairs"
    return (Table.from_records(title, columns, records, "All pairs."),)


def shared_pairs(found: TransferResults) -> tuple[Table, ...]:
    """Errors of the source screen's measurement and of the adapted models on shared pairs, a table a target."""
    tables = ((target, rows_of(found.concordance, target)) for target in found.targets)
    return tuple(_of_target(concordance, found, target) for target, concordance in tables if len(concordance))


def _of_target(concordance: pd.DataFrame, found: TransferResults, target: Target) -> Table:
    columns = {
        "predictor": Column("Pairs and predictor"),
        "n": Column("Responses"),
        "rmse": Column("RMSE"),
        "rmse_within_drug": Column("RMSE within a drug"),
        "within_drug_spearman": Column("Spearman within a drug"),
    }
    order = {seen: place for place, seen in enumerate(dict.fromkeys(rows_of(found.metrics, target)["seen"]))}
    ordered = concordance.sort_values("seen", key=lambda seen: seen.map(order), kind="stable").astype({"n": int})
    names = map(with_labelled, ordered["adaptation"], ordered["labelled"])
    ordered = ordered.assign(predictor=[f"{seen}: {name}" for seen, name in zip(ordered["seen"], names, strict=True)])
    title = f"{target['target']}: on pairs that both measured"
    return Table.from_records(title, columns, ordered.to_dict("records"), "Means over draws.")
