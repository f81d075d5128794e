"""The flags of `bdrp triage`: what is sensitive, what the queue is mixed of, and where else it goes."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bdrp.cli.app import app
from bdrp.predictive import Normal, Predictions

LINES, DRUGS = 20, 6


@pytest.fixture
def triage(tmp_path, monkeypatch):
    """`triage("--flag", ...)`: the command on predictions of 120 pairs, and its queue where it made one."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    keys = pd.DataFrame(
        {
            "cell_line_id": np.repeat([f"L{at}" for at in range(LINES)], DRUGS),
            "drug_id": np.tile([f"D{at}" for at in range(DRUGS)], LINES),
        }
    )
    means = random.normal(0, 1, LINES * DRUGS) + np.tile(np.arange(DRUGS), LINES)
    noise = np.full(LINES * DRUGS, 0.4)
    pred = Normal.from_std(keys, "ln_ic50_um", means, noise, noise, unit="ln(µM)")
    Predictions(pred, pd.DataFrame(index=keys.index)).save("p.parquet")

    def run(*flags: str):
        ran = CliRunner().invoke(app, ["triage", "p.parquet", "--budget", "30", "--out", "queue.csv", *flags])
        return ran, pd.read_parquet("queue.parquet") if (tmp_path / "queue.parquet").exists() else None

    return run


def test_hits_and_doubts_are_counted_and_what_a_review_is_worth_is_told(triage):
    ran, queue = triage("--threshold", "1.0")
    assert ran.exit_code == 0, ran.output
    assert queue["reasons"].str.contains("confident_hit").sum() == 6
    assert "confident_hit" in ran.stdout and "straddles_threshold" in ran.stdout
    expected = queue["wrong_side_probability"].sum()
    assert f"an assay of each is expected to overturn {expected:.1f} calls of sensitive or not" in ran.stdout


def test_quotas_and_limits_are_taken(triage):
    _, queue = triage(
        "--threshold", "1.0", "--quota", "confident_hit=0.3", "--most-per-drug", "1", "--most-per-line", "1"
    )
    assert queue["reasons"].str.contains("confident_hit").sum() == 9
    _, queue = triage("--threshold", "1.0", "--quota", "confident_hit=0", "--most-per-drug", "0.1")
    assert queue["drug_id"].value_counts().max() == 5  # an even queue over six drugs


def test_thresholds_are_of_each_drug_where_asked_for(triage, tmp_path):
    _, queue = triage("--threshold-by-drug")
    assert queue["threshold"].nunique() == queue["drug_id"].nunique() == DRUGS
    table = pd.DataFrame({"drug_id": [f"D{at}" for at in range(DRUGS)], "threshold_um": np.exp(np.arange(DRUGS))})
    table.to_csv(tmp_path / "t.csv", index=False)
    _, queue = triage("--thresholds", "t.csv")
    np.testing.assert_allclose(queue["threshold"], queue["drug_id"].str[1:].astype(int), atol=1e-9)


def test_tasks_for_label_studio_hold_the_same_pairs(triage, tmp_path):
    ran, queue = triage("--label-studio", "tasks.json")
    assert "Label Studio tasks and interface: tasks.json, tasks.xml" in ran.stdout
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert [task["data"]["drug_id"] for task in tasks] == queue["drug_id"].tolist()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--threshold", "1", "--thresholds", "p.parquet"], "both say what is sensitive"),
        (["--threshold", "1", "--threshold-by-drug"], "come from one of the two"),
        (["--quota", "novel=0.1"], "The quotas .* cannot be kept"),
        (["--quota", "confident_hit"], "is not KEY=VALUE"),
        (["--label-studio", "tasks.csv"], "Allowed is .json"),
        (["--label-studio", "p.json", "--most-per-drug", "0"], "most_per_drug is 0"),
    ],
)
def test_flags_that_cannot_be_are_refused_and_nothing_is_written(triage, tmp_path, flags, said):
    ran, queue = triage(*flags)
    assert ran.exit_code == 2 and queue is None
    assert pd.Series([ran.stderr.replace("\n", " ")]).str.contains(said).all(), ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["p.parquet"]


def test_a_page_to_review_on_is_written_beside_the_queue(triage, tmp_path):
    ran, queue = triage("--page", "review.html")
    assert ran.exit_code == 0, ran.output
    assert "review page: review.html" in ran.stdout
    text = (tmp_path / "review.html").read_text()
    assert len(re.findall(r'data-opens="\d', text)) == len(queue) > 0


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--page", "review.txt"], "The review page cannot be written as '.txt'"),
        (["--model", "model"], "adds evidence to the review page, and there is none"),
    ],
)
def test_a_page_that_cannot_be_is_refused_before_a_queue_is_made(triage, flags, why):
    ran, queue = triage(*flags)
    assert ran.exit_code == 2 and queue is None
    assert why in " ".join(ran.stderr.split())
