"""Fitted curves as tables: responses that the source `tables` reads, every curve, every plate, and the noise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Final

import pandas as pd

from bdrp.data.dose_response import growth
from bdrp.data.dose_response.fitting import FittedCurves
from bdrp.data.dose_response.points import KEYS
from bdrp.data.dose_response.summary import MEASURES
from bdrp.data.measures import LN_CONCENTRATIONS
from bdrp.files import atomic, outputs, strict_json, tables

CURVES: Final = "curves.parquet"
PLATES: Final = "plates.csv"
WELLS: Final = "wells.parquet"
RECORD: Final = "curves.json"
SD: Final = "response_sd"
"""The column of a response's own measurement error."""


def responses_file(measure: str) -> str:
    """The name of the responses in one measure."""
    return f"{measure}.csv"


def guard(out: Path, inputs: Iterable[Path]) -> None:
    """Refuse a folder in which something would be lost, before any curve is fitted.

    Raises:
        OutputError: naming what is an input, lies in a model folder, or is no earlier result.
    """
    results: dict[Path, outputs.Own] = {
        out / responses_file(measure): outputs.has_columns(["cell_line_id", "drug_id", measure, SD])
        for measure in (*MEASURES, *growth.MEASURES)
    }
    results |= {
        out / CURVES: outputs.has_columns([*KEYS, "ln_evidence"]),
        out / PLATES: outputs.has_columns(["plate", "z_prime", "doubts"]),
        out / WELLS: outputs.has_columns([*KEYS, "viability"]),
        out / RECORD: lambda path: "noise" in strict_json.read(path),
    }
    outputs.guard(results, inputs)


def responses(curves: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Responses of one measure as `--screen tables` reads them, a row a curve: those of other plates are replicates.

    `response_sd` is the posterior SD; the doses are what limits of ln IC50 come from.
    """
    columns = {name: curves[name] for name in ("cell_line_id", "drug_id", measure)} | {SD: curves[f"{measure}_sd"]}
    if measure in LN_CONCENTRATIONS:
        columns |= {name: curves[name] for name in ("min_conc_um", "max_conc_um")}
    return pd.DataFrame(columns).dropna(subset=measure)


def write(fitted: FittedCurves, out: Path) -> list[Path]:
    """Write the tables; each appears whole or not at all.

    Returns:
        Their paths, the responses first.

    Raises:
        OutputError: they cannot be written.
    """
    measured = [measure for measure in (*MEASURES, *growth.MEASURES) if measure in fitted.curves]
    frames = {responses_file(measure): responses(fitted.curves, measure) for measure in measured}
    frames |= {CURVES: fitted.curves, WELLS: fitted.wells.drop(columns="curve")}
    if len(fitted.points.plates):
        frames[PLATES] = fitted.points.plates.reset_index()
    with atomic.refusing("The screen", out):
        for name, frame in frames.items():
            tables.write(frame, out / name, {})
        for name in {PLATES, *map(responses_file, growth.MEASURES)} - frames.keys():
            (out / name).unlink(missing_ok=True)  # of an earlier run
        strict_json.write(out / RECORD, record(fitted))
    return [out / name for name in (*frames, RECORD)]


def record(fitted: FittedCurves) -> dict[str, object]:
    """What the fit was: noise, options, counts and notices."""
    flags = fitted.curves["flags"].str.get_dummies(";").sum()
    return {
        "noise": asdict(fitted.noise),
        "options": asdict(fitted.options),
        "curves": len(fitted.curves),
        "wells": int(fitted.curves["wells"].sum()),
        "plates": len(fitted.points.plates),
        "flags": {str(name): int(count) for name, count in flags.items() if name},
        "notices": list(fitted.points.notices),
    }
