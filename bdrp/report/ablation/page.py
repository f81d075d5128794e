"""The page of an ablation: what each component contributes by split, and whether shuffled labels teach anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bdrp.report import fits, words
from bdrp.report.ablation import contributions
from bdrp.report.definitions import select_definitions
from bdrp.report.html.output import write_results
from bdrp.report.html.page import render
from bdrp.report.html.parts import Section, Summary
from bdrp.report.html.table import Column, Table
from bdrp.studies.components import (
    COMPONENTS,
    CONTRIBUTES,
    FLOOR,
    FULL,
    HARMS,
    NONE,
    NONE_SHOWN,
    ON_FOLDS,
    OVERALL,
    SHUFFLED_LABELS,
)

if TYPE_CHECKING:
    from bdrp.studies.ablation import Contributions

HEADLINE: Final = "crps"  # chosen: judges the whole distribution, in the response's unit, and no single miss rules it
LABELS: Final = {"rmse": "RMSE", "nll": "NLL", "crps": "CRPS"}
TITLES: Final = {name: component.title for name, component in COMPONENTS.items()}
FLOORS: Final = {FLOOR: "mean effects", OVERALL: "the overall mean", FULL: "the whole model"}
_LEADS: Final = {
    CONTRIBUTES: "worse with",
    NONE: "practically the same with",
    NONE_SHOWN: "no difference shown with",
    HARMS: "better with",
}
_DEFINED: Final = ("point.rmse", "probabilistic.nll", "probabilistic.crps")
_READ = (
    "A contribution is the metric of the model without the component less that of the whole model, fitted and "
    "recalibrated alike and scored on the same held-out pairs: positive where the component helps. “None” means that "
    "the 95 % interval over cell lines and drugs lies within what is practically equal (1 % of RMSE and CRPS, 0.01 of "
    "NLL); “none shown” that it is wider and holds 0, so that a contribution cannot be ruled out. “Contributes” and "
    "“harms” mean that it leaves out 0, and so does that of the corrected t-test over folds; “on these folds alone” "
    "that the second does not, or that there is one fold: other training pairs might not show it. Intervals are not "
    "corrected for their number: of twenty components that do nothing, one is expected to look as if it did, where the "
    "interval is wide."
)
_OVERLAP = (
    "Components overlap: what one knows another may replace, so contributions do not add up. Structures and genes stay "
    "known by name where they are shuffled: what a shuffle costs is what their content is worth beyond telling drugs "
    "and lines apart. Compounds that were never trained on borrow from those that are like them in every model, but in "
    "those without hierarchical effects. Without these the start is not solved and the epochs are as many: part of "
    "what is lost there is time."
)
_LABELS = (
    "Where responses change places over all lines and drugs before the fit, nothing is left to learn but their "
    "distribution. A model that then does better than mean effects, or has a smaller RMSE than the overall mean of "
    "the same responses, has seen the test part in another way. (NLL and CRPS beside the overall mean also show whose "
    "noise has the better shape, which takes no sight of the test part.)"
)


def ablate(found: Contributions, out: Path | str) -> Path:
    """Write ablation.html and ablation.parquet into the folder of an ablation.

    Returns:
        The path of ablation.html.

    Raises:
        OutputError: they cannot be written.
    """
    return write_results(Path(out) / "ablation.html", found, render_page)


def render_page(found: Contributions) -> str:
    """The ablation as HTML, readable alone."""
    splits = map(words.spaced, dict.fromkeys(found.runs["split"]))
    taken = [name for name in COMPONENTS if name in set(found.runs["method"])]
    return render(
        kicker="bdrp ablation",
        beside="ablation.parquet beside it holds",
        title=f"{words.count(len(taken), 'component')} on {found.screen['name']}: what does each contribute?",
        subtitle=f"{', '.join(TITLES[name] for name in taken)}; split by {', '.join(splits)}. Measure: "
        f"{found.screen['measure']}, in {found.screen['unit']}.",
        summary=_summary(found),
        tiles=fits.tiles(found.runs),
        sections=_sections(found),
    )


def _sections(found: Contributions) -> tuple[Section, ...]:
    about, unit = _about(found.table, FULL), str(found.screen["unit"])
    units = {"rmse": unit, "nll": "nats", "crps": unit}
    shown = (
        ()
        if about.empty
        else tuple(contributions.plot(about, name, LABELS[name], units[name], TITLES) for name in LABELS)
    )
    return (
        Section(
            "contributions", "What does each component contribute?", (*found.notes, _READ), _by_split(about), shown
        ),
        Section("overlap", "What a contribution is not", (_OVERLAP,)),
        Section("floors", "Do shuffled labels beat mean effects?", (_LABELS,), _floors(found.table)),
        Section("costs", "What does each fit cost?", (fits.CHEAP,), (fits.costs(found.runs),)),
        *fits.missing(found.runs),
        Section("definitions", "What the metrics mean", definitions=select_definitions(*_DEFINED)),
        Section("provenance", "Data and runs", facts=fits.facts(found.screen), folded=(fits.addresses(found.runs),)),
    )


def _summary(found: Contributions) -> Summary:
    absent = int((found.runs["status"] != "done").sum())
    sentences = (*_sentences(_about(found.table, FULL)), *_leaks(found.table))
    if any(_leaking(found.table)):
        return Summary(
            "doubt", "Shuffled labels beat what knows nothing: something of the test part is seen.", sentences
        )
    if absent:
        headline = words.missing(absent, len(found.runs))
        return Summary("doubt", headline, sentences)
    return Summary("fair", f"All {words.count(len(found.runs), 'fit')} finished; by {LABELS[HEADLINE]}:", sentences)


def _sentences(about: pd.DataFrame) -> Iterator[str]:
    """A sentence or three a split: what contributes, what does not, what harms."""
    mine = about[about["figure"] == HEADLINE] if len(about) else about
    for split, part in mine.groupby("split", sort=False) if len(mine) else ():
        kinds = part["said"].str.removesuffix(ON_FOLDS)
        text = [f"Split {words.by(split)}:"]
        for kind, lead in _LEADS.items():
            rows = part[kinds == kind].sort_values("contribution", ascending=False).to_dict("records")
            if rows:
                text.append(f"{lead} {', '.join(_named(row) for row in rows)};")
        yield " ".join(text).rstrip(";") + "."


def _named(row: Mapping[str, Any]) -> str:
    alone = "," + ON_FOLDS if str(row["said"]).endswith(ON_FOLDS) else ""
    return f"{TITLES[str(row['part'])]} ({words.number(row['contribution'])}{alone})"


def _leaks(table: pd.DataFrame) -> Iterator[str]:
    """Whether shuffled labels beat mean effects, split by split."""
    for (split, against), part in _of_labels(table).groupby(["split", "against"], sort=False):
        beaten = [LABELS[row["figure"]] for row in part.to_dict("records") if _beats(row)]
        verb = f"beat {FLOORS[against]} by {', '.join(beaten)}" if beaten else f"do not beat {FLOORS[against]}"
        yield f"Split {words.by(split)}: shuffled labels {verb}."


def _leaking(table: pd.DataFrame) -> Iterator[bool]:
    yield from (_beats(row) for row in _of_labels(table).to_dict("records"))


def _beats(row: Mapping[str, Any]) -> bool:
    return str(row["said"]).startswith("better")


def _of_labels(table: pd.DataFrame) -> pd.DataFrame:
    """Rows in which shuffled labels would do better only if something of the test part were seen."""
    if table.empty:
        return pd.DataFrame(columns=["split", "part", "against", "figure", "said"])
    sees = (table["against"] == FLOOR) | ((table["against"] == OVERALL) & (table["figure"] == "rmse"))
    return table[(table["part"] == SHUFFLED_LABELS) & sees]


def _about(table: pd.DataFrame, against: str) -> pd.DataFrame:
    return table[table["against"] == against] if len(table) else table


def _by_split(about: pd.DataFrame) -> tuple[Table, ...]:
    """A table a split, the greatest contribution first."""
    columns = [Column("Component, and what took its place")]
    for label in LABELS.values():
        columns += [Column(f"{label} contribution"), Column("conclusion", "words")]
    tables = []
    for split, part in about.groupby("split", sort=False) if len(about) else ():
        order = part[part["figure"] == HEADLINE].sort_values("contribution", ascending=False)["part"]
        rows = tuple((TITLES[name], *_cells(part[part["part"] == name])) for name in order)
        title = f"Split {words.by(split)}"
        tables.append(Table(title, tuple(columns), rows, "95 % intervals with cell lines and drugs resampled."))
    return tuple(tables)


def _cells(part: pd.DataFrame) -> Iterator[str]:
    for name in LABELS:
        row = part[part["figure"] == name].iloc[0].to_dict()
        yield from (_with_interval(row), str(row["said"]))


def _floors(table: pd.DataFrame) -> tuple[Table, ...]:
    others = table[table["against"] != FULL] if len(table) else table
    columns = tuple(map(Column, ("Model", "Metric", "Its value", "Beside", "Value", "Difference", "The model is")))
    tables = []
    for split, part in others.groupby("split", sort=False) if len(others) else ():
        rows = tuple(_floor(row) for row in part.to_dict("records"))
        caption = "“None” and “none shown” are differences, as above. 95 % intervals."
        tables.append(Table(f"Split {words.by(split)}", columns, rows, caption))
    return tuple(tables)


def _floor(row: Mapping[str, Any]) -> tuple[Any, ...]:
    model = "shuffled labels" if row["part"] == SHUFFLED_LABELS else FLOORS[str(row["part"])]
    values = (float(row["value"]), FLOORS[str(row["against"])], float(row["against_value"]))
    return (model, LABELS[str(row["figure"])], *values, _with_interval(row), str(row["said"]))


def _with_interval(row: Mapping[str, Any]) -> str:
    ends = f"{words.number(row['lower'])} to {words.number(row['upper'])}"
    return f"{words.number(row['contribution'])} ({ends})"
