"""What a page of an answer begins with: what is sure, what is not, and how often such answers were right."""

from __future__ import annotations

from typing import Final

from bdrp.report import words
from bdrp.report.answers.answer import Answer
from bdrp.report.answers.groups import GROUPS, NOT, SENSITIVE, UNKNOWN
from bdrp.report.html.browsable import cut
from bdrp.report.html.parts import Summary, Tile

NAMED: Final = 3  # in a sentence
UNLIKE: Final = 0.95  # chosen, as in `triage.Policy`: further from training lines than nearly all of these are
ENOUGH_CLAIMS: Final = 20  # chosen: a share of fewer says little


def summarise(answer: Answer) -> Summary:
    """What is sure, in a sentence; what is not, and what to be careful of."""
    counts, pairs, name = answer.counts(), answer.pairs, cut(answer.name)
    sure = pairs[pairs["group"] == SENSITIVE]
    called = "drug_name" if answer.about == "line" else "line_name"
    first = ", ".join(cut(one, 40) for one in sure[called].head(NAMED))
    more = f" and {len(sure) - NAMED:,} more" if len(sure) > NAMED else ""
    where = f"on {name}" if answer.about == "line" else f"to {name}"
    if sure.empty:
        headline = f"No {answer.noun[:-1]} is sure to be {'active' if answer.about == 'line' else 'sensitive'} {where}."
    elif answer.about == "line":
        headline = f"{answer.count(len(sure))} {_are(len(sure))} sure to be active on {name}: {first}{more}."
    else:
        headline = f"{answer.count(len(sure))} {_are(len(sure))} sure to be sensitive to {name}: {first}{more}."
    unknown = f"; of {counts[UNKNOWN]:,} the model does not know: measure {'it' if counts[UNKNOWN] == 1 else 'them'}"
    sentences = [
        f"Active means {answer.yardstick.meaning}. {answer.count(counts[NOT])} {_are(counts[NOT])} sure not to be"
        f"{unknown if counts[UNKNOWN] else ''}.",
        *_cautions(answer),
    ]
    tone = "doubt" if sure.empty or len(sentences) > 1 else "fair"
    if answer.changes is not None:
        sentences.append(answer.changes.describe(answer.column, answer.key))
    return Summary(tone, headline, tuple(sentences))


def _cautions(answer: Answer) -> list[str]:
    pairs, cautions = answer.pairs, []
    far = pairs["line_distance_percentile"] > UNLIKE
    if far.all():
        cautions.append(
            "By expression the line is further from all that the model was trained on than nearly all of those are "
            "from each other."
            if answer.about == "line"
            else "All of the lines are unlike any that the model was trained on."
        )
    doses = int(pairs.drop_duplicates("drug_id")["upper_limit"].isna().sum())
    if answer.unit.is_logarithm and doses:
        cautions.append(
            f"The tested doses of {words.count(doses, 'drug')} are not known: whether a prediction lies beyond "
            "them cannot be told."
        )
    capped = pairs["drug_id"].isin(answer.yardstick.capped)
    if capped.any():
        cautions.append(
            f"For {words.count(int(pairs.loc[capped, 'drug_id'].nunique()), 'drug')} the yardstick lies above the "
            "highest tested dose; active then means below that dose."
        )
    return cautions


def list_tiles(answer: Answer) -> tuple[Tile, ...]:
    """How many are in each group, and how often such answers were right."""
    counts, record = answer.counts(), answer.record
    what = "of this line's drugs" if answer.about == "line" else "of this drug's lines"
    tiles = [Tile(words.heading(group), f"{counts[group]:,}", what) for group in GROUPS]
    if record is not None:
        for label, right, claims in (
            (f"Right when “{SENSITIVE}”", record.sensitive_right, record.sensitive),
            (f"Right when “{NOT}”", record.others_right, record.others),
        ):
            if claims >= ENOUGH_CLAIMS:
                tiles.append(
                    Tile(
                        label,
                        words.percent(right / claims, 0),
                        f"of {claims:,} such answers, held out by {record.held_out}",
                    )
                )
    measured = int(answer.pairs["measured"].notna().sum())
    tiles.append(Tile("Measured already", f"{measured:,}", f"of {len(answer.pairs):,} pairs"))
    return tuple(tiles)


def _are(many: int) -> str:
    return "is" if many == 1 else "are"
