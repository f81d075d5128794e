"""Screens of several laboratories as one: ids stay assays, lines are shared, what is known of a compound is shared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bdrp.data import joint
from bdrp.data.screen import Screen
from bdrp.errors import DataError
from bdrp.testing.screens import cut_simulated


def laboratory(name: str, **drugs: Any) -> Screen:
    """Eight lines and four drugs of the simulated screen; `drugs` replaces columns of the drug table."""
    whole = cut_simulated(name, 8, 4, 5, step=9)
    return replace(whole, name=name, drugs=whole.drugs.assign(**drugs), checksums={"table.csv": name})


@pytest.fixture(scope="module")
def parts() -> tuple[Screen, Screen]:
    """The drugs of the second screen bear other ids, and the first two name no target."""
    north, south = laboratory("north"), laboratory("south", target=["", "", "X", "Y"])
    ids = {old: f"{place}" for place, old in enumerate(south.drugs.index)}
    rows = south.responses.assign(drug_id=south.responses["drug_id"].map(ids).astype("str"))
    return north, replace(south, responses=rows, drugs=south.drugs.rename(index=ids))


@pytest.fixture(scope="module")
def both(parts: tuple[Screen, Screen]) -> Screen:
    return joint.join(*parts)


def test_every_response_stays_with_its_laboratory_and_its_assay(parts: tuple[Screen, Screen], both: Screen) -> None:
    north, south = parts
    assert both.name == "north+south" and len(both.responses) == len(north.responses) + len(south.responses)
    for screen in parts:
        rows = both.responses[both.responses["laboratory"] == screen.name]
        assert rows["response"].tolist() == screen.responses["response"].tolist()
        assert rows["upper_limit"].tolist() == screen.responses["upper_limit"].tolist()
        assert rows["drug_id"].tolist() == [f"{screen.name}:{drug}" for drug in screen.responses["drug_id"]]
        assert both.drugs.index[both.drugs["laboratory"] == screen.name].tolist() == [
            f"{screen.name}:{drug}" for drug in screen.drugs.index
        ]


def test_two_ids_of_one_compound_in_one_laboratory_stay_two_assays() -> None:
    north, south = laboratory("north"), laboratory("south")
    twin = north.drugs.index[0]
    again = north.responses[north.responses["drug_id"] == twin].assign(drug_id="twin")
    rows = np.concatenate([north.responses.to_numpy(), again.to_numpy()])
    responses = again.iloc[:0].reindex(range(len(rows)))
    responses[:] = rows
    responses = responses.astype(dict(north.responses.dtypes))
    table = north.drugs.reindex([*north.drugs.index, twin]).set_axis([*north.drugs.index, "twin"])
    made = joint.join(replace(north, responses=responses, drugs=table.rename_axis("drug_id")), south)
    assert {f"north:{twin}", "north:twin", f"south:{twin}"} <= set(made.responses["drug_id"])
    assert made.drugs["structure_key"].eq(made.drugs.loc["north:twin", "structure_key"]).sum() == 3
    assert any("each id is an assay of one compound" in notice for notice in made.notices)


def test_lines_are_one_with_the_profiles_of_the_first(parts: tuple[Screen, Screen], both: Screen) -> None:
    assert both.cell_lines.equals(parts[0].cell_lines)
    assert both.expression.equals(parts[0].expression)


def test_a_target_that_one_laboratory_lacks_is_the_others(parts: tuple[Screen, Screen], both: Screen) -> None:
    north, _ = parts
    assert both.drugs.loc[["south:0", "south:1"], "target"].tolist() == north.drugs["target"].iloc[:2].tolist()
    assert both.drugs.loc[["south:2", "south:3"], "target"].tolist() == ["X", "Y"]  # its own, where it names one


def test_files_and_notices_say_whose_they_are(both: Screen) -> None:
    assert dict(both.checksums) == {"north/table.csv": "north", "south/table.csv": "south"}
    assert any(notice.startswith("south: ") for notice in both.notices)


def test_the_measure_is_one_that_all_offer() -> None:
    assert joint.common_measure(["gdsc2", "gdsc1", "ccle"]) == "ln_ic50_um"
    assert joint.common_measure(["ctrp", "gdsc2"]) == "auc_fraction"


def test_screens_of_no_common_measure_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    offers = {"one": ("ln_ic50_um",), "two": ("auc_fraction",)}
    monkeypatch.setattr(joint.sources, "measures", offers.__getitem__)
    with pytest.raises(DataError, match="no measure in common: one offers ln_ic50_um; two offers auc_fraction"):
        joint.common_measure(["one", "two"])


def test_options_are_of_the_screen_that_they_name() -> None:
    names = ["gdsc2", "ccle"]
    assert joint.options_by_screen({"ccle.profile": "rnaseq_z"}, names) == {"ccle": {"profile": "rnaseq_z"}}
    for option in ("profile", "ctrp.profile", "ccle."):
        with pytest.raises(DataError, match="is of no screen of gdsc2, ccle"):
            joint.options_by_screen({option: 1}, names)


def test_one_screen_twice_is_refused() -> None:
    with pytest.raises(DataError, match="2 screens named simulated, simulated"):
        joint.load(["simulated", "simulated"])


def with_doses(screen: Screen, doses: list[float]) -> Screen:
    """The screen with a highest dose for each of its drugs, NaN where it tells none."""
    limits = screen.responses["drug_id"].map(dict(zip(screen.drugs.index, doses, strict=True)))
    return replace(screen, responses=screen.responses.assign(lower_limit=np.nan, upper_limit=limits))


@pytest.mark.parametrize("other", [[np.nan] * 4, [20.0] * 4])
def test_where_a_laboratory_plans_no_doses_its_assays_have_what_others_planned_for_the_compound(
    other: list[float], parts: tuple[Screen, Screen]
) -> None:
    north, south = parts
    both = joint.join(with_doses(north, [1.0, 2.0, 3.0, np.nan]), with_doses(south, other))
    planned = both.tested_drugs()["upper_limit"]
    assert planned.tolist() == pytest.approx([1.0, 2.0, 3.0, np.nan] * 2, nan_ok=True)
    alone = with_doses(south, other).tested_drugs()["upper_limit"]  # of one laboratory doses are as they are
    assert alone.tolist() == pytest.approx(other, nan_ok=True)


def test_doses_that_a_laboratory_planned_itself_stay(parts: tuple[Screen, Screen]) -> None:
    north, south = parts
    both = joint.join(with_doses(north, [1.0, 2.0, 3.0, 4.0]), with_doses(south, [5.0, 6.0, 7.0, np.nan]))
    assert both.tested_drugs()["upper_limit"].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 4.0]
