"""The page: verdict, pictures and tables in reading order, one HTML file that asks the network for nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bdrp.report import censored_tables, opening, tables, words
from bdrp.report.censored_definitions import CENSORED_DEFINITIONS
from bdrp.report.definitions import DEFINITIONS, POSTERIOR_DEFINITIONS, Definition
from bdrp.report.gallery import UNKNOWN_UNIT, Gallery
from bdrp.report.pictures.groups import SIGNIFICANT
from bdrp.report.style import Picture
from bdrp.report.tables import Table
from bdrp.report.verdict import held_out_responses, judge

if TYPE_CHECKING:
    import pandas as pd

    from bdrp.evaluation import PosteriorCheck, Scores
    from bdrp.predictive import PredictiveDistribution

MOST_NAMED = 6  # chosen: a sentence holds no more; the table below holds all


@dataclass(frozen=True)
class Section:
    """A part of the page under its own heading; `folded` tables open on a click."""

    id: str
    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    folded: tuple[Table, ...] = ()
    definitions: tuple[Definition, ...] = ()
    facts: tuple[tuple[str, Any], ...] = ()


def page(
    scores: Scores,
    pred: PredictiveDistribution,
    observed: pd.DataFrame,
    *,
    split_summary: Mapping[str, Any],
    model_card: Mapping[str, Any],
    before: Scores | None = None,
    posterior: PosteriorCheck | None = None,
) -> str:
    """The report as HTML; the arguments are those of `bdrp.report.write`."""
    figures, earlier = scores.to_dict(), None if before is None else before.to_dict()
    moved = earlier != figures
    figures["unit"] = figures["unit"] or UNKNOWN_UNIT
    gallery = Gallery(scores, pred, observed["response"].to_numpy(float), before if moved else None)
    seen = opening.evidence(figures, str(split_summary.get("by", "")))
    sections = (
        _held_out(figures, split_summary, gallery),
        _calibration(() if moved else (_UNCHANGED,), gallery),
        _groups("tissue", "tissues", gallery),
        _groups("drug", "drugs", gallery),
        _groups("cell line", "cell lines", gallery),
        _worst(scores),
        Section("accuracy", "How good are the predictions, and how sharp?", pictures=gallery.accuracy()),
        Section("ranking", "Does the SD tell good predictions from bad ones?", pictures=gallery.ranking()),
        _beyond(figures, scores, gallery),
        _noise(figures, scores, gallery),
        _posterior(posterior, gallery),
        _figures(figures, earlier if moved else None),
        _definitions(posterior),
        _provenance(model_card),
    )
    return render(
        kicker="bdrp calibration report",
        beside="scores.json beside it holds",
        title=opening.title(model_card),
        subtitle=opening.subtitle(figures, split_summary, model_card),
        verdict=judge(seen),
        tiles=opening.tiles(figures, seen),
        sections=sections,
        version=dict(model_card.get("versions") or {}).get("bdrp"),
    )


_NOTE = (
    "Figures are computed on held-out pairs only, those of leave-one-out apart; nothing is fitted to them. Chance "
    "values come from simulating responses from the predicted distributions themselves.",
)
_UNCHANGED = "Recalibration found nothing to change: these are the method's own distributions."


def _held_out(figures: Mapping[str, Any], summary: Mapping[str, Any], gallery: Gallery) -> Section:
    by = str(summary.get("by", ""))
    described = f"Everything below describes {held_out_responses(by)}. {_extrapolation(figures)}"
    said = (_split_in_words(summary), f"{described} Replicates count as pairs of their own.")
    parts = tables.split_parts(summary)
    shown = (parts,) if parts.rows else ()
    return Section(
        "held-out", "What was held out", said, shown, gallery.extrapolated(), (tables.extrapolated(figures),)
    )


def _split_in_words(summary: Mapping[str, Any]) -> str:
    """The split's own description, or what is known in its place."""
    rule = f"Split by {str(summary.get('by') or 'an unknown rule').replace('_', ' ')}"
    if summary.get("description"):
        return f"{rule}. {str(summary['description']).rstrip('.')}."
    known = [f"{name} {summary[name]}" for name in ("seed", "fold", "folds") if summary.get(name) is not None]
    return ", ".join([rule, *known]) + "."


def _extrapolation(figures: Mapping[str, Any]) -> str:
    share = figures["extrapolated"]["share"]
    if share is None:
        return (
            "The doses that were tested are not known, so it is not known which responses were observed and which "
            "extrapolated."
        )
    if share == 0:
        return "All responses lie within the doses that were tested."
    return f"{words.percent(share)} of them lie outside the doses that were tested, where the curve fit extrapolated."


def _figures(figures: Mapping[str, Any], earlier: Mapping[str, Any] | None) -> Section:
    shown = (
        tables.counts(figures),
        tables.shares(figures),
        tables.accuracy(figures),
        tables.distributions(figures, earlier),
        tables.coverage(figures, earlier),
        tables.calibration(figures, earlier),
        tables.ranking(figures),
    )
    said = tuple(str(note) for note in figures.get("notes") or ())
    return Section("figures", "All figures", said, shown)


