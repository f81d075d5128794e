"""What is replayed, and which responses of a screen are known at first, can be asked for, and are scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.design import acquisitions
from bdrp.design.target import Target
from bdrp.errors import DataError
from bdrp.fitted.measured_checks import MOST_ROWS

RANDOM: Final = "random"
PARTS: Final = {"train": 0.75, "validation": 0.1, "calibration": 0.15}
"""Shares of the first labels; after the recalibration is chosen, the fit takes all of them."""
FEWEST: Final = 60  # labels to begin with; chosen: of fewer no recalibration can be chosen
Positions = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Protocol:
    """How a screen is replayed; all that decides the results beside the screen.

    Attributes:
        by: acquisition functions; random is always among them.
        seeds: how many times, each with first labels, a pool and scored pairs of its own.
        start: labels that the first model is fitted on.
        batch: labels a round.
        rounds: how many.
        target: which pairs are scored: some of those that it names.
        scored: the share of the target's pairs that is kept back and scored, at most `most_scored`.
        most_scored: see there.
        pool: the most pairs that can be asked for, drawn at random of more.
        refit_every: rounds after which the method is fitted anew on all labels; 0 never does, and updates alone.
        hits: the share of a drug's measured lines that count as hits, the most sensitive ones.
        options: of the method.
    """

    by: tuple[str, ...] = (RANDOM, "epig", "variance", "bald", "greedy_mean", "ucb", "thompson")
    seeds: int = 5
    start: int = 600
    batch: int = 50
    rounds: int = 10
    target: Target = field(default_factory=Target)
    scored: float = 0.2
    most_scored: int = 1000
    pool: int = 3000
    refit_every: int = 0
    hits: float = 0.01
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.by:
            acquisitions.load(name)
        wrong = [name for name in ("seeds", "batch", "rounds", "pool", "most_scored") if getattr(self, name) < 1]
        wrong += ["scored"] if not 0 < self.scored < 1 else []
        wrong += ["hits"] if not 0 < self.hits < 1 else []
        wrong += ["start"] if self.start < FEWEST else []
        wrong += ["refit_every"] if self.refit_every < 0 else []
        if wrong:
            raise DataError(
                f"A replay cannot be made with {', '.join(f'{name} {getattr(self, name)}' for name in wrong)}. "
                f"Allowed: numbers from 1 on, shares between 0 and 1, and a start of {FEWEST} labels or more. Change "
                "them."
            )
        asked = self.batch * (self.refit_every or self.rounds)
        if asked > MOST_ROWS:
            raise DataError(
                f"{asked:,} labels would be added to one fit; an update holds {MOST_ROWS:,}. Take fewer or smaller "
                "rounds, or fit anew in between (--refit-every)."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The acquisition functions, random first."""
        return (RANDOM, *(name for name in dict.fromkeys(self.by) if name != RANDOM))

    def decides(self, seed: int) -> dict[str, Any]:
        """All of it that decides the run of one seed, ready for JSON."""
        content = asdict(self) | {"options": dict(self.options), "seed": seed}
        del content["by"], content["seeds"]
        return content

    def decides_start(self, seed: int) -> dict[str, Any]:
        """What of it decides the first model, which the acquisition functions of a seed share."""
        kept = ("start", "target", "scored", "most_scored", "options", "seed")
        return {name: value for name, value in self.decides(seed).items() if name in kept}


class Dealt(NamedTuple):
    """Positions of responses, one a pair: known at first, that can be asked for, and scored."""

    start: Positions
    pool: Positions
    scored: Positions


def deal(screen: Screen, protocol: Protocol, seed: int) -> Dealt:
    """Deal a screen's responses, the same for the same seed.

    Raises:
        DataError: it has too few, or the target names what it does not have.
    """
    rng = np.random.default_rng(seed)
    rows = screen.responses
    first = np.flatnonzero(~rows.duplicated(["cell_line_id", "drug_id"]).to_numpy())
    lines = protocol.target.lines_of(screen.cell_lines["name"], screen.cell_lines["tissue"])
    drugs = protocol.target.drugs_of(screen.drugs["name"])
    of_target = (rows["cell_line_id"].isin(lines) & rows["drug_id"].isin(drugs)).to_numpy()[first]
    target = rng.permutation(first[of_target])
    scored = target[: min(protocol.most_scored, round(protocol.scored * len(target)))]
    rest = rng.permutation(np.setdiff1d(first, scored))
    start, pool = rest[: protocol.start], rest[protocol.start :][: protocol.pool]
    if not len(scored) or len(pool) < protocol.batch * protocol.rounds:
        raise DataError(
            f"{screen.name} has {len(first):,} pairs, of which {len(target):,} are of the target "
            f"({protocol.target.describe()}): {len(scored):,} to score, and {len(pool):,} to ask for after "
            f"{protocol.start:,} to begin with, where {protocol.batch * protocol.rounds:,} are asked for. Take fewer "
            "first labels or rounds, or a larger target."
        )
    return Dealt(start, pool, scored)


def first_split(screen: Screen, start: Positions, scored: Positions, seed: int) -> Split:
    """The split that a model is fitted on: labels in three parts, the scored pairs held out."""
    parts = np.full(len(screen.responses), "", dtype=object)
    ends = np.cumsum([round(share * len(start)) for share in list(PARTS.values())[:-1]])
    for name, some in zip(PARTS, np.split(np.random.default_rng(seed).permutation(start), ends), strict=True):
        parts[some] = name
    parts[scored] = "test"
    labels = pd.Series(parts, index=screen.responses.index)
    keys = screen.responses[["cell_line_id", "drug_id"]]
    return Split("pair", labels, seed, 0, 1, f"{len(start):,} labels to begin with", keys)


def find_hits(screen: Screen, share: float) -> npt.NDArray[np.bool_]:
    """(R,) which responses are among the most sensitive of their drug: this share of its lines, one at least."""
    rank = screen.responses.groupby("drug_id")["response"].rank(method="first")
    count = screen.responses.groupby("drug_id")["response"].transform("size")
    return np.asarray(rank <= np.maximum(np.round(share * count), 1))
