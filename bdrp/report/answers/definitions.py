"""The words of an answer's page, explained on the page itself."""

from __future__ import annotations

from bdrp.report import words
from bdrp.report.answers.answer import Answer
from bdrp.report.answers.groups import NOT, SENSITIVE
from bdrp.report.html.parts import Definition


def mean(answer: Answer, group: str) -> str:
    """What a group means, in a sentence."""
    sure, rest = words.percent(answer.sure, 0), words.percent(1 - answer.sure, 0)
    if group == SENSITIVE:
        return f"A measurement would find it active with a probability of {sure} or more."
    if group == NOT:
        return f"A measurement would find it active with a probability of {rest} or less."
    return "Neither is sure. It may go either way: only a measurement tells."


def define(answer: Answer) -> tuple[Definition, ...]:
    """What the headings and numbers of the page mean, in the order of the columns."""
    entries = {
        **_of_the_answer(answer),
        **_of_the_update(answer),
        **_of_the_prediction(answer),
        **_of_the_evidence(answer),
    }
    return tuple(Definition(key, label, meaning) for key, (label, meaning) in entries.items())


def _of_the_answer(answer: Answer) -> dict[str, tuple[str, str]]:
    sure, rest = words.percent(answer.sure, 0), words.percent(1 - answer.sure, 0)
    return {
        "answer": (
            "Answer",
            f"“{SENSITIVE}” where the chance of being active is {sure} or more, “{NOT}” where it is {rest} or less. "
            "Between them the model does not know, and says so.",
        ),
        "chance": (
            "Chance of being active",
            f"The probability that a measurement would find {answer.yardstick.meaning}. It holds what the model does "
            f"not "
            "know and the noise of an assay.",
        ),
    }


def _of_the_update(answer: Answer) -> dict[str, tuple[str, str]]:
    if answer.changes is None:
        return {}
    text = (
        "The chance of being active as the model knew it from its fit alone, and the rank that it gave: what the "
        "measurements since the fit changed."
    )
    return {"before": ("Before the update", text)}


def _of_the_prediction(answer: Answer) -> dict[str, tuple[str, str]]:
    entries = {
        "predicted": (
            answer.measure,
            f"The predicted median in {answer.unit.name}, three digits: a measurement is as likely below as above it.",
        ),
        "interval": (
            "90 % interval",
            "A measurement lies inside with a probability of 90 %: in one of twenty below, in one of twenty above.",
        ),
    }
    if answer.unit.is_logarithm:
        entries["predicted"] = (
            f"{answer.measure}, {answer.unit.name}",
            f"The concentration that has half of the drug's full effect, predicted; low is sensitive. "
            f"{entries['predicted'][1]}",
        )
        entries["doses"] = (
            "Tested doses",
            "From the lowest to the highest concentration of the drug's assays. “> 10” is a response beyond 10, the "
            "highest "
            "dose: no effect was seen at any tested dose, or none is expected.",
        )
    return entries


def _of_the_evidence(answer: Answer) -> dict[str, tuple[str, str]]:
    return {
        "measured": (
            "Measured",
            f"What was measured of this very line and drug, the mean of repeats, in {answer.unit.name}. The model "
            f"may have "
            "learned from it.",
        ),
        "share": (
            "More sensitive than",
            "The share of the lines measured with the drug that are less sensitive than predicted here. A drug that "
            "kills "
            "every line is active and says nothing of this one: then the share is about one half.",
        ),
        "nearby": (
            "Measured nearby",
            "First the three lines of the most alike expression that were measured with the drug; then the three "
            "other drugs of "
            "the most alike structure, with their Tanimoto similarity in brackets, and what was measured of them on "
            "the line.",
        ),
        "tanimoto": (
            "Tanimoto similarity",
            "Substructures that two drugs share, as a part of those that either has (Morgan fingerprints): 1 for the "
            "same "
            "structure, 0 for none in common.",
        ),
    }
