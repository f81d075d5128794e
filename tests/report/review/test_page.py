"""What the review page holds without a browser: every pair, what is known of it, and nothing that a name could run."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest

from bdrp import triage
from bdrp.errors import DataError, OutputError
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.update import update
from bdrp.predictive import Normal, Predictions
from bdrp.report import review


@pytest.fixture(scope="module")
def model(trained):
    return TrainedModel.load(trained[1])


@pytest.fixture(scope="module")
def queue(model, tiny_screen):
    predictions = model.predict(tiny_screen.tested_drugs(), tiny_screen.profiles, cell_lines=tiny_screen.cell_lines)
    return triage.rank(predictions, budget=6)


@pytest.fixture(scope="module")
def evidence(queue, model, tiny_screen):
    return review.gather_evidence(queue, model, tiny_screen)


def embedded(text: str, name: str = "pairs") -> dict:
    (found,) = re.findall(rf'<script type="application/json" id="{name}">(.*?)</script>', text, flags=re.DOTALL)
    return json.loads(found)


def test_every_pair_has_a_card_a_row_and_a_record_to_export(queue, evidence):
    text = review.render_page(queue, evidence)
    assert len(embedded(text, "cards")) == len(re.findall(r'data-opens="\d"', text)) == len(queue)
    data = embedded(text)
    assert [pair["cell_line_id"] for pair in data["pairs"]] == list(queue["cell_line_id"])
    assert {"drug_id", "model", "rank", "reasons"} <= set(data["pairs"][0])
    assert embedded(review.render_page(queue.head(3)))["key"] != data["key"]


def test_contributions_of_a_card_sum_to_the_prediction(queue, evidence):
    for pair in queue.itertuples():
        steps = evidence.contributions[pair.cell_line_id, pair.drug_id]
        assert sum(value for _, value in steps) == pytest.approx(pair.mean, abs=1e-5)


@pytest.mark.filterwarnings("ignore:The expression of 2 lines")  # of so few, chance alone makes some unlike all others
def test_a_queue_of_an_updated_model_says_what_changed_and_what_is_decided(model, tiny_screen, queue):
    keys = queue[["cell_line_id", "drug_id"]].head(2)
    tables = {"drugs": model.drugs_of(tiny_screen), "profiles": tiny_screen.profiles}
    updated = update(model, keys.assign(response=queue["mean"].head(2) - 3.0), **tables)
    predictions = updated.predict(tiny_screen.tested_drugs(), tiny_screen.profiles, cell_lines=tiny_screen.cell_lines)
    again = triage.rank(predictions, budget=6, reviewed=keys)
    assert not set(map(tuple, keys.to_numpy())) & set(map(tuple, again[["cell_line_id", "drug_id"]].to_numpy()))
    found = review.gather_evidence(again, updated, tiny_screen)
    text = review.render_page(again, found).replace("\u202f", " ")
    assert "Since its fit the model was updated: 2 measurements" in text and "2 pairs decided before are not" in text
    cards = embedded(text, "cards")
    assert all("Before the update it was predicted at" in card for card in cards)
    plain = review.render_page(queue, review.gather_evidence(queue, model, tiny_screen))
    assert "Before the update" not in plain and "not asked again" not in plain


def test_evidence_is_of_the_model_that_predicted(queue, model, tiny_screen):
    other = queue.assign(model="f" * 64)
    with pytest.raises(DataError, match="The queue was predicted by the model ffffffffffff"):
        review.gather_evidence(other, model, tiny_screen)


def test_lines_and_drugs_that_the_screen_lacks_have_no_evidence(queue, model, tiny_screen):
    foreign = queue.assign(cell_line_id="ELSEWHERE")
    assert review.gather_evidence(foreign, model, tiny_screen) == review.Evidence()
    assert '<template id="structure-' not in review.render_page(foreign)


def test_responses_that_are_no_concentrations_can_be_reviewed():
    keys = pd.DataFrame({"cell_line_id": ["A", "B"], "drug_id": ["X", "X"]})
    pred = Normal.from_std(keys, "auc_fraction", [0.4, 0.9], [0.1] * 2, [0.1] * 2, unit="fraction of full viability")
    text = review.render_page(triage.rank(Predictions(pred, pd.DataFrame(index=[0, 1])), budget=2))
    assert "fraction of full viability" in text and "µM" not in text


def test_a_page_replaces_a_page_alone(queue, tmp_path):
    path = review.write(queue, tmp_path / "review.html")
    assert review.write(queue, path) == path
    path.write_text("mine")
    with pytest.raises(OutputError, match="there is something else"):
        review.write(queue, path)
    with pytest.raises(OutputError, match="The review page cannot be written as '.csv'. Allowed is .html"):
        review.write(queue, tmp_path / "review.csv")


def test_scripts_are_light_and_no_text_ends_their_data(queue):
    harmful = queue.assign(drug_name="</script><script>alert(1)</script>")
    harmful.attrs = queue.attrs
    text = review.render_page(harmful)
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", text, flags=re.DOTALL)
    assert len(scripts) == 4 and "alert(1)</script>" not in text
    assert sum(len(script) for script in scripts[2:]) < 60_000
    assert all("&lt;script&gt;" in card and "<script" not in card for card in embedded(text, "cards"))
    assert embedded(text)["pairs"][0]["drug_name"] == "</script><script>alert(1)</script>"
