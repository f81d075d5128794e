"""A question about two drugs on a line, by names."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from bdrp.errors import DataError, OutputError
from bdrp.report import combinations
from bdrp.report.answers import Criteria, ask_model

QUANTILE = Criteria("quantile", share=0.2)


def test_single_chances_are_those_of_the_answer(trained, tiny_screen):
    line = tiny_screen.cell_lines["name"].iloc[0]
    found = combinations.ask(trained[0], tiny_screen, line=line, criteria=QUANTILE)
    answer = ask_model(trained[0], tiny_screen, line=line, criteria=QUANTILE).pairs.set_index("drug_id")["chance"]
    assert found.line == line and "own lines" in found.active_means
    for side in ("a", "b"):
        expected = answer.loc[found.table[f"drug_id_{side}"]].to_numpy()
        assert found.table[f"chance_{side}"].to_numpy() == pytest.approx(expected, abs=1e-4)


def test_one_drug_is_paired_with_all_others_and_several_with_each_other(trained, tiny_screen):
    names = tiny_screen.drugs["name"].tolist()
    one, three, every = (
        combinations.ask(trained[0], tiny_screen, line="SIM0001", among=among, criteria=QUANTILE).table
        for among in (names[:1], names[:3], ())
    )
    assert len(one) == 11 and ((one["drug_a"] == names[0]) | (one["drug_b"] == names[0])).all()
    assert len(three) == 3 and set(three["drug_a"]) | set(three["drug_b"]) == set(names[:3])
    assert len(every) == 66 and every["rank"].tolist() == list(range(1, 67))


def test_a_compound_is_not_combined_with_itself(trained, tiny_screen):
    twin = tiny_screen.drugs.iloc[[0]].set_axis(["twin"]).assign(name="twin")
    model = trained[0]
    found = combinations.ask(model, tiny_screen, line="SIM0001", new_drugs=twin, criteria=Criteria("highest_dose"))
    ids = found.table[["drug_id_a", "drug_id_b"]]
    assert not (ids.isin(["twin", tiny_screen.drugs.index[0]]).sum(axis=1) == 2).any()
    assert "twin" in found.left_out or (ids == "twin").any(axis=None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"line": "nowhere"}, "no cell line 'nowhere'"),
        ({}, "none was given"),
        ({"line": "SIM0001", "among": ["aspirin"]}, "no drug 'aspirin'"),
    ],
)
def test_what_is_not_known_is_refused(trained, tiny_screen, arguments, said):
    with pytest.raises(DataError, match=said):
        combinations.ask(trained[0], tiny_screen, criteria=QUANTILE, **arguments)


def test_the_page_is_one_file_with_its_tables_beside_it(trained, tiny_screen, tmp_path):
    found = combinations.ask(trained[0], tiny_screen, line="SIM0001", criteria=QUANTILE)
    written = combinations.write(found, tmp_path / "pairs.html")
    assert [path.name for path in written] == ["pairs.html", "pairs.xlsx", "pairs.csv"]
    page = written[0].read_text()
    assert page.count("<tr class=") == 66 and "synergy" in page and page.count("<script>") == 1
    assert all(name in page for name in tiny_screen.drugs["name"]) and "measured" in page
    assert combinations.write(found, tmp_path / "pairs.html") == written  # an earlier one is replaced


def test_names_stay_text_and_long_tables_are_cut_on_the_page(trained, tiny_screen, hostile_name):
    found = combinations.ask(trained[0], tiny_screen, line="SIM0001", criteria=QUANTILE)
    table = pd.concat([found.table.assign(drug_a=hostile_name)] * 40, ignore_index=True)
    page = combinations.render_page(replace(found, line=hostile_name, table=table))
    assert page.count("<script>") == 1 and "&lt;script&gt;" in page
    assert page.count("<tr class=") == 2_000 and "2,000 pairs that gain most of 2,640" in page


def test_the_table_says_that_it_is_no_synergy_model(trained, tiny_screen, tmp_path):
    found = combinations.ask(trained[0], tiny_screen, line="SIM0001", criteria=QUANTILE)
    combinations.write(found, tmp_path / "pairs.xlsx")
    legend = pd.read_excel(tmp_path / "pairs.xlsx", sheet_name="legend").to_string()
    assert "synergy" in legend
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    with pytest.raises(OutputError, match="something else"):
        combinations.write(found, tmp_path / "mine.csv")
