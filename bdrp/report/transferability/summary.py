"""What the page of a transfer opens with: the coverage of raw and adapted intervals, and the errors of each target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from bdrp.report import words
from bdrp.report.html.parts import Summary, Tile
from bdrp.report.transferability.targets import Target, rows_of

if TYPE_CHECKING:
    from bdrp.studies.transfer import TransferResults

NEAR: Final = 0.02  # chosen: as for a report's summary
_CONTRASTED: Final = ("pair seen", "both unseen")  # chosen: the nearest and the farthest class


def summarise(found: TransferResults) -> Summary:
    """Put coverage and errors into words."""
    coverage = _coverage(found)
    raw, most = coverage[coverage["adaptation"] == "raw"]["value"], int(coverage["labelled"].max())
    headline = f"Raw, 90 % intervals cover {_range(raw)} of the targets' responses, over classes and targets."
    other = coverage[coverage["adaptation"] == "other laboratory"]["value"]
    if len(other):
        headline += f" As another laboratory's, without a labelled pair: {_range(other)}."
    if most:
        last = coverage[coverage["labelled"] == most]
        adapted = [f"{_range(part['value'])} {name}" for name, part in last.groupby("adaptation", sort=False)]
        headline += f" With {most:,} labelled pairs: {', '.join(adapted)}."
    near = ((other if len(other) else raw) - 0.9).abs().max() <= NEAR
    return Summary("fair" if near else "doubt", headline, tuple(_errors(found, target) for target in found.targets))


def tiles(found: TransferResults) -> tuple[Tile, ...]:
    """How much was scored, and by how much coverage is off before and after adaptation."""
    scored = found.metrics.drop_duplicates(["target", "seen"])["n"].sum()
    counts = sorted(found.metrics["labelled"].unique())
    coverage = _coverage(found)
    raw, last = coverage[coverage["adaptation"] == "raw"], coverage[coverage["labelled"] == counts[-1]]
    names = last["adaptation"].unique()
    over = f"over {len(names)} adaptations" if len(names) > 1 else str(names[0])
    drawn = "once" if found.about["draws"] == 1 else f"{found.about['draws']} times"
    return (
        Tile("Targets", str(len(found.targets)), ", ".join(str(target["target"]) for target in found.targets)),
        Tile("Models", str(len(found.about["models"])), "one a measure"),
        Tile("Scored responses", words.number(int(scored)), "the same for every adaptation"),
        Tile("Labelled pairs", f"{counts[-1]:,}", f"at most, drawn {drawn}"),
        Tile("Raw 90 % coverage is off by", _mean_miss(raw["value"]), "mean over classes and targets"),
        Tile(f"With {counts[-1]:,} labelled pairs", _mean_miss(last["value"]), over),
    )


def _coverage(found: TransferResults) -> pd.DataFrame:
    return found.metrics[found.metrics["figure"] == "coverage_90"]


def _errors(found: TransferResults, target: Target) -> str:
    """How the RMSE of a target falls with labelled pairs, for pairs whose line and drug, and neither, was seen."""
    mine = rows_of(found.metrics, target)
    parts = [
        f"{seen} {_fall(rmse)}"
        for seen, rmse in mine[mine["figure"] == "rmse"].groupby("seen", sort=False)
        if seen in _CONTRASTED
    ]
    agreement = (target.get("agreement") or {}).get("every")
    beside = f" The screens' own measurements differ by {words.number(agreement['rmse'], 2)}." if agreement else ""
    return f"{target['target']}, RMSE in {target['unit']}: {'; '.join(parts)}.{beside}"


def _fall(rmse: pd.DataFrame) -> str:
    """The raw RMSE of a class, and what the most labelled pairs make of it."""
    raw, last = rmse[rmse["adaptation"] == "raw"]["value"].iloc[0], rmse[rmse["labelled"] == rmse["labelled"].max()]
    after = [f"{words.number(row.value, 2)} {row.adaptation}" for row in last.itertuples() if row.labelled]
    return ", ".join([f"{words.number(float(raw), 2)} raw", *after])


def _mean_miss(coverage: pd.Series) -> str:
    return f"{words.number(100 * float((coverage - 0.9).abs().mean()), 1)} points"


def _range(values: pd.Series) -> str:
    return f"{words.percent(float(values.min()), 0)} to {words.percent(float(values.max()), 0)}"
