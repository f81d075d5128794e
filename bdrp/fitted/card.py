"""The card of a model: what it was made of, for whom its intervals cover, where it fails, what it is not for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bdrp.evaluation import by_group
from bdrp.evaluation.curves import LEVELS, percent
from bdrp.evaluation.observed import check_observed
from bdrp.files import strict_json

if TYPE_CHECKING:
    from bdrp.fitted.held_out import HeldOut
    from bdrp.fitted.model import TrainedModel

NOT_FOR: Final = (
    "Not for clinical decisions: it neither diagnoses nor chooses a treatment, and no regulator has seen it. It "
    "predicts how cell lines in a dish respond, not how patients do.",
    "Not for doses that were not tested: beyond them it says that a response lies beyond, and not where.",
    "Not for combinations of drugs: it has learned from none.",
    "Not instead of an experiment: where an interval is wide or a group below is not covered, measure.",
)
"""What no model of bdrp is for, whatever it was fitted on."""
_UNTESTED: Final = {
    "pair": "Pairs of known lines and drugs were held out: nothing here says how it does on new lines or new drugs.",
    "cell_line": "New lines were held out, with drugs that it knows: nothing here says how it does on new drugs.",
    "tissue": "New tissues were held out, with drugs that it knows: nothing here says how it does on new drugs.",
    "drug": "New drugs were held out, on lines that it knows: nothing here says how it does on new lines.",
    "scaffold": "New scaffolds were held out, on lines that it knows: nothing here says how it does on new lines.",
    "assay": "Compounds that are new to a laboratory were held out: nothing here says how it does on new lines.",
}
"""What a split leaves untested, by what was held out."""
_SURE: Final = 0.05
_FEWEST: Final = by_group.MIN_PAIRS
_MOST: Final = 5  # groups of a kind that are named; chosen: what is read


@dataclass(frozen=True)
class CardTable:
    """Rows of text under column names; the first column names the row."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class CardSection:
    """A part of a card: sentences, facts by name, and tables."""

    title: str
    sentences: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[CardTable, ...] = ()


@dataclass(frozen=True)
class Card:
    """A card, ready to be written as Markdown or as a page; every text is as it was found, nothing is escaped yet."""

    title: str
    sections: tuple[CardSection, ...]


def describe(model: TrainedModel) -> Card:
    """The card of a model, from what its folder holds: its manifest and its held-out predictions, and nothing else."""
    manifest = strict_json.plain(model.manifest)  # as it is read back: the card of a model and of its folder are one
    held_out = model.held_out_part
    kinds = {} if held_out is None else _score_groups(held_out)
    return Card(
        f"Model card: {manifest['method']} on {manifest['screen']}",
        (
            CardSection("What it is not for", NOT_FOR),
            _data(manifest),
            _split(manifest),
            _coverage(kinds),
            CardSection("Known failures", tuple(_failures(model, kinds))),
            _made(manifest),
        ),
    )


def _score_groups(held_out: HeldOut) -> dict[str, pd.DataFrame]:
    """Metrics of all held-out pairs, and by laboratory, by tissue and by whether the assay saw the response."""
    observed, pred = held_out.observed, held_out.predictions
    seen = check_observed(pred, observed)
    rows = by_group.score_rows(pred, seen)
    beyond = pd.Series(seen.is_censored).map({True: "beyond what the assay could see", False: "seen by the assay"})
    labels = {"": pd.Series("all", index=beyond.index), "laboratory": None, "tissue": seen.tissues, "response": beyond}
    if "laboratory" in observed:
        labels["laboratory"] = observed["laboratory"].fillna("unknown").astype(str).reset_index(drop=True)
    return {
        kind: by_group.tabulate_groups(rows, pred, seen, label, label)
        for kind, label in labels.items()
        if label is not None
    }


def _data(manifest: Mapping[str, Any]) -> CardSection:
    train = manifest["split"]["parts"].get("train", {}) if manifest.get("split") else {}
    facts = [
        ("screen", manifest["screen"]),
        ("measure", f"{manifest['measure']}, in {manifest['unit']}"),
        ("genes", f"{manifest['genes']:,}"),
        ("expression", str(manifest.get("expression_scale", "unknown scale"))),
        *((f"trained on, {name.replace('_', ' ')}", f"{many:,}") for name, many in train.items()),
        *((f"file {name}", str(digest)) for name, digest in manifest.get("checksums", {}).items()),
    ]
    terms = "The data come under their provider's terms, which may limit what a model of them may be used for."
    return CardSection("Data", (terms,), tuple(facts))


