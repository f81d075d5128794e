"""The page of a batch: what it draws, and what it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bdrp.design import Expected, Proposal
from bdrp.design.plates import find_format, lay_out
from bdrp.errors import OutputError
from bdrp.report import design
from bdrp.report.design import figures
from bdrp.report.design.page import render_page
from bdrp.report.figures import svg

BROUGHT = Expected(1.0, 0.9, 0.97, 50)


@pytest.fixture
def make_proposal():
    def make(by="epig", expected=BROUGHT, lines=3, drugs=12, name="BREAST-1"):
        pairs = [(line, drug) for line in range(lines) for drug in range(drugs)]
        table = pd.DataFrame(
            {
                "rank": np.arange(1, len(pairs) + 1),
                "cell_line_id": [f"L{line}" for line, _ in pairs],
                "line_name": [f"{name}{line}" for line, _ in pairs],
                "tissue": "Breast",
                "drug_id": [f"D{drug}" for _, drug in pairs],
                "drug_name": [f"drug {drug}" for _, drug in pairs],
                **dict.fromkeys(("mean", "std", "epistemic_std", "q05", "q95", "score"), 0.5),
                "cost": 1.0,
            }
        )
        return Proposal(table, expected, by, "tissue Breast", "ln(µM)", 400, ("of 900 pairs 400 were looked at",))

    return make


def test_a_square_is_drawn_for_each_pair_and_all_names_stand_at_the_axes(make_proposal):
    axes = figures.draw_batch(make_proposal().table, Figure().subplots())
    assert len(axes.collections[0].get_offsets()) == 36
    assert len(axes.get_xticklabels()) == 12 and len(axes.get_yticklabels()) == 3


def test_of_many_lines_their_number_is_said(make_proposal):
    axes = figures.draw_batch(make_proposal(lines=61, drugs=2).table, Figure().subplots())
    assert axes.get_ylabel() == "61 lines" and len(axes.get_xticklabels()) == 2


@pytest.mark.parametrize(("wells", "plates"), [("96", 6), ("384", 3)])
def test_each_column_of_each_plate_is_drawn(make_proposal, wells, plates):
    laid = lay_out(make_proposal().table, find_format(wells), 2)
    axes = figures.draw_plates(laid, Figure().subplots())
    assert len(axes.patches) == len(laid) == 36 + 2 * plates and len(axes.get_yticklabels()) == plates
    assert len(axes.get_lines()) == 1  # between the two thaws


def test_the_page_says_what_is_expected_beside_random(make_proposal):
    proposal = make_proposal()
    page = render_page(proposal, lay_out(proposal.table, find_format("96"), 4)).replace("\u202f", " ")
    assert "falls by 10.0 %, by 3.0 % with as many pairs at random" in page
    assert "Of 900 pairs 400 were looked at." in page and "tissue Breast" in page


def test_a_batch_that_brings_little_is_in_doubt_and_one_for_hits_says_so(make_proposal, monkeypatch):
    monkeypatch.setattr(svg, "render", lambda plot: "")
    little, hits = make_proposal(expected=Expected(1.0, 0.999, 1.0, 9)), make_proposal(by="thompson")
    pages = [render_page(each, lay_out(each.table, find_format("96"), 4)) for each in (little, hits)]
    assert "falls by 0.1" in pages[0] and "looks for the most sensitive lines" in pages[1]


def test_names_of_a_user_stay_text(make_proposal):
    proposal = make_proposal(name="<script>alert(1)</script>")
    page = render_page(proposal, lay_out(proposal.table, find_format("96"), 4))
    assert "<script>alert" not in page


def test_what_is_no_earlier_batch_is_not_replaced(make_proposal, tmp_path):
    proposal = make_proposal()
    plates = lay_out(proposal.table, find_format("96"), 4)
    design.write(proposal, plates, tmp_path / "batch.xlsx")
    design.write(proposal, plates, tmp_path / "batch.xlsx")
    (tmp_path / "mine-plates.csv").write_text("my,plates\n1,2\n")
    with pytest.raises(OutputError, match="mine-plates.csv"):
        design.write(proposal, plates, tmp_path / "mine.csv")
    assert not (tmp_path / "mine.csv").exists()
