"""The answer of a model that was updated: what was measured since the fit, and each pair before and after."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.fitted.update import update
from bdrp.report.answers import Criteria, ask_model, render_page, sheet

QUANTILE = Criteria("quantile", share=0.2)


@pytest.fixture(scope="module")
def line(tiny_screen):
    return tiny_screen.cell_lines.index[0]


@pytest.fixture(scope="module")
def updated(trained, tiny_screen, line):
    """The model with three measurements of a line, far more sensitive than it thinks, and one of another."""
    drugs, other = list(tiny_screen.drugs.index[:3]), tiny_screen.cell_lines.index[1]
    keys = pd.DataFrame({"cell_line_id": [line] * 3 + [other], "drug_id": [*drugs, drugs[0]]})
    before = trained[0].predict(tiny_screen.tested_drugs(), tiny_screen.profiles, keys).distribution
    rows = keys.assign(response=before.mean - 2.5 * before.std)
    return update(trained[0], rows, drugs=trained[0].drugs_of(tiny_screen), profiles=tiny_screen.profiles)


@pytest.fixture(scope="module")
def answers(trained, updated, tiny_screen, line):
    """Of the model as it was fitted, and of the updated one."""
    return [ask_model(model, tiny_screen, line=line, criteria=QUANTILE) for model in (trained[0], updated)]


def test_each_pair_has_the_chance_and_the_rank_that_the_fit_alone_gave_it(answers):
    before, after = (each.pairs.set_index("drug_id") for each in answers)
    np.testing.assert_allclose(after["chance_before"], before.loc[after.index, "chance"])
    assert after["rank_before"].tolist() == [list(before.index).index(drug) + 1 for drug in after.index]
    assert (after["chance"] > after["chance_before"]).mean() > 0.5


def test_what_was_measured_since_the_fit_stands_beside_its_pair(answers, updated, tiny_screen, line):
    pairs = answers[1].pairs.set_index("drug_id")
    assert pairs["since"].sum() == 3 and set(pairs.index[pairs["since"] > 0]) == set(tiny_screen.drugs.index[:3])
    rows = pd.concat([tiny_screen.responses, updated.measurements.rows])
    expected = rows[rows["cell_line_id"] == line].groupby("drug_id")["response"].mean()
    np.testing.assert_allclose(pairs["measured"], expected.reindex(pairs.index))


def test_the_page_says_what_the_update_changed_and_a_fits_page_does_not(answers, tiny_screen):
    plain, page = (render_page(each).replace("\u202f", " ") for each in answers)
    assert "What the update changed" in page and "Measured since the fit" in page and "What moved most" in page
    assert "updated 1 time, last on" in page and "with 4 measurements: 3 of this line" in page
    assert page.count("since the fit</bdi></small>") == 3 and "Before the update" in page
    assert all(words not in plain for words in ("What the update changed", "Before the update", "since the fit<"))


def test_the_spreadsheet_has_what_was_before(answers):
    plain, table = map(sheet.tabulate, answers)
    assert set(table.columns) - set(plain.columns) == {"chance_before", "rank_before", "measured_since_fit"}
    assert table["measured_since_fit"].sum() == 3 and sorted(table["rank_before"]) == table["rank"].tolist()
    assert set(table.columns) >= set(sheet.CHANGED) and "chance_before" in sheet.look(answers[1]).legend


def test_a_line_that_an_update_brought_is_answered_without_its_table(trained, tiny_screen):
    sample = tiny_screen.expression.iloc[:2].mean().to_frame("my sample").T.astype("float32")
    rows = pd.DataFrame({"cell_line_id": "my sample", "drug_id": tiny_screen.drugs.index[:2], "response": [0.0, 1.0]})
    made = update(trained[0], rows, screen=None, drugs=trained[0].drugs_of(tiny_screen), expression=sample)
    found = ask_model(made, tiny_screen, line="my sample", criteria=QUANTILE)
    assert len(found.pairs) == 12 and found.pairs["since"].sum() == 2
    assert found.changes.describe(found.column, found.key).endswith("2 of this line.")
