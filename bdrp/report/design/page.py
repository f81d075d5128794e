"""The page of a batch of experiments, in one file."""

from __future__ import annotations

from typing import Final

import pandas as pd

from bdrp.design import Expected, Proposal
from bdrp.design.acquisitions import load
from bdrp.report import words
from bdrp.report.design import figures
from bdrp.report.html.page import render
from bdrp.report.html.parts import Section, Summary, Tile
from bdrp.report.html.table import Column, Table

WORTH_IT: Final = 0.01  # chosen: a smaller fall of the error is nothing to order a batch for
_OWN: Final = (
    "What a batch brings is what the model expects by its own covariance and noise, taken for normal, before anything "
    "is measured; what comes true is in docs/design.md."
)


def render_page(proposal: Proposal, plates: pd.DataFrame) -> str:
    """The page as HTML, readable alone."""
    table = proposal.table
    return render(
        kicker="bdrp design",
        beside="the tables beside it hold",
        title="What to measure next?",
        subtitle=f"{words.count(len(table), 'pair')} of {proposal.candidates:,} candidates, by {proposal.by}: "
        f"{load(proposal.by).DESCRIPTION}. To be predicted: {proposal.target}.",
        summary=_summarise(proposal),
        tiles=_tiles(proposal, plates),
        sections=(
            Section("batch", "Which pairs?", figures=(figures.plot_batch(table),), folded=(_pairs(proposal),)),
            Section("plates", "On which plates?", figures=(figures.plot_plates(plates),)),
        ),
    )


def _summarise(proposal: Proposal) -> Summary:
    notes = tuple(f"{words.heading(note)}." for note in proposal.notes)
    found = proposal.expected
    if load(proposal.by).GOAL == "hits":
        text = "The batch looks for the most sensitive lines of each drug, and not for knowledge of other pairs."
        return Summary("fair", text, (*_sentences(found, proposal.unit), *notes))
    if found is None:
        return Summary("doubt", "The batch leaves no pair of the target to be predicted.", notes)
    fall = 1 - found.after / found.before
    against = 1 - found.random / found.before
    head = (
        f"The expected error falls by {words.percent(fall)}, by {words.percent(against)} with as many pairs at random."
    )
    return Summary("fair" if fall > WORTH_IT else "doubt", head, (*_sentences(found, proposal.unit), *notes))


def _sentences(found: Expected | None, unit: str) -> tuple[str, ...]:
    if found is None:
        return (_OWN,)
    return (
        f"RMSE of {words.count(found.pairs, 'target pair')} that neither measures: {words.number(found.before)} "
        f"before, {words.number(found.after)} after, {words.number(found.random)} at random, in {unit}.",
        _OWN,
    )


def _tiles(proposal: Proposal, plates: pd.DataFrame) -> tuple[Tile, ...]:
    table = proposal.table
    return (
        Tile("Pairs", f"{len(table):,}", f"of {proposal.candidates:,} candidates"),
        Tile("Lines", f"{table['cell_line_id'].nunique():,}", words.count(int(plates["thaw"].max()), "thaw")),
        Tile("Drugs", f"{table['drug_id'].nunique():,}", words.count(int(plates["plate"].max()), "plate")),
        Tile("Cost", f"{table['cost'].sum():,.10g}", "in measurements"),
    )


def _pairs(proposal: Proposal) -> Table:
    columns = {
        "rank": Column("Rank", digits=0),
        "line_name": Column("Line", "words"),
        "tissue": Column("Tissue", "words"),
        "drug_name": Column("Drug", "words"),
        "mean": Column("Predicted", digits=2),
        "epistemic_std": Column("Epistemic SD", digits=2),
        "score": Column("Score"),
        "cost": Column("Cost", digits=1),
    }
    return Table.from_records("The batch", columns, proposal.table.to_dict("records"), f"Predicted in {proposal.unit}.")
