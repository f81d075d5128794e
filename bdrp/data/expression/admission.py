"""Whether a cohort can be read by a model as it is: refused, warned of or let through, with evidence and remedy."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Final

import pandas as pd

from bdrp.data.expression.genes import look_like_mouse
from bdrp.data.expression.matching import FEW, NONE, match_expression
from bdrp.data.expression.reference import Reference
from bdrp.data.expression.shift import FEWEST_GENES, FEWEST_LINES, OTHER_FORMS, Shift, measure_shift
from bdrp.data.identifiers import listed
from bdrp.errors import BdrpWarning, DataError

FAR: Final = 2.0
"""SDs of the median gene from which another scale is looked for."""
UNLIKE: Final = 0.6
"""SDs of the median gene from which a cohort is warned of, and as much again of what chance gives. Chosen on GDSC: of
550 cohorts of one line to a whole tissue that the training lines lacked, none is (docs/expression.md)."""
FAR_GENES: Final = 0.12
"""The same for the share of genes whose mean is more than 2 SDs away: a few genes, or half, may be elsewhere."""
HOME: Final = 0.4
"""Share of the distance that a conversion may leave to be the remedy."""
SLOPES: Final = {"ln": 0.693, "log10": 0.301, "from log2": 1.443}
"""Slope of gene means on the training means if the cohort is in another base."""
SAME_LEVEL: Final = 0.85
"""Rank correlation of gene means from which a slope says what base it is; other platforms have less."""
NO_LEVEL: Final = 0.3
"""Rank correlation of gene means below which the names of genes do not fit: other platforms have more."""
MIRRORED: Final = 0.4
"""Correlation of skewness, negated, from which a cohort is: it is 0.44 to 0.78 of whole tissues that GDSC's other lines
lack, and 0.84 between GDSC's intensities and CCLE's z-scores."""
NO_STRUCTURE: Final = 0.1
"""Share of the training correlation below which the names of genes do not fit."""


@dataclass(frozen=True)
class Finding:
    """What is wrong with a cohort; `is_certain` where it must not be read as it is."""

    text: str
    is_certain: bool
    is_of_scale: bool = True


def admit(table: pd.DataFrame, reference: Reference, how: str | None = None) -> pd.DataFrame:
    """A cohort (lines, genes) as a model may read it: under the model's names of genes, matched where asked.

    Args:
        table: the cohort, all of its lines.
        reference: what the model was trained on.
        how: one of `MATCHINGS`; None looks for a shift and advises; "none" takes it as it is, with warnings alone.

    Raises:
        DataError: the values are on another scale, or the names of the genes do not fit, and `how` does not say what
            to do about it.

    Warns:
        BdrpWarning: the cohort is unlike the training lines, or its lines are few.
    """
    table = _renamed(table, reference)
    shift = measure_shift(table, reference)
    findings = find_faults(shift, reference) if shift.genes >= FEWEST_GENES else []
    matched = how not in (None, NONE)
    if matched:
        findings = [one for one in findings if not one.is_of_scale or (how == "gene" and shift.scale.is_raw)]
    for one in findings:
        if one.is_certain and (how is None or (how == "gene" and one.is_of_scale)):
            raise DataError(one.text)
        warnings.warn(one.text, BdrpWarning, stacklevel=5)
    return match_expression(table, reference, how or NONE)


def find_faults(shift: Shift, reference: Reference) -> list[Finding]:
    """What speaks against reading a cohort as it is, the surest first."""
    if shift.negated or shift.asymmetry < -MIRRORED:
        return [_negated(shift)]
    scale = _other_scale(shift, reference)
    if scale is not None:
        return [scale]
    names = _other_names(shift)
    if names is not None:
        return [names]
    unlike = _unlike(shift, reference)
    return [] if unlike is None else [unlike]


def _negated(shift: Shift) -> Finding:
    if not shift.negated:
        return Finding(
            f"The genes of {shift.lines:,} lines are skewed against those of the training lines (correlation "
            f"{shift.asymmetry:.2f}): what is rarely high there is rarely low here. Their values are negated. Multiply "
            "them by -1; to read them nevertheless, say --match-expression none.",
            is_certain=True,
            is_of_scale=False,
        )
    return Finding(
        f"The expression of {len(shift.negated):,} of {shift.lines:,} lines runs against the levels of genes in the "
        f"training lines: what is high there is low here ({listed(shift.negated)}). Their values are negated, as "
        "those of -log are. Multiply them by -1; to read them nevertheless, say --match-expression none.",
        is_certain=True,
        is_of_scale=False,
    )


def _other_scale(shift: Shift, reference: Reference) -> Finding | None:
    told, trained = shift.scale, reference.scale
    if told.is_raw and not trained.is_raw:
        remedy = (
            f"Say --expression-scale {told.name}, which takes {told.formula}, or take it first; --match-expression "
            "quantile or rank need no logarithm."
        )
        return Finding(_seen(f"looks like {told.label}", shift, reference, remedy), True)
    far = FAR / 2 if shift.lines >= FEWEST_LINES else FAR
    if shift.distance > far and (told.name == "z") != (trained.name == "z"):
        what = "z-scores of each gene" if told.name == "z" else "no z-scores"
        remedy = (
            "Give the values on the training scale, or say --match-expression gene, which standardises each gene of "
            f"the cohort ({shift.lines:,} lines; {FEW} or more are needed to do it well)."
        )
        return Finding(_seen(f"looks like {what}", shift, reference, remedy), True)
    name = _other_form(shift)
    if name is None:
        return None
    formula = OTHER_FORMS[name][0]
    flag = f"say --expression-scale {name}, or " if name in ("tpm", "ln", "log10") else ""
    looks = {"from log2": "log2 where the model has ln", "before a logarithm": "logarithms where the model has none"}
    what = looks.get(name) or {"tpm": "values before a logarithm", "ln": "natural logarithms"}.get(
        name, "decimal logarithms"
    )
    remedy = f"The formula {formula} brings the median gene to {shift.remedies[name]:.2g} SDs; {flag}take it first."
    return Finding(_seen(f"looks like {what}", shift, reference, remedy), True)


def _other_form(shift: Shift) -> str | None:
    """Which conversion brings the cohort home, where it is far away or its slope says so."""
    best = min(shift.remedies, key=lambda name: shift.remedies[name])
    if shift.distance > FAR and shift.remedies[best] < HOME * shift.distance and shift.remedies[best] < 1.5:
        return best
    if not shift.level > SAME_LEVEL:
        return None
    return next(
        (
            name
            for name, slope in SLOPES.items()
            if abs(shift.slope / slope - 1) < 0.15 and shift.remedies[name] < 0.7 * shift.distance
        ),
        None,
    )


def _other_names(shift: Shift) -> Finding | None:
    by_level, by_structure = shift.level < NO_LEVEL, shift.structure < NO_STRUCTURE
    if not (by_level or by_structure):
        return None
    evidence = []
    if by_level:
        evidence.append(
            f"the levels of its {shift.genes:,} genes have a rank correlation of {shift.level:.2f} with those "
            "of the training lines (other platforms have more than 0.5)"
        )
    if by_structure:
        evidence.append(f"its genes go together by {max(shift.structure, 0):.0%} of what they do in the training lines")
    return Finding(
        f"The expression of {shift.lines:,} lines does not have its genes where the model looks for them: "
        f"{' and '.join(evidence)}. The names of the genes may be shuffled against their values, as by sorting one "
        "without the other, or the values are no expression. Make the table again from its origin; to read it "
        "nevertheless, say --match-expression none.",
        is_certain=True,
        is_of_scale=False,
    )


def _unlike(shift: Shift, reference: Reference) -> Finding | None:
    far = shift.far_genes / max(shift.genes, 1) > FAR_GENES + shift.by_chance / 4
    if not (far or shift.distance > UNLIKE * (1 + shift.by_chance) or shift.spread > 2.5 or shift.spread < 0.4):
        return None
    how = "gene" if shift.lines >= FEW else "quantile"
    why = "" if shift.lines >= FEW else f" (gene and rank need {FEW} lines or more)"
    remedy = (
        f"If it is of another platform or pipeline, say --match-expression {how}{why}; if not, none, which says that "
        "it is right as it is."
    )
    return Finding(_seen("is unlike the model's training lines", shift, reference, remedy), False)


def _seen(what: str, shift: Shift, reference: Reference, remedy: str) -> str:
    spread = "" if shift.spread != shift.spread else f", and lines vary {_few_digits(shift.spread)} times as much"
    return (
        f"The expression of {shift.lines:,} lines {what}: {shift.seen}; the model was trained on "
        f"{reference.describe()}. The median gene's mean is {_few_digits(shift.distance)} SDs away "
        f"({shift.by_chance:.2g} by chance), {shift.far_genes:,} of {shift.genes:,} genes by more than 2{spread}. "
        f"{remedy}"
    )


def _few_digits(number: float) -> str:
    return f"{number:.2g}" if number < 10 else f"{number:,.0f}"


def _renamed(table: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    renamed, which = reference.name_genes(table)
    if which and look_like_mouse([str(name) for name in table.columns]) and not look_like_mouse(reference.genes):
        warnings.warn(
            f"{len(which):,} genes are written as those of the mouse, and read as human genes of the same letters "
            f"({listed(which, 4)}); {len(set(reference.genes) - set(renamed.columns)):,} of the model's "
            f"{len(reference.genes):,} genes are missing. Most are orthologues, not all; translate the table with a "
            "table of orthologues.",
            BdrpWarning,
            stacklevel=6,
        )
    return renamed
