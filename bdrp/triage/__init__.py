"""Which predictions an expert should look at first, why, and in a form that can be reviewed."""

from bdrp.triage import review
from bdrp.triage.decision import DECISIONS
from bdrp.triage.export import export, export_tasks, places, task_places
from bdrp.triage.policy import Policy, Weights
from bdrp.triage.predictions import list_pairs, read_predictions
from bdrp.triage.queue import rank, summary
from bdrp.triage.reasons import REASONS
from bdrp.triage.retrospect import simulate_review
from bdrp.triage.thresholds import read_thresholds

__all__ = [
    "DECISIONS",
    "REASONS",
    "Policy",
    "Weights",
    "export",
    "export_tasks",
    "list_pairs",
    "places",
    "rank",
    "read_predictions",
    "read_thresholds",
    "review",
    "simulate_review",
    "summary",
    "task_places",
]
