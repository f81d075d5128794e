"""Published screens are read as what they are, under their own headers and in every other unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data import sources
from bdrp.data.quantities import QUANTITIES, Stated, choose_response, shape
from bdrp.errors import DataError

PATH = Path("r.csv")


@pytest.mark.parametrize(
    ("name", "measure"), [("gdsc2", "ln_ic50_um"), ("ccle", "auc_fraction"), ("ctrp", "auc_fraction")]
)
def test_a_real_screen_is_read_under_telling_names_and_refused_under_false_ones(
    name: str, measure: str, real_data: Path
) -> None:
    truth = sources.load(name, real_data, measure).responses["response"].to_numpy()
    for quantity in QUANTITIES.values():
        if quantity.measure != measure or quantity.name.endswith(("_pm", "_mm")):
            continue
        values = (truth - quantity.offset) / quantity.slope
        raw = pd.DataFrame({quantity.name: np.exp(values) if quantity.raw else values, "other": 1})
        raw = raw.rename(columns={"ln_um": "LN_IC50", "auc_fraction": "AUC"} | {
            one: one.replace("_", "_ic50_") for one in raw.columns if one.startswith(("log", "ln_")) and one != "ln_um"
        })  # fmt: skip
        chosen = choose_response(raw, Stated(measure=measure), PATH)
        np.testing.assert_allclose(chosen.response, truth, atol=1e-6)
        if quantity.name in ("pic50", "log10_m", "ic50_nm", "aac", "auc_percent"):
            false = raw.rename(columns=lambda _: "ln_ic50_um" if measure == "ln_ic50_um" else "auc_fraction")
            with pytest.raises(DataError):
                choose_response(false.iloc[:, :1], Stated(measure=measure), PATH)


def test_few_single_drugs_of_gdsc2_must_be_stated_under_our_own_name(real_data: Path) -> None:
    rows = sources.load("gdsc2", real_data).responses
    doubts = rows.groupby("drug_id")["response"].agg(lambda one: shape.doubt(QUANTITIES["ln_um"], one.to_numpy()))
    assert (doubts != "").mean() < 0.35
