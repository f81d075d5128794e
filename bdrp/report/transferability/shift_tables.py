"""The tables of how far a target lies from training: its expression, and whether the epistemic SD tells what is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bdrp.report.html.table import Column, Table

if TYPE_CHECKING:
    from bdrp.studies.transfer import TransferResults


def expression(found: TransferResults) -> Table:
    """How far the expression of the targets' lines is from that of the source screen, a row a target."""
    columns = {
        "target": Column("Target"),
        "lines": Column("Shared lines"),
        "genes": Column("Genes"),
        "batch": Column("Batch: mean |difference| on shared lines, SDs"),
        "batch_share": Column("Share of variance of the batch"),
        "profile_pearson": Column("Correlation of a line's profiles, median"),
        "composition": Column("Mean |difference| over all lines, SDs"),
    }
    records = ({**target["expression"], "target": target["target"]} for target in found.targets)
    caption = "Genes in SDs of the source screen's lines; screens that share one expression have no batch."
    return Table.from_records("Shift of expression", columns, records, caption)


def unseen(found: TransferResults) -> tuple[Table, ...]:
    """How well the epistemic SD tells what is new; empty for targets of a folder from before this was asked."""
    columns = {
        "new": Column("Target: what is new"),
        "auroc": Column("AUROC"),
        "auroc_null_lower": Column("By chance, from"),
        "auroc_null_upper": Column("to"),
        "unseen_groups": Column("New ones"),
        "seen_groups": Column("Known ones"),
    }
    records = [
        {**metrics, "new": f"{target['target']}: {side}s"}
        for target in found.targets
        for side, metrics in target.get("unseen", {}).items()
    ]
    caption = (
        "The probability that a pair of a drug (or line) that was never trained on has the larger raw epistemic SD "
        "than one of a known drug (or line); 0.5 knows nothing. The other side of the pair is known. Chance: labels "
        "shuffled over whole drugs (or lines)."
    )
    table = Table.from_records("Does the epistemic SD know what it has never seen?", columns, records, caption)
    return (table,) if records else ()
