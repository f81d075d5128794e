"""Figures of an explanation draw its numbers, on axes of the caller's or their own."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from rdkit import Chem

from bdrp.errors import DataError
from bdrp.explain import associate
from bdrp.report import explanation
from bdrp.report.explanation import drug_gene_map, interval_shares, volcano, waterfall
from bdrp.report.figures.style import BLUE, VERMILION


@pytest.fixture(scope="module")
def scores():
    """One gene with a strong effect on each of five drugs: G0 on D0, G1 on D1, with signs in turn."""
    rng = np.random.default_rng(0)
    z = pd.DataFrame(rng.normal(size=(90, 30)), [f"L{i}" for i in range(90)], [f"G{j}" for j in range(30)])
    rows = [
        pd.DataFrame(
            {
                "cell_line_id": z.index,
                "drug_id": f"D{drug}",
                "response": 2 * (-1) ** drug * z[f"G{drug}"] + rng.normal(size=90),
            }
        )
        for drug in range(5)
    ]
    return associate(pd.concat(rows), z)


def test_a_volcano_has_a_point_a_gene_and_names_the_surest(scores, drawn):
    seen = drawn(volcano.plot(scores, "D0", "Drug", "ln(µM)"))
    points = np.concatenate([np.asarray(each.get_offsets()) for each in seen.panels[0].collections])
    table = scores.table("D0")
    expected = np.column_stack([table["effect"], -np.log10(table["p"])])
    np.testing.assert_allclose(points[points[:, 1].argsort()], expected[expected[:, 1].argsort()])
    assert "G0" in seen.texts() and seen.outside() == []
    assert seen.labelled["high expression: resistant"][:3] == seen.rgba(VERMILION)[:3]
    assert seen.figure.get_suptitle().startswith("1 gene of 30 with a false discovery rate below 0.05")


def test_steps_of_a_waterfall_sum_to_the_prediction(found, drawn):
    shared = found.contributions
    for pair in (0, 40):
        table = waterfall.steps(shared, pair)
        np.testing.assert_allclose(table["contribution"].sum(), shared.pairs["prediction"][pair], atol=1e-5)
    seen = drawn(waterfall.plot(shared, 0, ("line", "drug"), "ln(µM)"))
    table = waterfall.steps(shared, 0)
    bars = [bar for each in seen.panels[0].containers for bar in getattr(each, "patches", ())]
    np.testing.assert_allclose([abs(bar.get_width()) for bar in bars], table["contribution"].abs()[1:], atol=1e-9)
    assert list(seen.names().values())[-1] == "prediction, 90 % interval" and seen.outside() == []
    colours = [bar.get_facecolor()[:3] for bar in bars]
    expected = [seen.rgba(BLUE if value < 0 else VERMILION)[:3] for value in table["contribution"][1:]]
    np.testing.assert_allclose(colours, expected)


def test_bars_of_intervals_are_as_long_as_their_sd(found, drawn):
    shared = found.contributions
    seen = drawn(interval_shares.plot(shared, [0, 5, 50], ["a", "b", "c"], "ln(µM)"))
    bars = seen.bars()
    ends = [bars[bars[:, 1].round() == row, 2].sum() for row in range(3)]
    np.testing.assert_allclose(ends, shared.pairs["sd"].iloc[[0, 5, 50]], rtol=1e-5)
    assert seen.outside() == []


def test_a_map_sets_alike_drugs_beside_each_other_and_shows_that_they_differ(scores, drawn):
    names = pd.Series({f"D{i}": f"Drug {i}" for i in range(5)})
    seen = drawn(drug_gene_map.plot(scores, [f"D{i}" for i in range(5)], names, 0.01))
    image = np.asarray(seen.panels[0].images[0].get_array())
    table = drug_gene_map.clustered(scores, [f"D{i}" for i in range(5)])
    np.testing.assert_allclose(image, table)
    assert [names[drug] for drug in table.index] == list(seen.names().values())
    assert set(table.columns) >= {f"G{i}" for i in range(5)}
    strongest = table.abs().idxmax(axis=1)
    assert all(strongest[f"D{i}"] == f"G{i}" for i in range(5))


@pytest.mark.parametrize(
    ("correlation", "head"), [(0.01, "Drugs have genes of their own"), (0.99, "Drugs have much the")]
)
def test_a_map_says_whether_drugs_differ(scores, correlation, head):
    assert drug_gene_map.plot(scores, ["D0", "D1"], pd.Series(dtype=str), correlation).claim.startswith(head)


def test_a_map_begins_with_the_drugs_asked_for(scores):
    assert drug_gene_map.choose_drugs(scores, ["D3", "unmeasured"], 3)[0] == "D3"


def test_figures_are_drawn_on_axes_of_the_caller_or_of_their_own(scores, found):
    axes = Figure().subplots()
    assert explanation.draw_volcano(scores, "D1", axes=axes) is axes
    own = explanation.draw_waterfall(found.contributions, 3)
    assert own.get_xlabel() == "predicted response (response)"
    assert explanation.draw_drug_gene_map(scores, ["D0", "D1", "D2"]).images
    assert explanation.draw_interval_shares(found.contributions, [0], ["pair"]).containers


def test_a_molecule_is_coloured_by_its_atoms(hostile_name):
    svg = explanation.draw_molecule("CCO", [-1.0, 0.0, 1.0], hostile_name)
    assert svg.startswith("<svg viewBox=") and svg.rstrip().endswith("</svg>") and "<script" not in svg
    assert {"fill:#338EC1", "fill:#FFFFFF", "fill:#DD7E33"} <= set(re.findall("fill:#[0-9A-F]{6}", svg))
    for smiles in ("[Pt]", "[Na+].[Cl-]"):
        assert "<svg" in explanation.draw_molecule(smiles, [0.0] * Chem.MolFromSmiles(smiles).GetNumAtoms())
    with pytest.raises(DataError, match="2 contributions are given for 3 atoms"):
        explanation.draw_molecule("CCO", [1.0, 2.0])
