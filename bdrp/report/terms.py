"""The words of the field that pages use, each with what it means in a sentence; the glossary has the same ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bdrp.report.definitions import DEFINITIONS, POSTERIOR_DEFINITIONS

if TYPE_CHECKING:
    from bdrp.report.html.parts import Section, Summary
    from bdrp.report.html.table import Table


@dataclass(frozen=True)
class Term:
    """A word as it stands in sentences, what it means, and the key of the metric that it names, if it names one."""

    word: str
    meaning: str
    key: str = ""


def _metric(word: str, key: str) -> Term:
    """A word for a metric: the first sentence of its definition."""
    (defined,) = (each for each in (*DEFINITIONS, *POSTERIOR_DEFINITIONS) if each.key == key)
    return Term(word, re.split(r"(?<=[.!?]) (?=[A-Z])", defined.meaning)[0], key)


TERMS: Final = (
    Term("aleatoric", "Of the noise: what more training data would not remove."),
    _metric("AURC", "selective.aurc"),
    Term("calibrated", "Of predictions whose intervals hold as many responses as they say."),
    Term("censored", "Of a response beyond what the assay could see: only a limit of it is known."),
    _metric("coverage", "coverage.coverage"),
    Term("critical difference", "How far apart mean ranks must lie before a test tells two methods apart."),
    _metric("CRPS", "probabilistic.crps"),
    _metric("ELPD", "posterior.elpd"),
    _metric("ENCE", "calibration.ence"),
    Term("epistemic", "Of not knowing: what more training data would remove."),
    Term("extrapolated", "Of a response that was read off its curve beyond the tested doses."),
    Term("fold", "One of the parts into which a screen is dealt; each is the test part once."),
    Term("held out", "Kept from every fit, to be predicted and compared."),
    _metric("interval score", "coverage.interval_score"),
    _metric("k-hat", "posterior.largest_k"),
    Term("ln(µM)", "The natural logarithm of a concentration in micromolar: 0 is 1 µM, −2.3 is 0.1 µM."),
    _metric("mean effects", "naive"),
    _metric("miscalibration area", "calibration.miscalibration_area"),
    _metric("NLL", "probabilistic.nll"),
    _metric("Pearson", "point.pearson"),
    Term("PIT", "Where a response falls in its predicted distribution, from 0 to 1; evenly spread if calibrated."),
    Term("posterior", "What is known of weights or responses once the training data were seen, as a distribution."),
    Term("quantile", "The value below which a stated share of a distribution lies."),
    Term("recalibration", "A map of predicted distributions, fitted on rows that the weights have not seen."),
    Term("reliability", "The share of responses below each predicted quantile, beside the share that should be."),
    Term("resampled", "Drawn again from the lines and drugs at hand, to see how far a figure depends on them."),
    Term("risk", "The error of the pairs that remain when the least sure are set aside."),
    _metric("RMSE", "point.rmse"),
    Term("scaffold", "The rings of a molecule and what links them."),
    Term("SD", "Standard deviation: how far values lie from their mean, in the unit of the response."),
    Term("sharpness", "How narrow predictions are; worth something only where coverage is right."),
    Term("within drug", "Over the lines of one drug at a time: knowing which drugs are potent gains nothing."),
)  # fmt: skip
"""In the order of the alphabet."""


def find_terms(texts: Iterable[str]) -> tuple[Term, ...]:
    """The terms that stand in some texts, in the order of the alphabet.

    >>> [term.word for term in find_terms(["CRPS by method.", "Recalibration, folds"])]
    ['CRPS', 'fold', 'recalibration']
    """
    whole = "\n".join(texts)
    return tuple(term for term in TERMS if _PATTERNS[term.word].search(whole))


def terms_of_section(section: Section) -> tuple[Term, ...]:
    """The terms of what a section says: its title, paragraphs, tables' heads and captions, and its figures' words."""
    return find_terms(_texts_of_section(section))


def terms_of_summary(summary: Summary) -> tuple[Term, ...]:
    """The terms of a page's opening sentences."""
    return find_terms([summary.headline, *summary.sentences])


def _texts_of_section(section: Section) -> Iterator[str]:
    yield from (section.title, *section.paragraphs)
    for table in (*section.tables, *section.folded):
        yield from _texts_of_table(table)
    for plot in section.figures:
        yield from (plot.claim, plot.reading)


def _texts_of_table(table: Table) -> Iterator[str]:
    yield from (table.title, table.caption)
    yield from (column.label for column in table.columns)


def _pattern(word: str) -> re.Pattern[str]:
    """A word with its plural and, where it is no abbreviation, in either case; blanks may be hyphens."""
    spelled = re.escape(word).replace(r"\ ", r"[\s-]")
    flags = re.IGNORECASE if word.islower() else 0
    end = r"s?(?!\w)" if word[-1].isalpha() else ""
    return re.compile(rf"(?<![\w-]){spelled}{end}", flags)


_PATTERNS: Final = {term.word: _pattern(term.word) for term in TERMS}
