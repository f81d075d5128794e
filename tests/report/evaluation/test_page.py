from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import pytest

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Reader(HTMLParser):
    """Collects what a page is made of; complains about tags that do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.tags, self.ids, self.values, self.text, self.wrong = [], [], [], [], [], []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]
        self.values += [value for name, value in attrs if tag == "data" and name == "value"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.wrong.append(tag)
        else:
            self.open.pop()

    def handle_data(self, data):
        self.text.append(data)


def read(path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    return reader


def leaves(value, path=()):
    """Every number of a JSON value with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from leaves(inner, (*path, position))
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path, value


@pytest.fixture(scope="module")
def written(case, tmp_path_factory):
    return case.write(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def record(written):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads((written.parent / "scores.json").read_text(encoding="utf-8"), parse_constant=refuse)


def test_the_report_is_two_files_and_leaves_nothing_else_behind(written):
    assert written.name == "report.html"
    assert sorted(path.name for path in written.parent.iterdir()) == ["report.html", "scores.json"]


def test_the_page_is_well_formed_and_its_links_lead_somewhere(written):
    page = read(written)
    assert page.wrong == [] and page.open == []
    targets = {value[1:] for name, value in page.attributes if name == "href" and value and value.startswith("#")}
    assert len(targets) > 10
    assert targets <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_the_page_asks_the_network_for_nothing(written):
    text = written.read_text(encoding="utf-8")
    page = read(written)
    assert "default-src 'none'" in text
    assert not {"script", "link", "iframe", "object", "embed", "base", "form", "img"} & set(page.tags)
    assert not re.search(r"https?://|//[a-z]+\.[a-z]|@import|xmlns", text)
    assert all(
        re.match(r"#|data:image/png;base64,", value) for name, value in page.attributes if name in ("href", "src")
    )
    assert all(re.match(r"url\(#", found) for found in re.findall(r"url\([^)]*", text))
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_every_number_of_the_json_file_is_on_the_page(written, record):
    shown = set(read(written).values)
    topics = (
        "n",
        "point",
        "naive",
        "probabilistic",
        "coverage",
        "calibration",
        "selective",
        "extrapolated",
        "as_observed",
        "beyond",
        "noise",
        "worst_groups",
    )
    assert set(topics) < set(record)
    numbers = {topic: record[topic] for topic in topics} | {
        name: record["tables"][name] for name in ("by_drug", "by_tissue", "by_line")
    }
    missing = [path for path, value in leaves(numbers) if repr(value) not in shown]
    assert missing == []


def test_the_json_file_holds_what_the_scores_hold_and_where_they_come_from(case, record):
    assert {key: record[key] for key in case.scores.to_dict()} == case.scores.to_dict()
    assert record["split"]["parts"]["test"]["pairs"] == 4321
    assert record["model"]["checksums"]["responses.csv"].startswith("sha256:")
    assert record["before_recalibration"] == case.before.to_dict()
    assert len(record["tables"]["by_drug"]) == 20


def test_every_figure_is_there_and_states_its_claim_in_numbers(written):
    page = read(written)
    figures = [name for name in page.ids if name.startswith("figure-")]
    assert sorted(figures) == sorted(
        f"figure-{name}"
        for name in (
            *("reliability", "coverage", "pit-histogram", "pit-ecdf", "recalibration", "censored"),
            *("groups-drug", "levels-drug", "groups-tissue", "levels-tissue"),
            *("groups-cell-line", "levels-cell-line"),
            *("predicted-observed", "sharpness", "error-sd", "risk-coverage"),
            *("right-censored", "noise", "predicted-rank"),
        )
    )
    claims = [value for name, value in page.attributes if name == "aria-label" and re.search(r"\d", value)]
    assert len(claims) == len(figures)


def test_the_page_says_what_the_split_was_and_where_the_model_comes_from(written):
    text = " ".join(read(written).text)
    for expected in (
        "Fold 0 of 5 over 60 patients.",
        "4,321",
        "0123456789abcdef" * 4,
        "2.13.0",
        "variance_scaling",
        "1.25",
    ):
        assert expected in text


def test_recalibration_that_changed_nothing_is_said_once_and_not_drawn(case, written, unrendered, tmp_path):
    same = read(case.write(tmp_path, before=case.scores))
    assert "Recalibration found nothing to change" in " ".join(same.text)
    assert "figure-recalibration" not in same.ids
    assert "Before recalibration" in read(written).text and "Before recalibration" not in same.text


def test_groups_that_chance_does_not_explain_are_named(make_case, unrendered, tmp_path):
    case = make_case(stretch=1.6, tissues=2, recalibrated=False)
    text = " ".join(read(case.write(tmp_path)).text)
    off = case.scores.worst_groups.query("p_holm < 0.05")
    assert f"for {off['name'].iloc[0]} (" in text
    calm = replace(case.scores, worst_groups=case.scores.worst_groups.assign(p_holm=1.0))
    text = " ".join(read(replace(case, scores=calm).write(tmp_path)).text)
    assert "coverage is further from 90\u202f% than chance explains" in text


def test_hostile_names_stay_text(make_case, hostile_name, unrendered, tmp_path):
    case = make_case(drugs=3, names=hostile_name + "{}", recalibrated=False)
    card = {"method": hostile_name, "options": {hostile_name: hostile_name}, "title": hostile_name}
    path = case.write(tmp_path, model_card=card, split_summary={"by": hostile_name, "description": hostile_name})
    raw, page = path.read_text(encoding="utf-8"), read(path)
    assert "script" not in page.tags and "<script" not in raw
    assert page.wrong == []
    assert sum("<script>" in text for text in page.text) > 5
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u2028]", raw)
    assert json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))["tables"]["by_drug"][0]["n"] == 30


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param({"pairs": 5, "drugs": 2, "tissues": 1}, id="five pairs"),
        pytest.param({"pairs": 1, "drugs": 1, "tissues": 1}, id="one pair"),
        pytest.param({"drugs": 1, "tissues": 1, "limits": False, "recalibrated": False}, id="one drug, no limits"),
    ],
)
def test_unusual_sizes_still_give_a_whole_page(make_case, unrendered, tmp_path, shape):
    path = make_case(**shape).write(tmp_path, split_summary={}, model_card={})
    page = read(path)
    assert page.wrong == []
    assert page.tags.count("svg") >= 10
    assert not {"nan", "none", "inf"} & set(" ".join(page.text).lower().split())


def test_the_same_scores_give_the_same_bytes(case, written, tmp_path):
    again = case.write(tmp_path)
    assert again.read_bytes() == written.read_bytes()
    assert (tmp_path / "scores.json").read_bytes() == (written.parent / "scores.json").read_bytes()


def test_a_page_of_many_pairs_stays_small_and_quick(make_case, tmp_path):
    case = make_case(lines=60, drugs=240, tissues=40, recalibrated=False)
    start = time.process_time()
    path = case.write(tmp_path)
    assert time.process_time() - start < 15
    assert path.stat().st_size < 2_000_000


def test_templates_leave_no_placeholder_behind(written):
    words = [text for text in read(written).text if not text.lstrip().startswith(("*", ":root"))]
    assert not [text for text in words if "{" in text]
