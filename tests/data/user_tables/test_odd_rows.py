"""Rows that can be no measurement of their own are spoken of by name, whatever table they are in."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data import expression as expressions
from bdrp.data import sources
from bdrp.data.expression import Reference, admit, check_odd
from bdrp.data.sources import tables
from bdrp.data.user_tables.copies import warn_of_copies
from bdrp.errors import BdrpWarning, DataError

RNG = np.random.default_rng(3)
LINES = pd.Index([f"L{at:02d}" for at in range(40)], name="cell_line_id")
LEVEL = RNG.normal(6, 2, 60)
GENES = pd.DataFrame(
    (LEVEL + RNG.normal(0, 0.8, (40, 60))).round(4).astype(np.float32), LINES, [f"GENE{at}" for at in range(60)]
)


def changed(line: str, values: object) -> pd.DataFrame:
    table = GENES.copy()
    table.loc[line] = np.asarray(values, np.float32)
    return table


CASES: dict[str, tuple[pd.DataFrame, str]] = {
    "copy": (changed("L07", GENES.loc["L03"]), "L07 is L03"),
    "copy with noise": (changed("L07", GENES.loc["L03"] + RNG.normal(0, 0.01, 60)), "L07 is L03"),
    "copy, rounded": (changed("L07", GENES.loc["L03"].round(1)), "L07 is L03"),
    "copy with gaps": (changed("L07", GENES.loc["L03"].where(RNG.random(60) > 0.1)), "L07 is L03"),
    "copy times two": (changed("L07", 2 * GENES.loc["L03"]), "L07 is 2 times L03"),
    "copy in ln": (changed("L07", GENES.loc["L03"] * np.log(2)), "L07 is 0.693 times L03"),
    "copy, shifted": (changed("L07", GENES.loc["L03"] + 3), "L07 is 1 times L03"),
    "copy, negated": (changed("L07", -GENES.loc["L03"]), "L07 is -1 times L03"),
    "a line negated": (changed("L07", 12 - GENES.loc["L07"]), "L07: -0."),
    "genes of a line shuffled": (changed("L07", RNG.permutation(GENES.loc["L07"])), "1 of 40 lines do not have"),
    "a gene twice, and three that are equal in half of the lines": (
        GENES.assign(
            **{f"HALF{at}": GENES["GENE5"].where(np.arange(40) < 25, at) for at in range(2)}, ZAGAIN=GENES["GENE5"]
        ),
        "1 genes have another gene's value in every line (ZAGAIN is GENE5)",
    ),
    "a gene twice": (GENES.assign(AGAIN=GENES["GENE5"]), "AGAIN is GENE5"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("turned", [False, True])
def test_odd_expression_is_named_when_a_file_is_read(tmp_path: Path, case: str, turned: bool) -> None:
    table, words = CASES[case]
    path = tmp_path / "expression.csv"
    (table.T.rename_axis("gene") if turned else table).to_csv(path)
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        expressions.read_expression(path, lines=list(LINES))
    assert any(words in str(one.message) for one in raised), [str(one.message) for one in raised]


@pytest.mark.parametrize("value", [0.0, 7.3, -999.5])
def test_lines_of_one_value_are_refused_by_name(tmp_path: Path, value: float) -> None:
    changed("L11", np.full(60, value)).to_csv(tmp_path / "expression.csv")
    with pytest.raises(DataError, match=r"1 of 40 lines whose genes are all one value \(L11"):
        tables.read_expression(tmp_path / "expression.csv")


def test_what_is_as_it_should_be_is_not_spoken_of() -> None:
    check_odd(GENES, "expression")
    check_odd(GENES.apply(lambda gene: (gene - gene.mean()) / gene.std()), "z")
    check_odd(GENES.head(2), "two lines")
    check_odd(GENES.where(RNG.random(GENES.shape) > 0.3), "gaps")
    check_odd(GENES.iloc[:, :5].assign(TWICE=GENES["GENE0"]).head(5), "few genes and lines")
    check_odd(pd.DataFrame(RNG.poisson(0.2, (40, 300)), LINES).astype(np.float32), "counts of rare genes")


def test_repeats_of_a_culture_are_no_copies() -> None:
    check_odd(changed("L07", GENES.loc["L03"] + RNG.normal(0, 0.2, 60)), "repeats")


def reference() -> Reference:
    mean, sd = GENES.to_numpy(float).mean(axis=0), GENES.to_numpy(float).std(axis=0)
    return Reference.of_moments(tuple(GENES.columns), mean, sd, np.eye(60) / sd[:, None])


@pytest.mark.parametrize("negated", [["L01"], ["L01", "L02", "L03"], list(LINES)])
def test_negated_lines_of_a_cohort_are_refused_by_name_at_the_door_of_a_model(negated: list[str]) -> None:
    table = GENES.copy()
    table.loc[negated] *= -1
    with pytest.raises(DataError, match=f"{len(negated)} of 40 lines runs against .*{negated[0]}"):
        admit(table, reference())


def test_negated_lines_are_read_where_the_user_says_that_they_are_right() -> None:
    with pytest.warns(BdrpWarning, match="Multiply them by -1"):
        admit(-GENES, reference(), "none")


def z_scores(lines: int, seed: int) -> np.ndarray:
    """Of 150 genes, each skewed in a manner of its own."""
    shape = np.random.default_rng(0).uniform(0.3, 3, 150)
    side = np.random.default_rng(1).choice([-1, 1, 1], 150)
    values = side * np.random.default_rng(seed).gamma(shape, size=(lines, 150))
    return np.asarray((values - values.mean(axis=0)) / values.std(axis=0))


def test_z_scores_that_are_negated_are_told_by_the_skewness_of_genes() -> None:
    names = tuple(f"GENE{at}" for at in range(150))
    train, cohort = z_scores(200, 2), z_scores(30, 3)
    skewness = (train**3).mean(axis=0)
    known = Reference.of_moments(names, np.zeros(150), np.ones(150), np.eye(150), "z", skewness)
    table = pd.DataFrame(cohort, [f"N{at}" for at in range(30)], list(names))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        admit(table, known)
    with pytest.raises(DataError, match="are skewed against those of the training lines .correlation -0"):
        admit(-table, known)


def responses(copied: str, under: str, *, by: str = "cell_line_id", share: float = 1.0) -> pd.DataFrame:
    pairs = pd.MultiIndex.from_product([LINES, [f"D{at}" for at in range(12)]], names=["cell_line_id", "drug_id"])
    rows = pairs.to_frame(index=False).assign(ln_ic50_um=RNG.normal(1, 2, len(pairs)).round(4))
    copy = rows[rows[by] == copied].sample(frac=share, random_state=0).assign(**{by: under})
    return pd.concat([rows[rows[by] != under], rows[rows[by] == under].tail(0), copy], ignore_index=True)


def doubts(raw: pd.DataFrame) -> list[str]:
    limits = dict.fromkeys(("lower_limit", "upper_limit"), np.nan)
    rows = raw.rename(columns={"ln_ic50_um": "response"}).assign(**limits)
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        warn_of_copies(rows, "responses.csv")
    return [str(one.message) for one in raised]


def test_responses_that_were_copied_to_another_line_or_drug_are_named() -> None:
    assert any("1 pairs of lines" in said and "L03 and L09: 12" in said for said in doubts(responses("L03", "L09")))
    by_drug = doubts(responses("D3", "D9", by="drug_id"))
    assert any("1 pairs of drugs" in said and "D3 and D9: 40" in said for said in by_drug)


def test_few_equal_responses_or_a_cap_are_no_copies() -> None:
    capped = responses("L03", "L03")
    capped["ln_ic50_um"] = capped["ln_ic50_um"].clip(upper=1.5)
    assert not any("pairs of" in said for said in [*doubts(responses("L03", "L09", share=0.3)), *doubts(capped)])


@pytest.mark.parametrize("name", ["gdsc2", "gdsc1", "ccle"])
def test_nothing_in_real_screens_looks_like_a_copy(name: str, real_data: Path) -> None:
    screen = sources.load(name, real_data)
    check_odd(screen.expression, name)
    warn_of_copies(screen.responses, name)


def test_nothing_in_real_z_scores_looks_like_a_copy(real_data: Path) -> None:
    table = pd.read_csv(real_data / "ccle/ccle_rnaseq_zscore_580x706.csv.gz", index_col=0)
    check_odd(table, "z-scores")
