"""The page says what the answer holds, in words of its own that it explains, and takes no name for anything but "
"text."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from dataclasses import replace

import pytest

from bdrp.errors import DataError
from bdrp.report.answers import ask_predictions, render_page, sheet
from bdrp.report.html import page as html

LONG = "x" * 10_000
RIGHT_TO_LEFT = "تجربة‮gnp.exe"


@pytest.fixture(scope="module")
def line_page(of_line):
    return render_page(of_line)


def rows_of(text: str) -> list[str]:
    return re.findall(r"<tr class=\"g-.*?</tr>", text, flags=re.DOTALL)


def test_every_pair_has_a_row_with_its_group_in_words(of_line, line_page):
    rows = rows_of(line_page)
    assert len(rows) == len(of_line.pairs)
    for row, pair in zip(rows, of_line.pairs.itertuples(), strict=True):
        assert f">{pair.drug_name}</bdi>" in row and f'<span class="chip">{pair.group}</span>' in row
        assert f'data-order="{pair.q50}"' in row


def test_nothing_beyond_the_tested_doses_is_given_a_number_or_called_sensitive(few):
    rows = {name: row for name in ("Sure", "Open", "Beyond") for row in rows_of(render_page(few)) if f">{name}<" in row}
    assert "<bdi>0.135</bdi>" in rows["Sure"] and "0.0700 to 0.262" in rows["Sure"]
    assert "3.82 to &gt; 10" in rows["Open"] and "unknown: measure it" in rows["Open"]
    assert "&gt; 10 to &gt; 10" in rows["Beyond"] and "sure and not" in rows["Beyond"]
    assert "8,10" not in rows["Beyond"]  # exp(9)


def test_each_heading_with_a_question_mark_leads_to_a_definition(line_page):
    led = set(re.findall(r'href="#means-(\w+)"', line_page))
    held = set(re.findall(r'id="means-(\w+)"', line_page))
    assert {"answer", "chance", "predicted", "interval", "share", "nearby"} <= led <= held


def test_it_opens_with_what_is_sure_and_says_what_is_not_known(few, of_line):
    text = render_page(few)
    assert "1 drug is sure to be active on LINE-1: Sure." in text
    assert "of 2 the model does not know: measure them" in text and "Research use only" in text
    assert "Active means a response below the drug&#39;s highest tested dose" in text
    nobody = replace(few, pairs=few.pairs[few.pairs["group"] != "sure and sensitive"].reset_index(drop=True))
    assert "No drug is sure to be active on LINE-1." in render_page(nobody)


def test_lines_for_a_drug_are_named_with_their_ids_and_tissues(of_drug, tiny_screen):
    text = render_page(of_drug)
    pair = of_drug.pairs.iloc[0]
    assert f"Which lines are sensitive to {of_drug.name}?" in text
    assert f"<bdi>{pair['line_name']}</bdi><small><bdi>{pair['cell_line_id']} · {pair['tissue']}</bdi></small>" in text
    assert "The nearest other drugs" in text and "Rank correlation of responses" in text


def test_responses_that_are_no_concentrations_have_their_own_unit_and_no_doses(make_predictions):
    nowhere = {"lower_limit": math.nan, "upper_limit": math.nan}
    answer = ask_predictions(make_predictions("auc_fraction", 12, **nowhere), line="L1")
    text = render_page(answer)
    assert "Predicted AUC, fraction of full viability" in text and "among the most sensitive 10\u202f% of" in text
    assert "µM" not in text and 'class="tested"' not in text and "<bdi>0.200</bdi>" in text
    assert [column for column in sheet.tabulate(answer) if "um" in column or "dose" in column] == []
    with pytest.raises(DataError, match="No drug has responses of 10 lines"):
        ask_predictions(make_predictions("auc_fraction", 9, **nowhere), line="L1")


def test_the_policy_allows_the_one_script_of_the_page(line_page, few):
    (script,) = re.findall(r"<script>(.*?)</script>", line_page, flags=re.DOTALL)
    expected = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{expected}'" in line_page and line_page.count("<script") == 1
    assert script == html.read_script("browsable.js") and len(script) < 6_000
    assert "http://" not in line_page and "https://" not in line_page


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', LONG, RIGHT_TO_LEFT])
def test_names_stay_text_and_short(few, name):
    pairs = few.pairs.assign(drug_name=name, line_name=name, drug_id=name, tissue=name)
    text = render_page(replace(few, pairs=pairs, name=name, key=name))
    assert text.count("<script") == 1 and "<img" not in text and "\u202e" not in text
    assert len(text) < 60_000
