"""The sections of the calibration report: what each asks, and the words, tables and figures that answer it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from bdrp.report import words
from bdrp.report.definitions import DEFINITIONS, POSTERIOR_DEFINITIONS
from bdrp.report.evaluation import censored_tables, tables, topics
from bdrp.report.evaluation.censored_definitions import CENSORED_DEFINITIONS
from bdrp.report.evaluation.figures.groups import SIGNIFICANT
from bdrp.report.evaluation.page_figures import PageFigures
from bdrp.report.evaluation.summary import held_out_responses
from bdrp.report.html.parts import Section

if TYPE_CHECKING:
    import pandas as pd

    from bdrp.evaluation import PosteriorCheck, Scores

MOST_NAMED: Final = 6  # chosen: a sentence holds no more; the table below holds all
_UNCHANGED: Final = "Recalibration found nothing to change: these are the method's own distributions."
_CENSORING_AWARE: Final = (
    "Of a response above the highest or below the lowest tested dose, no more was observed than that it lies there; "
    "the published value is a fitted curve's continuation. The metrics elsewhere on this page take that value as "
    "measured, as is usual. Here such a response counts as censored."
)
_UNKNOWN_DOSES: Final = "The highest tested doses are not known, so no response is known to lie above them."
_NO_POSTERIOR: Final = (
    "There is nothing to show: no draws of a posterior were kept with this model. Methods without random weights, such "
    "as ridge or random forest, have none; the metrics above judge their predictions alike."
)
_NOTE: Final = (
    "Metrics are computed on held-out pairs only, those of leave-one-out apart; nothing is fitted to them. Chance "
    "values come from simulating responses from the predicted distributions themselves."
)


def held_out(metrics: Mapping[str, Any], summary: Mapping[str, Any], figures: PageFigures) -> Section:
    """Which responses were held out, of what, and which of them are censored."""
    by = str(summary.get("by", ""))
    described = f"Everything below describes {held_out_responses(by)}. {_censoring(metrics)}"
    paragraphs = (_split_in_words(summary), f"{described} Replicates count as pairs of their own.")
    parts = tables.split_parts(summary)
    shown = (parts,) if parts.rows else ()
    return Section("held-out", "What was held out", paragraphs, shown, figures.censored(), (tables.censored(metrics),))


def calibration(figures: PageFigures, *, recalibrated: bool) -> Section:
    """Coverage at every level; where recalibration changed nothing, a sentence says so."""
    paragraphs = () if recalibrated else (_UNCHANGED,)
    return Section(
        "calibration", "Do intervals cover at their nominal level?", paragraphs, figures=figures.calibration()
    )


def groups(what: str, several: str, figures: PageFigures) -> Section:
    """Coverage and width of each drug, tissue or cell line; `several` is the plural of `what`."""
    return Section(
        several.replace(" ", "-"),
        f"Which {several} are covered too little or too much?",
        figures=figures.groups(what),
        folded=(tables.by_group(figures.table(what), what),),
    )


def worst(scores: Scores) -> Section:
    """The groups whose coverage chance does not explain."""
    table = tables.worst_groups(scores.worst_groups)
    paragraphs = _worst_in_words(scores.worst_groups)
    return Section("worst", "Where calibration is worst", (paragraphs,), folded=(table,) if table.rows else ())


def accuracy(figures: PageFigures) -> Section:
    """Predicted against observed, and the predicted SDs."""
    return Section("accuracy", "How good are the predictions, and how sharp?", figures=figures.accuracy())


def ranking(metrics: Mapping[str, Any], figures: PageFigures) -> Section:
    """What is left in the accepted pairs, error against SD, and risk against coverage."""
    title = "Does the SD tell good predictions from bad ones?"
    return Section("ranking", title, tables=(tables.accepted(metrics),), figures=figures.ranking())


def right_censored(metrics: Mapping[str, Any], scores: Scores, figures: PageFigures) -> Section:
    """Censoring-aware scores, and those of the probability of right-censoring."""
    known = bool(metrics["beyond"]["pairs"])
    paragraphs = (_CENSORING_AWARE,) if known else (_CENSORING_AWARE, _UNKNOWN_DOSES)
    shown = [censored_tables.scores(metrics), censored_tables.coverage(metrics)]
    if known:
        shown.append(censored_tables.right_censored(metrics))
    curve = scores.beyond_reliability
    folded = () if curve.empty else (censored_tables.bins(curve),)
    title = "Does it know which responses are right-censored?"
    return Section("right-censored", title, paragraphs, tuple(shown), figures.right_censored(), folded)


def posterior(checked: PosteriorCheck | None, figures: PageFigures) -> Section:
    """The posterior on training rows: leave-one-out and replicated responses."""
    title = "Can the posterior be relied on where it was fitted?"
    if checked is None:
        return Section("posterior", title, (_NO_POSTERIOR,))
    paragraphs = (
        f"This section alone is about training rows, {checked.metrics['rows']:,} taken at random of "
        f"{checked.metrics['of_rows']:,}, and about the method before recalibration: {checked.metrics['draws']:,} "
        "joint draws of the weights were taken when the model was fitted. Held-out rows need no leave-one-out: "
        "everything above was predicted without them.",
    )
    shown = (tables.leave_one_out(checked.metrics), tables.replicated(checked.statistics))
    return Section("posterior", title, paragraphs, shown, figures.posterior(checked))


def all_metrics(metrics: Mapping[str, Any], earlier: Mapping[str, Any] | None) -> Section:
    """Every metric, beside those before recalibration."""
    shown = (
        tables.counts(metrics),
        tables.shares(metrics),
        tables.accuracy(metrics),
        tables.distributions(metrics, earlier),
        tables.coverage(metrics, earlier),
        tables.calibration(metrics, earlier),
        tables.ranking(metrics),
    )
    paragraphs = tuple(str(note) for note in metrics.get("notes") or ())
    return Section("metrics", "All metrics", paragraphs, shown)


def definitions(checked: PosteriorCheck | None) -> Section:
    """What each metric means; those of the posterior only where one was checked."""
    of_posterior = POSTERIOR_DEFINITIONS if checked else ()
    defined = (*DEFINITIONS, *CENSORED_DEFINITIONS, *topics.definitions(), *of_posterior)
    return Section("definitions", "What the metrics mean", (_NOTE,), definitions=defined)


def provenance(card: Mapping[str, Any]) -> Section:
    """The model card as a list of facts."""
    facts = tuple((words.heading(key), value) for key, value in _flat(card))
    return Section("provenance", "Model, data, versions", facts=facts)


def _split_in_words(summary: Mapping[str, Any]) -> str:
    """The split's own description, or what is known in its place."""
    rule = f"Split {words.by(summary.get('by') or 'an unknown rule')}"
    if summary.get("description"):
        return f"{rule}. {str(summary['description']).rstrip('.')}."
    known = [f"{name} {summary[name]}" for name in ("seed", "fold", "folds") if summary.get(name) is not None]
    return ", ".join([rule, *known]) + "."


