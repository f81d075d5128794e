"""Where a proposed batch goes: its table as the suffix says, and beside it the plates and the page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pandas as pd

from bdrp.design import Proposal
from bdrp.design.plates import COLUMNS
from bdrp.files import atomic, outputs, tables
from bdrp.files.workbook import Look
from bdrp.report.design.page import render_page
from bdrp.report.html.output import write_page

KNOWN_BY: Final = ("rank", "cell_line_id", "drug_id", "score", "cost")
"""Columns by which an earlier batch is known."""


def places(path: Path | str, inputs: Iterable[Path] = ()) -> tuple[Path, Path, Path]:
    """The table, the plates (`-plates.csv`) and the page (`.html`) of a batch.

    Args:
        path: of the table.
        inputs: the files and model folders that the batch is made of.

    Raises:
        OutputError: the suffix is another, or something would be lost.
    """
    path = Path(path)
    tables.check_suffix(path, "The batch")
    plates, page = path.with_name(f"{path.stem}-plates.csv"), path.with_suffix(".html")
    own = outputs.has_columns(KNOWN_BY)
    outputs.guard({path: own, plates: outputs.has_columns(COLUMNS), page: outputs.is_page}, inputs)
    return path, plates, page


def write(proposal: Proposal, plates: pd.DataFrame, path: Path | str) -> tuple[Path, Path, Path]:
    """Write the table, the plates and the page.

    Args:
        proposal: the batch.
        plates: what `plates.lay_out` made of it.
        path: of the table; see `places`.

    Returns:
        The files, as `places` names them.

    Raises:
        OutputError: see `places`, or they cannot be written.
    """
    found = places(path)
    with atomic.refusing("The batch", found[0]):
        tables.write(proposal.table, found[0], {}, _look(proposal))
        tables.write(plates, found[1], {})
    write_page(found[2], render_page(proposal, plates))
    return found


def _look(proposal: Proposal) -> Look:
    unit = proposal.unit
    legend = {
        "rank": "The order in which the batch was chosen: its first k pairs are the batch of k.",
        "mean": f"The predicted response, in {unit}.",
        "std": f"The SD of a measurement about it, in {unit}.",
        "epistemic_std": f"What of that SD is not noise, in {unit}.",
        "q05": f"Nine measurements in ten lie between q05 and q95, in {unit}.",
        "q95": "See q05.",
        "score": f"Of the acquisition function {proposal.by}, given the pairs above.",
        "cost": "What the pair adds to the cost of the batch; a measurement is 1, and a line or a drug is paid once.",
    }
    notes = {"acquisition": proposal.by, "target": proposal.target, "candidates": f"{proposal.candidates:,}"}
    return Look(legend=legend, notes=notes, frozen=1)
