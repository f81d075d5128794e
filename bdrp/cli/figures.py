"""The few figures of a report that fit on a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bdrp.cli import speech

if TYPE_CHECKING:
    from bdrp.evaluation import Scores

MISSING = "–"


def show_figures(scores: Scores) -> None:
    """Error, likelihood and coverage of the held-out pairs, each beside what it is measured against."""
    from rich.table import Table

    figures = scores.to_dict()
    table = Table("figure", box=None, header_style="bold")
    table.add_column("model", justify="right")
    table.add_column("beside")
    for row in _rows(figures):
        table.add_row(*row)
    speech.result(f"\n{figures['n']['pairs']:,} held-out responses, in {figures['unit']}")
    speech.show(table)


def _rows(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    point, naive, odds = figures["point"], figures["naive"], figures["probabilistic"]
    rows = [("RMSE", _number(point["rmse"]), f"mean effects {_number(naive['rmse'])}")]
    rows.append(("NLL", _number(odds["nll"]), ""))
    rows.append(("CRPS", _number(odds["crps"]), ""))
    for level in ("50", "80", "90", "95"):
        at = figures["coverage"][level]
        beside = f"{_percent(at['lower'])} to {_percent(at['upper'])}; mean width {_number(at['width'])}"
        rows.append((f"coverage of {level} % intervals", _percent(at["coverage"]), beside))
    error = figures["calibration"]
    rows.append(("ENCE", _number(error["ence"]), f"if calibrated {_number(error['ence_null_mean'])}"))
    rows.append(("extrapolated responses", _percent(figures["extrapolated"]["share"]), ""))
    return rows


def _number(value: float | None) -> str:
    return MISSING if value is None or not math.isfinite(value) else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return MISSING if value is None or not math.isfinite(value) else f"{100 * value:.1f} %"
