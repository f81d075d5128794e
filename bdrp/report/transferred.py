"""The page of a transfer: how a model of one laboratory does in others, and what a few labelled pairs are worth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bdrp.report import words
from bdrp.report.definitions import DEFINITIONS
from bdrp.report.opening import Tile
from bdrp.report.output import folder, write_text
from bdrp.report.page import Section, render
from bdrp.report.pictures import adaptation
from bdrp.report.pictures.adaptation import LABORATORY
from bdrp.report.tables import Column, Table
from bdrp.report.verdict import Verdict

if TYPE_CHECKING:
    from bdrp.studies.transfer import Transferred

NEAR: Final = 0.02  # chosen: as for a report's verdict
_FIGURES: Final = {
    "rmse": "RMSE",
    "within_drug_spearman": "Spearman within a drug",
    "nll": "NLL",
    "crps": "CRPS",
    "coverage_90": "90 % coverage",
    "width_90": "Width of 90 % intervals",
}
_BINS: Final = {
    "line distance": ("trained line", "new, nearer half", "new, 50 to 90 %", "new, farthest 10 %"),
    "drug similarity": ("trained compound", "0.5 to 1", "0.3 to 0.5", "below 0.3"),
}
_HOW: Final = (
    "Classes say what the model was trained on: “pair seen” is a line and a compound measured together, “pair unseen” "
    "both but not together. To fill every class, one in five of the lines and compounds that a target shares with the "
    "training screen were held out of training.",
    "Raw is the model as its own laboratory calibrated it. Recalibrated fits an offset, a slope and one factor on the "
    "SD to the labelled pairs. Posterior as prior conditions the last layer's weights, and offsets of the laboratory, "
    "of each drug and of each line, on them in closed form. Labelled pairs are drawn at random from all classes and "
    "never scored; a labelled pair says something of its line and its drug, so that with 500 an “unseen” one is not "
    "wholly new. The scored pairs are the same for all.",
)
_CEILING: Final = (
    "On pairs that both laboratories measured, the training laboratory's own measurement is a prediction too, noise "
    "and all. RMSE within a drug leaves each drug's mean difference out, so that offsets between the laboratories do "
    "not count. A model without noise can be nearer to the target than that measurement is."
)


def transfer(found: Transferred, out: Path | str) -> Path:
    """Write transfer.html and the tables of `Transferred.save` into the folder of a transfer.

    Returns:
        The path of transfer.html.

    Raises:
        OutputError: they cannot be written.
    """
    place = folder(Path(out))
    found.save(place)
    return write_text(place / "transfer.html", page(found))


def page(found: Transferred) -> str:
    """The transfer as HTML, readable alone."""
    from bdrp import __version__

    about, names = found.about, [str(target["target"]) for target in found.targets]
    measures = list(dict.fromkeys(f"{target['measure']}, in {target['unit']}" for target in found.targets))
    return render(
        kicker="bdrp transfer between laboratories",
        beside="transfer.parquet, shift.parquet and ceiling.parquet beside it hold",
        title=f"From {about['train']} to {', '.join(names)}: does the model hold?",
        subtitle=f"{about['method']}, seed {about['seed']}. Measure: {'; '.join(measures)}.",
        verdict=_verdict(found),
        tiles=_tiles(found),
        sections=_sections(found),
        version=__version__,
    )


def _verdict(found: Transferred) -> Verdict:
    covered = found.figures[found.figures["figure"] == "coverage_90"]
    raw, most = covered[covered["adaptation"] == "raw"]["value"], int(covered["labelled"].max())
    headline = f"Raw, 90 % intervals cover {_range(raw)} of the targets' responses, over classes and targets."
    if most:
        last = covered[(covered["labelled"] == most) & (covered["adaptation"] != "raw")]
        told = [f"{_range(part['value'])} {name}" for name, part in last.groupby("adaptation", sort=False)]
        headline += f" With {most:,} labelled pairs: {', '.join(told)}."
    kept = (raw - 0.9).abs().max() <= NEAR
    return Verdict("fair" if kept else "doubt", headline, tuple(_errors(found, target) for target in found.targets))


def _errors(found: Transferred, target: Mapping[str, Any]) -> str:
    """How the RMSE of a target falls with labelled pairs, for pairs whose line and drug, and neither, was seen."""
    table = found.figures[(found.figures["target"] == target["target"]) & (found.figures["figure"] == "rmse")]
    parts = []
    for seen, mine in table.groupby("seen", sort=False):
        if seen not in ("pair seen", "both unseen"):
            continue
        raw, last = mine[mine["adaptation"] == "raw"]["value"].iloc[0], mine[mine["labelled"] == mine["labelled"].max()]
        after = [f"{words.number(row.value, 2)} {row.adaptation}" for row in last.itertuples() if row.labelled]
        parts.append(f"{seen} {words.number(float(raw), 2)} raw" + (f", {', '.join(after)}" if after else ""))
    agreed = (target.get("agreement") or {}).get("every")
    ceiling = f" The laboratories themselves differ by {words.number(agreed['rmse'], 2)}." if agreed else ""
    return f"{target['target']}, RMSE in {target['unit']}: {'; '.join(parts)}.{ceiling}"


def _tiles(found: Transferred) -> tuple[Tile, ...]:
    scored = found.figures.drop_duplicates(["target", "seen"])["n"].sum()
    counts = sorted(found.figures["labelled"].unique())
    covered = found.figures[found.figures["figure"] == "coverage_90"]
    raw, last = (covered[covered["labelled"] == count]["value"] for count in (0, counts[-1]))
    names = covered[covered["labelled"] == counts[-1]]["adaptation"].unique()
    over = "over both adaptations" if len(names) > 1 else str(names[0])
    drawn = "once" if found.about["draws"] == 1 else f"{found.about['draws']} times"
    return (
        Tile("Targets", str(len(found.targets)), ", ".join(str(target["target"]) for target in found.targets)),
        Tile("Models", str(len(found.about["models"])), "one a measure"),
        Tile("Scored responses", words.number(int(scored)), "the same for every adaptation"),
        Tile("Labelled pairs", f"{counts[-1]:,}", f"at most, drawn {drawn}"),
        Tile("Raw 90 % coverage is off by", _miss(raw), "mean over classes and targets"),
        Tile(f"With {counts[-1]:,} labelled pairs", _miss(last), over),
    )


def _miss(covered: pd.Series) -> str:
    return f"{words.number(100 * float((covered - 0.9).abs().mean()), 1)} points"


def _sections(found: Transferred) -> tuple[Section, ...]:
    return (
        Section(
            "transfer",
            "How well does it transfer?",
            _HOW,
            tuple(table for each in found.targets for table in _tables(found, each)),
            folded=tuple(_table(found, each) for each in found.targets),
        ),
        Section(
            "adaptation",
            "What are a few labelled pairs worth?",
            pictures=tuple(
                adaptation.picture(
                    _of(found.figures, each), _home(found, each), _of(found.ceiling, each), each["target"], each["unit"]
                )
                for each in found.targets
            ),
            folded=tuple(_found(each) for each in found.targets),
        ),
        Section(
            "shift",
            "How far are the targets from training, and do the intervals answer to it?",
            pictures=tuple(
                adaptation.shift(_of(found.shift, each), each["target"], each["unit"], _BINS) for each in found.targets
            ),
            tables=(_expression(found), *_unseen(found)),
        ),
        Section(
            "ceiling", "How well do the laboratories agree?", (_CEILING,), _agreements(found), folded=_shared(found)
        ),
        *_at_home(found),
        Section("notes", "What to keep in mind", _notes(found)),
        Section("definitions", "What the figures mean", definitions=tuple(d for d in DEFINITIONS if d.key in _DEFINED)),
        Section("provenance", "Models and data", facts=_facts(found)),
    )


_DEFINED: Final = (
    "point.rmse",
    "point.within_drug_spearman",
    "probabilistic.nll",
    "probabilistic.crps",
    "coverage.coverage",
    "coverage.width",
)


def _of(table: pd.DataFrame, target: Mapping[str, Any]) -> pd.DataFrame:
    return table[table["target"] == target["target"]] if len(table) else table


def _home(found: Transferred, target: Mapping[str, Any]) -> pd.DataFrame:
    return found.home[found.home["measure"] == target["measure"]] if len(found.home) else found.home


def _tables(found: Transferred, target: Mapping[str, Any]) -> tuple[Table, ...]:
    """RMSE and coverage, a row a class and a column an adaptation."""
    mine, home, ceiling = _of(found.figures, target), _home(found, target), _of(found.ceiling, target)
    beside = [_by_seen(ceiling[ceiling["adaptation"] == LABORATORY], "rmse")] if len(ceiling) else []
    captions = (
        f"RMSE in {target['unit']}. {_BESIDE}",
        "Share of responses inside; at home beside. 95 % intervals and all figures are in the folded table below.",
    )
    return (
        _compact(mine, "rmse", f"{target['target']}: RMSE", [*beside, _by_figure(home, "rmse")], captions[0]),
        _compact(
            mine,
            "coverage_90",
            f"{target['target']}: 90 % intervals cover",
            [_by_figure(home, "coverage_90")],
            captions[1],
        ),
    )


_BESIDE: Final = (
    "The other laboratory: its own measurement as a prediction, on the pairs that both measured. At home: the model on "
    "held-out pairs of the training laboratory."
)


def _compact(figures: pd.DataFrame, figure: str, title: str, beside: list[pd.Series], caption: str) -> Table:
    table = figures[figures["figure"] == figure]
    order = table["adaptation"].map(list(adaptation.COLOURS).index)
    table = table.assign(order=order).sort_values(["order", "labelled"], kind="stable")
    kind = "share" if figure == "coverage_90" else "number"
    cells = table.pivot_table(index="seen", columns=["adaptation", "labelled"], values="value", sort=False)
    sizes = table.groupby("seen")["n"].first()
    heads = [name if not labelled else f"{name}, {labelled:,}" for name, labelled in cells.columns]
    columns = (Column("Pairs"), Column("Responses"), *(Column(head, kind) for head in heads))
    columns += tuple(Column(str(series.name), kind) for series in beside)
    rows = tuple(
        (seen, int(sizes[seen]), *(float(cell) for cell in cells.loc[seen]), *(series.get(seen) for series in beside))
        for seen in dict.fromkeys(figures["seen"])
    )
    return Table(title, columns, rows, caption)


def _by_seen(table: pd.DataFrame, column: str) -> pd.Series:
    return table.set_index("seen")[column].rename(LABORATORY)


def _by_figure(home: pd.DataFrame, figure: str) -> pd.Series:
    if home.empty:
        return pd.Series(dtype=float, name="at home")
    return home[home["figure"] == figure].set_index("seen")["value"].rename("at home")


def _table(found: Transferred, target: Mapping[str, Any]) -> Table:
    return _rows(
        _of(found.figures, target), f"{target['target']}: all figures, {target['measure']} in {target['unit']}"
    )


def _rows(figures: pd.DataFrame, title: str) -> Table:
    """A row a class, adaptation and number of labelled pairs."""
    keys = ["seen", "adaptation", "labelled", "n"]
    rows = []
    for (seen, name, labelled, n), part in figures.groupby(keys, sort=False):
        by = part.set_index("figure")
        said = f"{seen}: {name}" + (f", {labelled:,} labelled" if labelled else "")
        rows.append((said, int(n), *(_value(by, figure) for figure in _FIGURES)))
    columns = (Column("Pairs and adaptation"), Column("Responses"), *(Column(label) for label in _FIGURES.values()))
    return Table(title, columns, tuple(rows), "95 % intervals with cell lines resampled.")


def _value(by: pd.DataFrame, figure: str) -> str:
    row, write = by.loc[figure], words.percent if figure == "coverage_90" else words.number
    if figure not in ("rmse", "coverage_90"):
        return write(float(row["value"]))
    return f"{write(float(row['value']))} ({write(float(row['lower']))} to {write(float(row['upper']))})"


def _found(target: Mapping[str, Any]) -> Table:
    """What each adaptation took from the labelled pairs, in each draw."""
    names = list(dict.fromkeys(key for draws in target["found"].values() for one in draws for key in one))
    rows = tuple(
        (f"{name}, draw {draw + 1}", *(one.get(key) for key in names))
        for name, draws in target["found"].items()
        for draw, one in enumerate(draws)
        if one
    )
    columns = (Column("Adaptation and labelled pairs"), *(Column(name.replace("_", " ")) for name in names))
    caption = "Offset and slope of a recalibration; SDs of offsets, in SDs of the training responses, of an update."
    return Table(f"{target['target']}: what was found in labelled pairs", columns, rows, caption)


def _expression(found: Transferred) -> Table:
    labels = {
        "lines": "Shared lines",
        "genes": "Genes",
        "batch": "Batch: mean |difference| on shared lines, SDs",
        "batch_share": "Share of variance of the laboratory",
        "profile_pearson": "Correlation of a line's profiles, median",
        "composition": "Mean |difference| over all lines, SDs",
    }
    rows = tuple((each["target"], *(each["expression"][key] for key in labels)) for each in found.targets)
    columns = (Column("Target"), *(Column(label) for label in labels.values()))
    caption = "Genes in SDs of the training laboratory's lines; screens that share one expression have no batch."
    return Table("Shift of expression", columns, rows, caption)


def _unseen(found: Transferred) -> tuple[Table, ...]:
    """How well the epistemic SD tells what is new; empty for targets of a folder from before this was asked."""
    heads = ("AUROC", "By chance, from", "to", "New ones", "Known ones")
    names = ("auroc", "auroc_null_lower", "auroc_null_upper", "unseen_groups", "seen_groups")
    rows = tuple(
        (f"{each['target']}: {side}s", *(figures[name] for name in names))
        for each in found.targets
        for side, figures in each.get("unseen", {}).items()
    )
    columns = (Column("Target: what is new"), *map(Column, heads))
    caption = (
        "The probability that a pair of a drug (or line) that was never trained on has the larger raw epistemic SD "
        "than one of a known drug (or line); 0.5 knows nothing. The other side of the pair is known. Chance: labels "
        "shuffled over whole drugs (or lines)."
    )
    return (Table("Does the epistemic SD know what it has never seen?", columns, rows, caption),) if rows else ()


def _agreements(found: Transferred) -> tuple[Table, ...]:
    labels = {
        "pairs": "Pairs",
        "pearson": "Pearson",
        "within_drug_spearman": "Spearman within a drug, median",
        "rmse": "RMSE",
        "bias": "Bias",
        "within_drug_noise_sd": "Noise SD of one, within a drug",
    }
    agreed = [(each, each["agreement"]["every"]) for each in found.targets if each["agreement"]]
    rows = tuple((f"{each['target']}, {each['measure']}", *(every[key] for key in labels)) for each, every in agreed)
    columns = (Column("Target"), *(Column(label) for label in labels.values()))
    return (Table(f"{found.about['train']} and its targets on the same pairs", columns, rows, "All pairs."),)


def _shared(found: Transferred) -> tuple[Table, ...]:
    names = {"rmse": "RMSE", "rmse_within_drug": "RMSE within a drug", "within_drug_spearman": "Spearman within a drug"}
    columns = (Column("Pairs and predictor"), Column("Responses"), *(Column(label) for label in names.values()))
    tables = []
    for each in found.targets:
        mine = _of(found.ceiling, each)
        if mine.empty:
            continue
        order = {seen: place for place, seen in enumerate(dict.fromkeys(_of(found.figures, each)["seen"]))}
        rows = tuple(
            (f"{row['seen']}: {row['adaptation']}" + (f", {row['labelled']:,} labelled" if row["labelled"] else ""),)
            + (int(row["n"]), *(row[name] for name in names))
            for row in mine.sort_values("seen", key=lambda seen: seen.map(order), kind="stable").to_dict("records")
        )
        tables.append(Table(f"{each['target']}: on pairs that both measured", columns, rows, "Means over draws."))
    return tuple(tables)


def _at_home(found: Transferred) -> tuple[Section, ...]:
    if found.home.empty:
        return ()
    said = "The same models on the lines and compounds that were held out of training, in their own laboratory."
    parts = found.home.groupby("measure", sort=False)
    tables = tuple(_rows(part, f"{found.about['train']}, {measure}") for measure, part in parts)
    return (Section("home", "How well does it do at home?", (said,), tables),)


def _notes(found: Transferred) -> tuple[str, ...]:
    notes = [f"{each['target']}: {note}" for each in found.targets for note in each["notes"]]
    notes += [
        f"{each['target']}: {', '.join(map(str, each['left_out']))} labelled pairs would leave too few to score."
        for each in found.targets
        if each["left_out"]
    ]
    always = "One fit, one seed: intervals and draws do not say what another random start would change."
    return (always, *notes)


def _facts(found: Transferred) -> tuple[tuple[str, str], ...]:
    models = tuple(
        (
            f"Model of {one['measure']}",
            f"{one['method']}, recalibrated by {one['recalibrator']}; {one['split']['description']}",
        )
        for one in found.about["models"]
    )
    counted = tuple(
        (f"{each['target']}, {what}", ", ".join(f"{kind} {many:,}" for kind, many in each["pairs"][key].items()))
        for each in found.targets
        for key, what in (("of", "responses"), ("scored", "scored"), ("labelled", "labelled, first draw"))
    )
    return (*models, *counted)


def _range(values: pd.Series) -> str:
    return f"{words.percent(float(values.min()), 0)} to {words.percent(float(values.max()), 0)}"
