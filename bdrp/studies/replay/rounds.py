"""Replaying a screen: a first model of few labels, then rounds of batches and updates, scored on pairs kept back."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from bdrp import __version__
from bdrp.data.screen import LIMITS, Screen
from bdrp.design import acquisitions
from bdrp.design.batch import Prices, choose_batch
from bdrp.design.costs import Costs
from bdrp.design.unmeasured import Moments, OwnLines, Unmeasured
from bdrp.errors import BdrpWarning
from bdrp.features.batch import Inputs, Pairs
from bdrp.fitted.fit import fit
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.widening import require_rescalable
from bdrp.predictive import PredictiveDistribution
from bdrp.progress import show_bar
from bdrp.studies.execution.run_matrix import fingerprint
from bdrp.studies.replay.protocol import Dealt, Positions, Protocol, deal, find_hits, first_split
from bdrp.studies.replay.records import COLUMNS, keep_model, read_rounds, reserve_folder, write_rounds

METHOD: Final = "last_layer"
MOST_TARGETS: Final = 500
"""Scored pairs that EPIG is asked about; chosen, as in `design.propose`."""
KEYS: Final = ["cell_line_id", "drug_id"]


@dataclass(frozen=True)
class Run:
    """One acquisition function with one seed."""

    by: str
    seed: int

    def __str__(self) -> str:
        """What a progress display says of it."""
        return f"{self.by}, seed {self.seed}"


class _World(NamedTuple):
    """What the runs of one seed share: pool and then scored pairs as the first model takes them."""

    screen: Screen
    protocol: Protocol
    dealt: Dealt
    model: TrainedModel
    inputs: Inputs
    pairs: Pairs
    hits: npt.NDArray[np.bool_]

    @property
    def rows(self) -> pd.DataFrame:
        """Responses of the pool and the scored pairs, in this order."""
        return self.screen.responses.iloc[np.concatenate([self.dealt.pool, self.dealt.scored])]


def replay(
    screen: Screen, protocol: Protocol, out: Path | str, *, device: str = "auto", progress: bool = False
) -> dict[Run, pd.DataFrame]:
    """Replay a screen, or go on with a replay that was stopped: runs that ended are read and not made again.

    Args:
        screen: whose responses are asked for.
        protocol: how.
        out: the folder of the replay.
        device: of the fits.
        progress: show a progress bar over the runs.

    Returns:
        A row a round of each run, with `records.COLUMNS`: labels so far, RMSE and 90 % coverage of the scored pairs,
        the share of the pool's hits found so far and that of the last batch that were hits; NaN where there is none.

    Raises:
        DataError, FitError, OutputError: as `deal` and `fit` say, or the folder cannot be written to.
        KeyboardInterrupt: Ctrl-C; runs that ended are kept, and a fit goes on at the next call.
    """
    place, found = reserve_folder(Path(out)), dict[Run, pd.DataFrame]()
    about = {"bdrp": __version__, "screen": fingerprint(screen), "method": METHOD}
    with show_bar("replay", protocol.seeds * len(protocol.names), shown=progress) as advance:
        for seed in range(protocol.seeds):
            world: _World | None = None
            for by in protocol.names:
                key = about | {"by": by, "protocol": protocol.decides(seed)}
                rounds = read_rounds(place, key)
                if rounds is None:
                    with _quiet():
                        world = world or _prepare(screen, protocol, seed, (place, about, device))
                        rounds = pd.DataFrame(_play(world, by, seed, device), columns=list(COLUMNS))
                    write_rounds(place, key, rounds)
                found[Run(by, seed)] = rounds
                advance(len(found), note=str(Run(by, seed)))
    return found


def _prepare(screen: Screen, protocol: Protocol, seed: int, kept: tuple[Path, dict[str, Any], str]) -> _World:
    out, about, device = kept
    dealt = deal(screen, protocol, seed)
    key = about | {"start": protocol.decides_start(seed)}
    model = keep_model(out, key, lambda place: _fit(screen, protocol, dealt.start, dealt.scored, seed, device, place))
    rows = screen.responses.iloc[np.concatenate([dealt.pool, dealt.scored])]
    inputs, pairs = model.prepared(model.drugs_of(screen), screen.profiles, rows[KEYS].reset_index(drop=True))
    return _World(screen, protocol, dealt, model, inputs, pairs, find_hits(screen, protocol.hits))


def _fit(
    screen: Screen, protocol: Protocol, labels: Positions, scored: Positions, seed: int, device: str, out: Path | None
) -> TrainedModel:
    split = first_split(screen, labels, scored, seed)
    options, resume = protocol.options, out is not None
    model = fit(screen, split, method=METHOD, seed=seed, options=options, device=device, out=out, resume=resume)
    if model.manifest["interrupted"]:  # half a fit asks for nothing; the next call goes on with it
        raise KeyboardInterrupt
    return model


def _play(world: _World, by: str, seed: int, device: str) -> Iterator[tuple[float, ...]]:
    """The rounds of one run, from the first model on."""
    protocol, dealt = world.protocol, world.dealt
    rng, fitted = np.random.default_rng([seed, 1]), world.model
    taken, since_fit, last = np.empty(0, dtype=np.intp), 0, np.nan
    for number in range(protocol.rounds + 1):
        if number and protocol.refit_every and number % protocol.refit_every == 0:
            labels = np.concatenate([dealt.start, dealt.pool[taken]])
            fitted = _fit(world.screen, protocol, labels, dealt.scored, seed, device, None)
            world, since_fit = _encoded_again(world, fitted), len(taken)
        model = _updated(fitted, world, taken[since_fit:])
        open_ = np.setdiff1d(np.arange(len(dealt.pool)), taken)
        asked = np.concatenate([open_, np.arange(len(dealt.pool), len(world.rows))])
        pred, covariance = model.joint(world.inputs, world.pairs.select(torch.as_tensor(asked)))
        yield (protocol.start + len(taken), *_score(pred[len(open_) :], world), _found(world, taken), last)
        if number < protocol.rounds:
            picks = _choose(by, pred, covariance, len(open_), protocol.batch, rng)
            taken = np.concatenate([taken, open_[picks]])
            last = float(world.hits[dealt.pool[open_[picks]]].mean())


def _encoded_again(world: _World, model: TrainedModel) -> _World:
    inputs, pairs = model.prepared(
        model.drugs_of(world.screen), world.screen.profiles, world.rows[KEYS].reset_index(drop=True)
    )
    return world._replace(model=model, inputs=inputs, pairs=pairs)


def _updated(model: TrainedModel, world: _World, taken: Positions) -> TrainedModel:
    if not len(taken):
        return model
    rows = world.rows.iloc[taken][[*KEYS, "response", *LIMITS]]
    return model.update(rows, drugs=model.drugs_of(world.screen), profiles=world.screen.profiles)


def _choose(
    by: str, pred: PredictiveDistribution, covariance: Any, count: int, size: int, rng: np.random.Generator
) -> Positions:
    """Positions, among the open pairs, of the next batch."""
    scored = np.arange(count, len(pred))
    if len(scored) > MOST_TARGETS:
        scored = np.sort(rng.choice(scored, MOST_TARGETS, replace=False))
    kept = np.concatenate([np.arange(count), scored])
    some, open_ = pred[kept], np.arange(count)
    unmeasured = Unmeasured(
        Moments(some.mean, some.epistemic, some.aleatoric),
        count,
        _Part(covariance, kept),
        np.full(count, -1),
        OwnLines.of_predictions(pred.keys["drug_id"], pred.mean, pred.variance, pred.keys["drug_id"].iloc[:count]),
        require_rescalable(pred[open_]).joint_draws,
        rng,
    )
    prices = Prices.of(pred.keys.iloc[:count], Costs())
    return np.array([pick.at for pick in choose_batch(unmeasured, acquisitions.load(by), prices, size)], dtype=np.intp)


class _Part(NamedTuple):
    """The covariance of some of the pairs."""

    whole: Any
    kept: Positions

    def between(self, left: Any, right: Any) -> Any:
        return self.whole.between(self.kept[left], self.kept[right])


def _score(pred: PredictiveDistribution, world: _World) -> tuple[float, float]:
    response = world.screen.responses["response"].to_numpy()[world.dealt.scored]
    low, high = pred.interval(0.9).T
    inside = (low <= response) & (response <= high)
    return float(np.sqrt(np.mean(np.square(pred.mean - response)))), float(inside.mean())


def _found(world: _World, taken: Positions) -> float:
    hits = world.hits[world.dealt.pool]
    return float(hits[taken].sum() / hits.sum()) if hits.any() else float("nan")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of hundreds of small fits and updates, which are what is studied here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BdrpWarning)
        yield
