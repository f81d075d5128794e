"""The few metrics of a report that fit on a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from bdrp.cli import console

if TYPE_CHECKING:
    from bdrp.evaluation import Scores

MISSING = "–"
MAIN: Final = ("measure", "unit", "n", "point", "naive", "probabilistic", "coverage", "calibration")
"""What of scores.json is a main figure."""


def print_summary(scores: Scores) -> None:
    """Error, likelihood and coverage of the held-out pairs, each beside what it is measured against."""
    from rich.table import Table

    scored = scores.to_dict()
    console.record(scores={name: scored[name] for name in MAIN})
    table = Table("metric", box=None, header_style="bold")
    table.add_column("model", justify="right")
    table.add_column("beside")
    for row in _rows(scored):
        table.add_row(*row)
    console.print_line(f"\n{scored['n']['pairs']:,} held-out responses, in {scored['unit']}")
    console.print_table(table)


def _rows(scored: dict[str, Any]) -> list[tuple[str, str, str]]:
    point, baseline, density = scored["point"], scored["naive"], scored["probabilistic"]
    rows = [("RMSE", _number(point["rmse"]), f"mean effects {_number(baseline['rmse'])}")]
    rows.append(("NLL", _number(density["nll"]), ""))
    rows.append(("CRPS", _number(density["crps"]), ""))
    for level in ("50", "80", "90", "95"):
        at = scored["coverage"][level]
        beside = f"{_percent(at['lower'])} to {_percent(at['upper'])}; mean width {_number(at['width'])}"
        rows.append((f"coverage of {level} % intervals", _percent(at["coverage"]), beside))
    error = scored["calibration"]
    rows.append(("ENCE", _number(error["ence"]), f"if calibrated {_number(error['ence_null_mean'])}"))
    rows.append(("censored responses", _percent(scored["extrapolated"]["share"]), ""))
    return rows


def _number(value: float | None) -> str:
    return MISSING if value is None or not math.isfinite(value) else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return MISSING if value is None or not math.isfinite(value) else f"{100 * value:.1f} %"
