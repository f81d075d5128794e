"""The page of a transfer: how a model of one screen does on others, and what a few labelled pairs are worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from bdrp.report.definitions import select_definitions
from bdrp.report.html.output import write_results
from bdrp.report.html.page import render
from bdrp.report.html.parts import Section
from bdrp.report.transferability import concordance_tables, figures, score_tables, shift_tables
from bdrp.report.transferability.summary import summarise, tiles
from bdrp.report.transferability.targets import rows_of, source_rows

if TYPE_CHECKING:
    from bdrp.studies.transfer import TransferResults

_HOW: Final = (
    "Classes say what the model was trained on: “pair seen” is a line and a compound measured together, “pair unseen” "
    "both but not together. To fill every class, one in five of the lines and compounds that a target shares with the "
    "source screen were held out of training.",
    "Raw is the model as calibrated on its source screen. Other laboratory is the same, wider by what laboratories "
    "other than the target were found to differ by; no response of the target is known to either. Recalibrated fits "
    "an offset, a slope and one factor on the SD to the labelled pairs. Shrunken drug offsets moves each drug by its "
    "mean residual on them, drawn to that of all. Posterior as prior conditions the last layer's weights, and offsets "
    "of the target, of each drug and of each line, on them in closed form, beginning at the scales of other "
    "laboratories. Labelled pairs are never scored; a labelled pair says something of its line and its drug, so that "
    "with many an “unseen” one is not wholly new. The scored pairs are the same for all.",
    "A response that stands at a cap is known to lie there or beyond, to every adaptation and in every score: its "
    "coverage is the share of the predicted mass beyond the cap that the interval holds, and no prediction errs by "
    "lying beyond the cap.",
)
_CONCORDANCE: Final = (
    "On pairs that both screens measured, the source screen's own measurement is a prediction too, noise and all: how "
    "far that errs is the inter-laboratory concordance. RMSE within a drug leaves each drug's mean difference out, so "
    "that offsets between the screens do not count. A model without noise can be nearer to the target than that "
    "measurement is."
)
_DRUGS: Final = (
    "A mean over pairs hides drugs that are covered far too little. Beside the coverage over all pairs stand the "
    "coverages that nine in ten drugs lie between, and the share of drugs covered below 70 %, of those with ten scored "
    "pairs. Drugs of which no pair was labelled stand apart."
)
_DEFINED: Final = (
    "point.rmse",
    "point.within_drug_spearman",
    "probabilistic.nll",
    "probabilistic.crps",
    "coverage.coverage",
    "coverage.width",
)


def transfer(found: TransferResults, out: Path | str) -> Path:
    """Write transfer.html and the tables of `TransferResults.save` into the folder of a transfer.

    Returns:
        The path of transfer.html.

    Raises:
        OutputError: they cannot be written.
    """
    return write_results(Path(out) / "transfer.html", found, render_page)


def render_page(found: TransferResults) -> str:
    """The transfer as HTML, readable alone."""
    about, names = found.about, [str(target["target"]) for target in found.targets]
    measures = list(dict.fromkeys(f"{target['measure']}, in {target['unit']}" for target in found.targets))
    return render(
        kicker="bdrp transfer between screens",
        beside="transfer.parquet, shift.parquet and ceiling.parquet beside it hold",
        title=f"From {about['train']} to {', '.join(names)}: does the model hold?",
        subtitle=f"{about['method']}, seed {about['seed']}. Measure: {'; '.join(measures)}.",
        summary=summarise(found),
        tiles=tiles(found),
        sections=_sections(found),
    )


def _sections(found: TransferResults) -> tuple[Section, ...]:
    return (
        _transfer(found),
        _adaptation(found),
        *_by_drug(found),
        _shift(found),
        Section(
            "concordance",
            "What is the inter-laboratory concordance?",
            (_CONCORDANCE,),
            concordance_tables.agreements(found),
            folded=concordance_tables.shared_pairs(found),
        ),
        *_on_source(found),
        Section("notes", "What to keep in mind", _notes(found)),
        Section("definitions", "What the metrics mean", definitions=select_definitions(*_DEFINED)),
        Section("provenance", "Models and data", facts=_facts(found)),
    )


def _transfer(found: TransferResults) -> Section:
    tables = tuple(table for target in found.targets for table in score_tables.by_class(found, target))
    folded = tuple(score_tables.all_metrics(found, target) for target in found.targets)
    return Section("transfer", "How well does it transfer?", _HOW, tables, folded=folded)


def _adaptation(found: TransferResults) -> Section:
    drawn = tuple(
        figures.plot_adaptation(
            rows_of(found.metrics, target),
            source_rows(found, target),
            rows_of(found.concordance, target),
            target["target"],
            target["unit"],
        )
        for target in found.targets
    )
    folded = tuple(map(score_tables.adaptations, found.targets))
    return Section("adaptation", "What are a few labelled pairs worth?", figures=drawn, folded=folded)


def _by_drug(found: TransferResults) -> tuple[Section, ...]:
    if found.by_drug.empty:
        return ()
    tables = tuple(score_tables.by_drug(found, target) for target in found.targets)
    return (Section("drugs", "Does it hold for every drug?", (_DRUGS,), tables[:1], folded=tables[1:]),)


def _shift(found: TransferResults) -> Section:
    drawn = tuple(
        figures.plot_shift(rows_of(found.shift, target), target["target"], target["unit"]) for target in found.targets
    )
    return Section(
        "shift",
        "How far are the targets from training, and do the intervals answer to it?",
        figures=drawn,
        tables=(shift_tables.expression(found), *shift_tables.unseen(found)),
    )


def _on_source(found: TransferResults) -> tuple[Section, ...]:
    if found.home.empty:
        return ()
    about = "The same models on the lines and compounds of the source screen that were held out of training."
    return (Section("source", "How well does it do on the source screen?", (about,), score_tables.on_source(found)),)


def _notes(found: TransferResults) -> tuple[str, ...]:
    notes = [f"{each['target']}: {note}" for each in found.targets for note in each["notes"]]
    notes += [
        f"{each['target']}: {', '.join(map(str, each['left_out']))} labelled pairs would leave too few to score."
        for each in found.targets
        if each["left_out"]
    ]
    always = "One fit, one seed: intervals and draws do not say what another random start would change."
    return (always, *notes)


def _facts(found: TransferResults) -> tuple[tuple[str, str], ...]:
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
