"""What the page opens with: title, subtitle, the evidence for the summary, and six numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from bdrp.report import words
from bdrp.report.evaluation.summary import Evidence
from bdrp.report.html.parts import Tile


def title(card: Mapping[str, Any]) -> str:
    """The page's title: the one given, or a question about the method and the screen."""
    if card.get("title"):
        return str(card["title"])
    method = words.heading(card.get("method") or "A model")
    return f"{method} on {_screen(card)}: can its predictions be trusted?"


def _screen(card: Mapping[str, Any]) -> str:
    screen = card.get("screen")
    named = screen.get("name") if isinstance(screen, Mapping) else screen
    return str(named or "a drug screen")


def subtitle(metrics: Mapping[str, Any], summary: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    """How many pairs, lines, drugs and tissues were held out, and what was measured."""
    seen = metrics["n"]
    counted = [
        words.count(seen[key], one)
        for key, one in (("pairs", "response"), ("cell_lines", "cell line"), ("drugs", "drug"), ("tissues", "tissue"))
    ]
    within = f" within {summary['laboratory']}" if summary.get("laboratory") else ""
    held_out = f"Held out {words.by(summary['by'])}{within}: " if summary.get("by") else "Held out: "
    seed = f" Seed {card['seed']}." if card.get("seed") is not None else ""
    measure = f"Measure: {metrics['measure']}, in {metrics['unit']}."
    return f"{held_out}{', '.join(counted)}. {measure}{seed}{_laboratory(card.get('laboratory'))}"


def _laboratory(carried: Mapping[str, Any] | None) -> str:
    """What predictions carry for being of another laboratory than that of the responses; nothing at home."""
    if not carried:
        return ""
    return (
        f" Predicted as if for another laboratory, {carried['width_ratio']:.2f} times as wide in the median, but the "
        "responses are of the model's own: coverage above the nominal level is what is to be seen here."
    )


def evidence(metrics: Mapping[str, Any], split: str) -> Evidence:
    """What the summary rests on, taken from the metrics."""
    point, ninety, seen = metrics["point"], metrics["coverage"]["90"], metrics["selective"]
    return Evidence(
        pairs=metrics["n"]["pairs"],
        split=split,
        unit=metrics["unit"],
        measure=metrics["measure"],
        coverage_90=ninety["coverage"],
        coverage_lower=ninety["lower"],
        coverage_upper=ninety["upper"],
        width_90=ninety["width"],
        rmse=point["rmse"],
        baseline_rmse=(metrics.get("naive") or {}).get("rmse"),
        surest_tenth_rmse=_retained_rmse(point["rmse"], seen["kept_at_10"]),
        baseline_tenth_rmse=_retained_rmse(point["rmse"], seen.get("drug_sd_kept_at_10")),
        censored=metrics["extrapolated"]["share"],
    )


def _retained_rmse(rmse: float, retained: float | None) -> float | None:
    """The RMSE of the pairs retained, from the share of the squared error that they retain."""
    return None if retained is None else rmse * math.sqrt(retained)


def tiles(metrics: Mapping[str, Any], seen: Evidence) -> tuple[Tile, ...]:
    """The six numbers that stand under the summary."""
    ninety, point = metrics["coverage"]["90"], metrics["point"]
    bounds = (
        ""
        if ninety["lower"] is None
        else f"{words.percent(ninety['lower'])} to {words.percent(ninety['upper'])} with lines and drugs resampled"
    )
    baseline = (
        "baseline unknown" if seen.baseline_rmse is None else f"mean effects {words.number(seen.baseline_rmse, 2)}"
    )
    surest = seen.surest_tenth_rmse
    return (
        Tile("90 % intervals cover", words.percent(seen.coverage_90), bounds),
        Tile("Their mean width", words.number(seen.width_90, 2), metrics["unit"]),
        Tile("RMSE", words.number(seen.rmse, 2), baseline),
        Tile("RMSE of the surest tenth", words.number(surest, 2), "by predicted SD"),
        Tile("Within-drug Pearson", words.number(point["within_drug_pearson"], 2), "are cell lines distinguished?"),
        Tile(
            "NLL, CRPS",
            " · ".join(words.number(metrics["probabilistic"][key], 2) for key in ("nll", "crps")),
            "low is good",
        ),
    )