def _groups(what: str, several: str, gallery: Gallery) -> Section:
    return Section(
        several.replace(" ", "-"),
        f"Which {several} are covered too little or too much?",
        pictures=gallery.groups(what),
        folded=(tables.by_group(gallery.table(what), what),),
    )


_AS_OBSERVED = (
    "Of a response above the highest or below the lowest tested dose, no more was observed than that it lies there; "
    "the published value is a fitted curve's continuation. The figures elsewhere on this page take that value for a "
    "measurement, as is usual. Here such a response counts as what was observed."
)
_UNKNOWN_DOSES = "The highest tested doses are not known, so no response is known to lie above them."


def _beyond(figures: Mapping[str, Any], scores: Scores, gallery: Gallery) -> Section:
    known = bool(figures["beyond"]["pairs"])
    said = (_AS_OBSERVED,) if known else (_AS_OBSERVED, _UNKNOWN_DOSES)
    shown = [censored_tables.scores(figures), censored_tables.coverage(figures)]
    if known:
        shown.append(censored_tables.beyond(figures))
    curve = scores.beyond_reliability
    folded = () if curve.empty else (censored_tables.bins(curve),)
    title = "Does it know which responses lie beyond the tested doses?"
    return Section("beyond", title, said, tuple(shown), gallery.beyond(), folded)


def _noise(figures: Mapping[str, Any], scores: Scores, gallery: Gallery) -> Section:
    title = "Is the predicted noise what repeats show?"
    if not figures["noise"]["all"]["rows"]:
        return Section("noise", title, ("No cell line was measured twice with one compound, so it cannot be told.",))
    table = scores.noise_by_compound
    folded = (censored_tables.compounds(table),)
    return Section("noise", title, (), (censored_tables.noise(figures),), gallery.noise(), folded)


def _worst(scores: Scores) -> Section:
    table = tables.worst_groups(scores.worst_groups)
    said = _worst_in_words(scores.worst_groups)
    return Section("worst", "Where calibration is worst", (said,), folded=(table,) if table.rows else ())


def _worst_in_words(groups: pd.DataFrame) -> str:
    if groups.empty:
        return "No drug, no tissue and no cell line has enough pairs to be judged on its own."
    off = groups[groups["p_holm"] < SIGNIFICANT]
    if off.empty:
        return "No drug's, tissue's or cell line's coverage is further from 90 % than chance explains."
    named = [f"{row.name} ({words.percent(row.coverage_90)})" for row in off.head(MOST_NAMED).itertuples(index=False)]
    more = f" and {len(off) - MOST_NAMED} more" if len(off) > MOST_NAMED else ""
    return (
        f"90 % intervals miss their promise by more than chance explains, if pairs were independent, for "
        f"{', '.join(named)}{more}. Pairs of one cell line or one drug err together, so this is a hint and no proof."
    )


def _calibration(said: tuple[str, ...], gallery: Gallery) -> Section:
    return Section("calibration", "Do the intervals keep their promise?", said, pictures=gallery.calibration())


def _definitions(checked: PosteriorCheck | None) -> Section:
    defined = (*DEFINITIONS, *CENSORED_DEFINITIONS, *(POSTERIOR_DEFINITIONS if checked else ()))
    return Section("definitions", "What the figures mean", _NOTE, definitions=defined)


def _posterior(checked: PosteriorCheck | None, gallery: Gallery) -> Section:
    title = "Can the posterior be believed where it was fitted?"
    if checked is None:
        return Section("posterior", title, (_NO_POSTERIOR,))
    said = (
        f"This section alone is about training rows, {checked.figures['rows']:,} taken at random of "
        f"{checked.figures['of_rows']:,}, and about the method before recalibration: {checked.figures['draws']:,} "
        "joint draws of the weights were taken when the model was fitted. Held-out rows need no leave-one-out: "
        "everything above was predicted without them.",
    )
    shown = (tables.leave_one_out(checked.figures), tables.replicated(checked.statistics))
    return Section("posterior", title, said, shown, gallery.posterior(checked))


_NO_POSTERIOR = (
    "There is nothing to show: no draws of a posterior were kept with this model. Methods without random weights, such "
    "as ridge or random forest, have none; the figures above judge their predictions alike."
)


def _provenance(card: Mapping[str, Any]) -> Section:
    facts = tuple((_words(key), value) for key, value in _flat(card))
    return Section("provenance", "Model, data, versions", facts=facts)


def _flat(card: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested entries as one list: ("options rank", "32")."""
    for key, value in card.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}: ")
        elif isinstance(value, str):
            yield name, value
        elif isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
            yield name, " ".join(value)
        else:
            yield name, _short_json(value)


def _short_json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 400 else f"{text[:400]} … ({len(text):,} characters; in full in scores.json)"


def _words(key: str) -> str:
    text = key.replace("_", " ")
    return text[:1].upper() + text[1:]


def render(**context: Any) -> str:
    """The page from its parts: kicker, title, subtitle, verdict, tiles, sections, version, and what lies beside it."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    filters: dict[str, Callable[..., Any]] = {"number": words.number, "percent": words.percent, "exact": words.exact}
    environment = Environment(
        loader=PackageLoader("bdrp.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    text = environment.get_template("report.html.j2").render(**context)
    return words.joined("\n".join(map(words.printable, text.split("\n"))))
