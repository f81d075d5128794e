"""The page of a screen's curves, in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bdrp.data.dose_response import FittedCurves
from bdrp.files import outputs
from bdrp.report import words
from bdrp.report.curves import bands, plates
from bdrp.report.html.output import make_folder, write_page
from bdrp.report.html.page import render
from bdrp.report.html.parts import Definition, Section, Summary, Tile
from bdrp.report.html.table import Column, Table

PAGE: Final = "curves.html"
SHOWN: Final = 24  # chosen: what a reader can look at; the tables hold all
LISTED: Final = 30
FAIR: Final = 0.1  # chosen: share of doubtful plates from which a screen is in doubt
FLAGS: Final = {
    "flat": "The posterior median at the highest dose is above 0.8: the drug does little. Its ln IC50 is a bound.",
    "extrapolated": "The median of ln IC50 lies beyond the doses: it counts as censored, and is not measured.",
    "non_monotone": "Two adjacent doses both show more than two lower ones, by three scales: no curve here does that.",
    "outlier_wells": "A well lies more than six scales from its curve. Heavy tails leave it little say.",
    "doubtful_plate": "The plate's controls disagree, are near the blanks, or differ near the rim.",
    "few_draws": "Fewer than 50 effective draws: SD and quantiles are rough.",
}
"""What each flag means."""


def guard(out: Path) -> None:
    """Refuse a folder whose page is no page.

    Raises:
        OutputError: what stands there is something else.
    """
    outputs.guard({out / PAGE: outputs.is_page})


def write(fitted: FittedCurves, out: Path | str) -> Path:
    """Write curves.html into a folder.

    Returns:
        Its path.

    Raises:
        OutputError: it cannot be written, or something would be lost.
    """
    out = Path(out)
    guard(out)
    make_folder(out)
    return write_page(out / PAGE, render_page(fitted))


def render_page(fitted: FittedCurves) -> str:
    """The page as HTML, readable alone."""
    pairs = fitted.curves[["cell_line_id", "drug_id"]].drop_duplicates()
    sections = (_plates(fitted), _doubtful(fitted), _flags(fitted), _noise(fitted))
    return render(
        kicker="bdrp curves",
        beside="the tables beside it hold",
        title="How sure is each response?",
        subtitle=f"{words.count(len(fitted.curves), 'curve')} of {words.count(len(pairs), 'pair')}: "
        f"{words.count(pairs['cell_line_id'].nunique(), 'line')}, {words.count(pairs['drug_id'].nunique(), 'drug')}.",
        summary=_summary(fitted),
        tiles=_tiles(fitted),
        sections=tuple(section for section in sections if section is not None),
    )


def _summary(fitted: FittedCurves) -> Summary:
    curves, table = fitted.curves, fitted.points.plates
    doubtful = float((table["doubts"] != "").mean()) if len(table) else 0.0
    beyond = words.percent(float((curves["limit"] == "above").mean()), 0)
    tone = "doubt" if doubtful > FAIR else "fair"
    plates_told = f"{words.percent(doubtful, 0)} of the plates are doubtful" if len(table) else "Points came normalised"
    return Summary(
        tone,
        f"{plates_told}; {beyond} of the curves do not reach one half within the doses.",
        (
            "Each response is a posterior mean with its SD. A curve that does not reach one half has a bound of ln "
            "IC50 and no value: use the AUC, or a method that knows of limits.",
        ),
    )


def _tiles(fitted: FittedCurves) -> tuple[Tile, ...]:
    curves, table = fitted.curves, fitted.points.plates
    inside = curves[curves["limit"] == ""]
    tiles = [
        Tile("SD of ln IC50", words.number(float(inside["ln_ic50_um_sd"].median()), 2), "median, within the doses"),
        Tile("SD of AUC", words.number(float(curves["auc_fraction_sd"].median()), 3), "median of all curves"),
        Tile("Noise of a well", words.percent(fitted.noise.cv), "of its signal"),
    ]
    if len(table):
        tiles.insert(0, Tile("Z'", words.number(float(table["z_prime"].median()), 2), "median plate"))
    return tuple(tiles)


def _plates(fitted: FittedCurves) -> Section | None:
    table = fitted.points.plates
    if not len(table):
        return None
    columns = {
        "plate": Column("Plate", "words"),
        "controls": Column("Controls", digits=0),
        "failed_wells": Column("Failed wells", digits=0),
        "z_prime": Column("Z'", digits=2),
        "cv": Column("Control CV", digits=3),
        "edge_effect": Column("Edge effect", "share"),
        "doubts": Column("Doubts", "words"),
    }
    worst = table[table["doubts"] != ""].sort_values("z_prime").head(LISTED).reset_index()
    rows = Table.from_records("Plates in doubt", columns, worst.to_dict("records"), "Those with the lowest Z' first.")
    return Section(
        "plates", "Are the plates sound?", figures=(plates.plot(table),), folded=(rows,) if len(worst) else ()
    )


def _doubtful(fitted: FittedCurves) -> Section:
    chosen = bands.choose(fitted.curves, SHOWN)
    size = bands.PANELS[0] * bands.PANELS[1]
    figures = [bands.plot(fitted, chosen[at : at + size], at // size) for at in range(0, len(chosen), size)]
    text = f"The {len(chosen)} curves that most need a look, the most doubtful first."
    return Section("curves", "Which curves are doubtful?", (text,), figures=tuple(figures))


def _flags(fitted: FittedCurves) -> Section:
    counts = fitted.curves["flags"].str.get_dummies(";").sum()
    rows = tuple((words.heading(name), int(counts.get(name, 0))) for name in FLAGS)
    table = Table("Curves by flag", (Column("Flag"), Column("Curves", digits=0)), rows)
    meanings = tuple(Definition(name, words.heading(name), meaning) for name, meaning in FLAGS.items())
    return Section("flags", "What is flagged?", tables=(table,), definitions=meanings)


def _noise(fitted: FittedCurves) -> Section:
    noise = fitted.noise
    facts = (
        ("Scale of wells at full signal", words.percent(noise.cv)),
        ("Scale of wells at none, of the controls' signal", words.percent(noise.floor)),
        ("SD of the curves' tops about the controls", words.percent(noise.top_sd)),
        ("Draws kept of each curve", fitted.options.draws),
    )
    text = "Found from the wells themselves: the values that make them most likely, curves integrated out."
    return Section("noise", "How noisy are wells?", (text,), facts=facts)