def _censoring(metrics: Mapping[str, Any]) -> str:
    share = metrics["extrapolated"]["share"]
    if share is None:
        return "The doses that were tested are not known, so it is not known which responses are censored."
    if share == 0:
        return "All responses lie within the doses that were tested."
    return (
        f"{words.percent(share)} of them are censored: they lie outside the doses that were tested, where the curve "
        "fit extrapolated."
    )


def _worst_in_words(table: pd.DataFrame) -> str:
    if table.empty:
        return "No drug, no tissue and no cell line has enough pairs to be judged on its own."
    off = table[table["p_holm"] < SIGNIFICANT]
    if off.empty:
        return "No drug's, tissue's or cell line's coverage is further from 90 % than chance explains."
    named = [f"{row.name} ({words.percent(row.coverage_90)})" for row in off.head(MOST_NAMED).itertuples(index=False)]
    more = f" and {len(off) - MOST_NAMED} more" if len(off) > MOST_NAMED else ""
    return (
        f"The coverage of 90 % intervals misses 90 % by more than chance explains, if pairs were independent, for "
        f"{', '.join(named)}{more}. Pairs of one cell line or one drug err together, so this is a hint and no proof."
    )


def _flat(card: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested entries as one list: ("options rank", "32")."""
    for key, value in card.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}: ")
        elif value is None or isinstance(value, str):
            yield name, value or words.MISSING
        elif isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
            yield name, " ".join(value)
        else:
            yield name, _short_json(value)


def _short_json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 400 else f"{text[:400]} … ({len(text):,} characters; in full in scores.json)"
