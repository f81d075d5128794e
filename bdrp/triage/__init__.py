"""Which predictions an expert should look at first, why, and in a form that can be reviewed."""

from bdrp.triage.export import export, places
from bdrp.triage.policy import Policy, Weights
from bdrp.triage.predictions import read_predictions
from bdrp.triage.queue import rank, summary
from bdrp.triage.reasons import REASONS

__all__ = ["REASONS", "Policy", "Weights", "export", "places", "rank", "read_predictions", "summary"]
