"""The page: summary, figures and tables in reading order, one HTML file that asks the network for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bdrp.report.evaluation import opening, sections, topics
from bdrp.report.evaluation.page_figures import UNKNOWN_UNIT, PageFigures
from bdrp.report.evaluation.summary import summarise
from bdrp.report.html.page import render

if TYPE_CHECKING:
    import pandas as pd

    from bdrp.evaluation import PosteriorCheck, Scores
    from bdrp.predictive import PredictiveDistribution


def render_page(
    scores: Scores,
    pred: PredictiveDistribution,
    observed: pd.DataFrame,
    *,
    split_summary: Mapping[str, Any],
    model_card: Mapping[str, Any],
    before: Scores | None = None,
    posterior: PosteriorCheck | None = None,
) -> str:
    """The report as HTML; the arguments are those of `bdrp.report.write`."""
    metrics, earlier = scores.to_dict(), None if before is None else before.to_dict()
    recalibrated = earlier != metrics
    metrics["unit"] = metrics["unit"] or UNKNOWN_UNIT
    figures = PageFigures(scores, pred, observed["response"].to_numpy(float), before if recalibrated else None)
    seen = opening.evidence(metrics, str(split_summary.get("by", "")))
    shown = (
        sections.held_out(metrics, split_summary, figures),
        sections.calibration(figures, recalibrated=recalibrated),
        sections.groups("tissue", "tissues", figures),
        sections.groups("drug", "drugs", figures),
        sections.groups("cell line", "cell lines", figures),
        sections.worst(scores),
        sections.accuracy(figures),
        sections.ranking(metrics, figures),
        sections.right_censored(metrics, scores, figures),
        *topics.sections(scores, metrics, figures.unit),
        sections.posterior(posterior, figures),
        sections.all_metrics(metrics, earlier if recalibrated else None),
        sections.definitions(posterior),
        sections.provenance(model_card),
    )
    return render(
        kicker="bdrp calibration report",
        beside="scores.json beside it holds",
        title=opening.title(model_card),
        subtitle=opening.subtitle(metrics, split_summary, model_card),
        summary=summarise(seen),
        tiles=opening.tiles(metrics, seen),
        sections=shown,
    )
