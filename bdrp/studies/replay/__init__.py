"""A measured screen replayed in batches: what acquisition functions learn of it, label by label, beside random."""

from bdrp.studies.replay.learning_curves import Replayed, gather_curves
from bdrp.studies.replay.protocol import Protocol
from bdrp.studies.replay.rounds import replay

__all__ = ["Protocol", "Replayed", "gather_curves", "replay"]