def _split(manifest: Mapping[str, Any]) -> CardSection:
    split = manifest.get("split") or {}
    columns = ("part", "responses", "cell lines", "drugs")
    rows = tuple(
        (part, *(f"{sizes[name.replace(' ', '_')]:,}" for name in columns[1:]))
        for part, sizes in split.get("parts", {}).items()
        if sizes["responses"]
    )
    by = (f"Held out by {str(split['by']).replace('_', ' ')}.",) if split.get("by") else ()
    said = (str(split["description"]),) if split.get("description") else ()
    untested = (_UNTESTED[split["by"]],) if split.get("by") in _UNTESTED else ()
    return CardSection("Split", (*by, *said, *untested), tables=(CardTable("Parts", columns, rows),))


def _coverage(kinds: Mapping[str, pd.DataFrame]) -> CardSection:
    title = "Coverage of its intervals"
    if not kinds:
        return CardSection(title, ("No pair was held out: nothing is known of how well its intervals cover.",))
    sentences = (
        "Shares of held-out responses inside their central intervals, after recalibration; a calibrated model has the "
        "level itself. The 95 % intervals beside them take pairs as independent, which makes them too narrow.",
    )
    whole = kinds[""].iloc[0]
    levels = tuple(
        (f"{level:.0%}", f"{whole[f'coverage_{percent(level)}']:.1%}", f"{whole[f'width_{percent(level)}']:.3g}")
        for level in LEVELS
    )
    named = {"laboratory": "By laboratory", "tissue": "By tissue", "response": "By response"}
    tables = [CardTable("All held-out pairs", ("level", "coverage", "mean width"), levels)]
    tables += [_table(named[kind], kind, kinds[kind]) for kind in named if kind in kinds]
    return CardSection(title, sentences, tables=tuple(tables))


def _table(title: str, kind: str, groups: pd.DataFrame) -> CardTable:
    rows = tuple(
        (
            str(each.group),
            f"{each.n:,}",
            f"{each.coverage_90:.1%} ({each.coverage_90_lower:.1%} to {each.coverage_90_upper:.1%})",
            f"{each.width_90:.3g}",
            f"{each.rmse:.3g}",
        )
        for each in groups.itertuples()
    )
    return CardTable(title, (kind, "pairs", "coverage of 90 % intervals", "mean width", "RMSE"), rows)


def _failures(model: TrainedModel, kinds: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Where it is known to fail, from its held-out predictions and from what was said when it was fitted."""
    manifest = model.manifest
    if manifest.get("interrupted"):
        yield "Its fit was interrupted: it knows less than a whole fit would."
    if model.updates:
        yield f"It was updated since its fit ({'; '.join(model.updates)}); the coverage above is of before."
    for kind, groups in kinds.items():
        yield from _uncovered(kind or "group", groups)
    if kinds and model.held_out_part is not None and "mean_effects" in model.held_out_part.observed:
        yield from _beside_baseline(model.held_out_part)
    if kinds and set(kinds).isdisjoint({"laboratory"}):
        yield (
            "It was tested on the laboratory that it learned from alone: for responses that another measures, its "
            "intervals are too narrow unless --laboratory other is said."
        )
    yield from map(str, manifest.get("notices", ()))


def _uncovered(kind: str, groups: pd.DataFrame) -> Iterator[str]:
    """The groups whose 90 % coverage is off by more than chance and their number explain; how many are too small."""
    usable = groups[groups["n"] >= _FEWEST]
    off = usable[usable["p_holm"] < _SURE]
    for each in off.assign(by=(off["coverage_90"] - 0.9).abs()).nlargest(_MOST, "by").itertuples():
        what = "too narrow" if each.coverage_90 < 0.9 else "too wide"
        held = f"they hold {each.coverage_90:.1%} of {each.n:,} pairs"
        yield f"90 % intervals are {what} for the {kind} {each.group}: {held}."
    if len(off) > _MOST:
        yield f"{len(off) - _MOST} more groups by {kind} are off likewise, of {len(usable)} in all."
    few = len(groups) - len(usable)
    if few and kind != "response":
        yield f"Groups by {kind}: {few} of {len(groups)} have fewer than {_FEWEST} held-out pairs, too few to judge."


def _beside_baseline(held_out: HeldOut) -> Iterator[str]:
    response = held_out.observed["response"].to_numpy()
    model, baseline = (
        float(((mean - response) ** 2).mean() ** 0.5)
        for mean in (held_out.predictions.mean, held_out.observed["mean_effects"].to_numpy())
    )
    if model >= baseline:
        yield f"It errs no less than the mean effects of drug and line: RMSE {model:.3g} beside {baseline:.3g}."


def _made(manifest: Mapping[str, Any]) -> CardSection:
    facts = [
        ("method", manifest["method"]),
        *((f"option {name}", _write(value)) for name, value in manifest.get("options", {}).items()),
        ("recalibration", str(manifest.get("recalibrator", "unknown"))),
        ("seed", str(manifest["seed"])),
        *((f"version of {name}", str(release)) for name, release in manifest["versions"].items()),
    ]
    cite = "To cite bdrp, see CITATION.cff; cite the screen by its own terms."
    return CardSection("How it was made", (cite,), tuple((name, str(value)) for name, value in facts))


def _write(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
