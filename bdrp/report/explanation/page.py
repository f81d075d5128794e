"""The page of an explanation, in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.explain import Explanation, PairContributions
from bdrp.explain.pair_terms import TERMS
from bdrp.explain.variance_shares import SHARES
from bdrp.report import words
from bdrp.report.explanation import drug_gene_map, files, interval_shares, molecule, volcano, waterfall
from bdrp.report.html.output import write_page
from bdrp.report.html.page import render
from bdrp.report.html.parts import Definition, Picture, Section, Summary, Tile
from bdrp.report.html.table import Column, Table

SHOWN_DRUGS: Final = 4  # chosen: the files hold all
SHOWN_PAIRS: Final = 6  # chosen
SHOWN_GENES: Final = 20
ENDS: Final = 2  # lines at each end of a drug's predictions, where no pair is asked for
NO_CAUSE: Final = (
    "An association is no cause. A gene that is switched on together with the one that matters is marked too, and one "
    "that the table of expression lacks cannot be marked at all."
)
_MARKS: Final = (
    "A score compares lines that are alike in expression otherwise: does one that expresses this gene more respond "
    "differently? Effects are per SD of expression, after the line's general sensitivity is taken off. Assays of one "
    "compound are scored together. The false discovery rate is among all genes of the drug."
)
_TERMS: Final = (
    "What the model adds up to a prediction, part by part; the parts sum to it. This tells what the model did, not "
    "what happens in the cell. Single genes add little, for the model spreads a line's profile over all of them."
)
_INTERVALS: Final = (
    "Why the interval is as wide as it is: the parts of the variance sum to it. Noise stays; what is not known yet of "
    "a drug or a line shrinks with measurements."
)
_ATOMS: Final = (
    "Atoms by what their state, which holds what is up to three bonds away, adds to the drug's predictions through the "
    "network: blue towards sensitive, vermilion towards resistant. Most of a measured drug's level is its own and not "
    "read from the structure, so these parts may be small."
)


def explain(found: Explanation, out: Path | str) -> Path:
    """Write explain.html and its tables into a folder.

    Returns:
        The path of explain.html.

    Raises:
        OutputError: they cannot be written, or something would be lost.
    """
    out = Path(out)
    files.guard(out)
    files.write_tables(found, out)
    return write_page(out / files.PAGE, render_page(found))


def render_page(found: Explanation) -> str:
    """The explanation as HTML, readable alone."""
    names = [str(found.drug_names.get(drug, drug)) for drug in found.drug_ids]
    shown = words.count(len(names), "drug") if len(names) > SHOWN_DRUGS else ", ".join(names)
    pairs = 0 if found.contributions is None else len(found.contributions.pairs)
    return render(
        kicker="bdrp explain",
        beside="the CSV files beside it hold",
        title=f"What marks {shown}?",
        subtitle=f"{found.screen}: {words.count(len(found.associations.score), 'drug')}, "
        f"{found.associations.score.shape[1]:,} genes; {words.count(pairs, 'prediction')} explained, in {found.unit}.",
        summary=_summary(found),
        tiles=_tiles(found),
        sections=tuple(section for section in _sections(found) if section is not None),
    )


def _sections(found: Explanation) -> tuple[Section | None, ...]:
    shared = found.contributions
    return (
        _markers(found),
        _gene_sets(found),
        _map(found),
        None if shared is None else _predictions(found, shared),
        None if shared is None else _atoms(found, shared),
        None if shared is None else _intervals(found, shared),
        Section("definitions", "What the parts mean", definitions=_definitions()),
    )


def _scored(found: Explanation) -> list[str]:
    """The drugs that have scores, one of each compound, as its assays share theirs."""
    return found.associations.one_a_compound(found.drug_ids)


def _summary(found: Explanation) -> Summary:
    scored = _scored(found)
    if not scored:
        return Summary(
            "doubt", "The drugs asked for were measured on too few lines for genes to mark them.", (NO_CAUSE,)
        )
    first = scored[0]
    table = found.associations.table(first)
    certain = table[table["fdr"] < volcano.LEVEL]
    name = found.drug_names.get(first, first)
    if certain.empty:
        headline = f"No gene marks {name} at a false discovery rate below {volcano.LEVEL:g}."
        return Summary("doubt", headline, (f"The nearest is {table.index[0]} ({_told(table.iloc[0])}).", NO_CAUSE))
    top = certain.index[: min(3, len(certain))]
    told = "; ".join(f"{gene} ({_told(certain.loc[gene])})" for gene in top)
    headline = f"{words.count(len(certain), 'gene')} {'marks' if len(certain) == 1 else 'mark'} {name}, first {top[0]}."
    return Summary("fair", headline, (f"The surest: {told}.", NO_CAUSE))


def _told(row: pd.Series) -> str:
    way = "sensitive" if row["effect"] < 0 else "resistant"
    return f"high expression: {way}, {words.signed(row['effect'])} a SD, false discovery rate {row['fdr']:.1g}"


def _tiles(found: Explanation) -> tuple[Tile, ...]:
    scored = _scored(found)
    tiles = [Tile("Rankings of genes of two drugs", words.number(found.rank_correlation, 2), "mean rank correlation")]
    if scored:
        name = str(found.drug_names.get(scored[0], scored[0]))
        lines, ratio = found.associations.lines[scored[0]], found.associations.ratio[scored[0]]
        certain = int((found.associations.fdr.loc[scored[0]] < volcano.LEVEL).sum())
        tiles.insert(0, Tile("Genes that mark it", f"{certain:,}", f"of {name}, false discovery rate below 5 %"))
        tiles.append(Tile("Lines measured", f"{lines:,}", f"with {name}"))
        tiles.append(Tile("Goes with expression", words.percent(1 / (1 + ratio), 0), "of the variance between lines"))
    if found.contributions is not None:
        shares = found.contributions.variance.div(found.contributions.variance.sum(axis=1), axis=0).mean()
        rest = str(shares.drop("noise").idxmax())
        tiles.append(Tile("Noise", words.percent(float(shares["noise"]), 0), "of the predictive variance"))
        tiles.append(Tile("Not known", words.percent(float(shares[rest]), 0), f"of it is {words.spaced(rest)}"))
    return tuple(tiles)


def _markers(found: Explanation) -> Section:
    scored = _scored(found)[:SHOWN_DRUGS]
    columns = {
        "gene": Column("Gene"),
        "effect": Column(f"Effect ({found.unit} a SD)", digits=2),
        "effect_sd": Column("SD", digits=2),
        "score": Column("Score", digits=1),
        "p": Column("p", digits=4),
        "fdr": Column("False discovery rate", digits=3),
        "direction": Column("High expression", "words"),
    }
    tables = [
        Table.from_records(
            f"{found.drug_names.get(drug, drug)}: the {SHOWN_GENES} surest genes",
            columns,
            found.associations.table(drug, SHOWN_GENES).reset_index().to_dict("records"),
        )
        for drug in scored
    ]
    figures = [
        volcano.plot(found.associations, drug, str(found.drug_names.get(drug, drug)), found.unit) for drug in scored
    ]
    return Section("markers", "Which genes mark the drug?", (_MARKS,), figures=tuple(figures), folded=tuple(tables))


def _gene_sets(found: Explanation) -> Section | None:
    if found.gene_sets is None or found.gene_sets.empty:
        return None
    columns = {
        "gene_set": Column("Gene set"),
        "genes": Column("Genes", digits=0),
        "z": Column("z", digits=1),
        "p": Column("p", digits=4),
        "fdr": Column("False discovery rate", digits=3),
        "direction": Column("High expression", "words"),
        "leading_genes": Column("Leading genes", "words"),
    }
    shown = found.gene_sets[found.gene_sets["drug_id"].isin(_scored(found))]
    tables = [
        Table.from_records(
            str(found.drug_names.get(drug, drug)), columns, rows.head(10).to_dict("records"), "The ten surest sets."
        )
        for drug, rows in shown.groupby("drug_id", sort=False)
    ]
    text = (
        "Mean score of the set's genes against that of all others. Genes of a set are expressed together, so their "
        "scores stray together; the test knows by how much. Rates are among the sets of a drug."
    )
    return Section("gene-sets", "Which gene sets?", (text,), tuple(tables[:SHOWN_DRUGS]))


def _map(found: Explanation) -> Section | None:
    if len(found.associations.score) < 2:
        return None
    drugs = drug_gene_map.choose_drugs(found.associations, found.drug_ids)
    figure = drug_gene_map.plot(found.associations, drugs, found.drug_names, found.rank_correlation)
    return Section("map", "Do explanations differ between drugs?", figures=(figure,))


def _predictions(found: Explanation, shared: PairContributions) -> Section:
    figures = tuple(
        waterfall.plot(shared, pair, _pair_names(found, shared, pair), found.unit) for pair in chosen(shared)
    )
    return Section("predictions", "Why these predictions?", (_TERMS,), figures=figures, folded=_borrowed(found, shared))


def _borrowed(found: Explanation, shared: PairContributions) -> tuple[Table, ...]:
    """What an unseen drug borrows, summed over the trained drugs of one name; levels are alike for all of its lines."""
    tables = []
    for drug, rows in shared.borrowed.groupby("drug_id", sort=False):
        one = rows[rows["cell_line_id"] == rows["cell_line_id"].iloc[0]]
        top = one.reindex(one["level"].abs().sort_values(ascending=False).index).head(10)
        columns = {
            "from_name": Column("Drug"),
            "weight": Column("Weight", digits=2),
            "level": Column(f"Adds to the level ({found.unit})", digits=2),
        }
        title = f"{found.drug_names.get(drug, drug)} was not trained on: the drugs that it borrows from"
        tables.append(Table.from_records(title, columns, top.to_dict("records")))
    return tuple(tables[:SHOWN_DRUGS])


def _atoms(found: Explanation, shared: PairContributions) -> Section | None:
    drawn = []
    for drug, rows in shared.atoms.groupby("drug_id", sort=False):
        name = str(found.drug_names.get(drug, drug))
        values = rows["contribution"].to_numpy()
        largest, least = float(np.abs(values).max()), molecule.least_coloured(shared)
        svg = molecule.draw_molecule(str(found.structures[drug]), values.tolist(), words.printable(name), least)
        told = f"no atom adds more than {words.number(largest)} {found.unit} to the mean of its predictions"
        if largest < least:
            told += ", next to nothing: what is predicted of this drug was measured on it, not read from its structure"
        drawn.append(Picture(svg, f"{name}: {told}."))
    return Section("atoms", "Which atoms?", (_ATOMS,), pictures=tuple(drawn[:SHOWN_DRUGS])) if drawn else None


def _intervals(found: Explanation, shared: PairContributions) -> Section:
    pairs = chosen(shared)
    labels = [" on ".join(reversed(_pair_names(found, shared, pair))) for pair in pairs]
    shares = shared.variance.div(shared.variance.sum(axis=1), axis=0).mean()
    rows = tuple((SHARES[name], float(shares[name])) for name in SHARES)
    table = Table("Mean shares of the variance", (Column("Part"), Column("Share", "share")), rows)
    figure = interval_shares.plot(shared, pairs, labels, found.unit)
    return Section("intervals", "Why are the intervals so wide?", (_INTERVALS,), (table,), (figure,))


def _definitions() -> tuple[Definition, ...]:
    named = {**TERMS, **SHARES}
    return tuple(Definition(name, words.heading(name), meaning) for name, meaning in named.items())


def _pair_names(found: Explanation, shared: PairContributions, pair: int) -> tuple[str, str]:
    line, drug = shared.pairs.loc[pair, ["cell_line_id", "drug_id"]]
    return str(found.line_names.get(line, line)), str(found.drug_names.get(drug, drug))


def chosen(shared: PairContributions, most: int = SHOWN_PAIRS) -> list[int]:
    """The pairs that a page shows: all of few; of many, those at both ends of the first drugs' predictions."""
    if len(shared.pairs) <= most:
        return list(range(len(shared.pairs)))
    picked: list[int] = []
    for _, rows in shared.pairs.groupby("drug_id", sort=False):
        order = rows.index.to_numpy()[np.argsort(rows["prediction"].to_numpy(), kind="stable")]
        picked += list(dict.fromkeys([*order[:ENDS].tolist(), *order[-ENDS:].tolist()]))
    return picked[:most]
