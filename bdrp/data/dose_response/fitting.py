"""All curves of a screen: the noise from its own wells, then piece by piece the posterior of each curve."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp import __version__
from bdrp.data.dose_response import designs, growth, noise_fit, posterior
from bdrp.data.dose_response.designs import Group
from bdrp.data.dose_response.noise import Noise
from bdrp.data.dose_response.parts import Parts
from bdrp.data.dose_response.points import Points
from bdrp.data.dose_response.summary import summarise
from bdrp.display import Displayed
from bdrp.errors import DataError

PIECE: Final = 1024
"""Curves between two steps of the progress bar, and what an interrupted run may lose of each worker; chosen."""
DRAWS: Final = 400
"""Kept of each curve; chosen: a 5 % quantile is then the quantile at 4 to 6 %."""

Advance = Callable[[int, int], None]
"""Is told how many curves are done, of how many."""


@dataclass(frozen=True)
class Options:
    """How curves are fitted.

    Attributes:
        fixed_top: hold the curves' tops at the controls.
        draws: kept of each curve.
        seed: of all that is drawn.
    """

    fixed_top: bool = False
    draws: int = DRAWS
    seed: int = 0

    def __post_init__(self) -> None:
        if self.draws < 20 or self.seed < 0:
            raise DataError(f"{self} is not allowed: at least 20 draws and a seed of 0 or more are needed.")


@dataclass(frozen=True, repr=False)
class FittedCurves(Displayed):
    """The curves of a screen.

    Attributes:
        curves: a row a curve: its keys, doses, wells and spread, and what `summary.summarise` says.
        wells: the points, by curve (its row), with ln dose.
        points: what the curves were fitted to.
        noise: of the screen.
        options: of the fit.
    """

    curves: pd.DataFrame
    wells: pd.DataFrame
    points: Points
    noise: Noise
    options: Options


def fit(
    points: Points,
    options: Options | None = None,
    *,
    parts: Parts | None = None,
    workers: int = 1,
    advance: Advance | None = None,
) -> FittedCurves:
    """The posterior of every curve, summarised; the same whatever the workers and whether it was interrupted.

    Args:
        points: see `reading_wells.read`.
        options: of the fit.
        parts: where pieces are kept as they are done; those that are there are not fitted again.
        workers: threads.
        advance: is called as pieces are done.
    """
    options = options or Options()
    curves, wells = designs.curves_of(points)
    groups = designs.group(curves, wells)
    fingerprint = _fingerprint(points, options) if parts else ""
    known = parts.begin(fingerprint) if parts else None
    noise = Noise(**known) if known else noise_fit.fit(groups, fixed_top=options.fixed_top, seed=options.seed)
    if parts and not known:
        parts.keep_noise(asdict(noise))
    doubled = curves["plate"].map(points.plates["doublings"]).to_numpy(float) if len(points.plates) else None
    made_of = f"{fingerprint} with {noise}"
    pieces = [_piece(group, at) for group in groups for at in range(0, len(group.rows), PIECE)]

    def work(number: int) -> pd.DataFrame:
        done = parts.read(number, made_of) if parts else None
        if done is None:
            found = posterior.sample(pieces[number].design, noise, draws=options.draws, seed=options.seed)
            done = _summarise(pieces[number], found, noise, doubled)
            if parts:
                parts.write(number, done, made_of)
        return done

    summaries = pd.concat(_run(work, [len(piece.rows) for piece in pieces], workers, advance)).sort_index()
    doubts = curves["plate"].map(points.plates["doubts"]) if len(points.plates) else pd.Series("", index=curves.index)
    summaries["flags"] = _with_plates(summaries["flags"], doubts)
    return FittedCurves(pd.concat([curves, summaries], axis=1), wells, points, noise, options)


def refit(fitted: FittedCurves, curve: int) -> tuple[Group, posterior.Posterior]:
    """One curve again, with its draws."""
    wells = fitted.wells[fitted.wells["curve"] == curve].assign(curve=0)
    (group,) = designs.group(fitted.curves.loc[[curve]], wells)
    return group, posterior.sample(group.design, fitted.noise, draws=fitted.options.draws, seed=fitted.options.seed)


def _run(
    work: Callable[[int], pd.DataFrame], sizes: list[int], workers: int, advance: Advance | None
) -> list[pd.DataFrame]:
    done: dict[int, pd.DataFrame] = {}
    with ThreadPoolExecutor(max(1, workers)) as pool:
        running = {pool.submit(work, number): number for number in range(len(sizes))}
        try:
            for future in as_completed(running):
                done[running[future]] = future.result()
                if advance:
                    advance(sum(sizes[number] for number in done), sum(sizes))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [done[number] for number in range(len(sizes))]


def _summarise(
    piece: Group, found: posterior.Posterior, noise: Noise, doubled: npt.NDArray[np.float64] | None
) -> pd.DataFrame:
    table = summarise(piece, found, noise)
    if doubled is None or not np.isfinite(doubled).any():
        return table
    lowest = float(piece.design.ln_dose.min())
    grown = growth.summarise(found.curves, doubled[piece.rows], piece.highest, lowest)
    return pd.concat([table, grown.set_index(table.index)], axis=1)


def _piece(group: Group, at: int) -> Group:
    rows = slice(at, at + PIECE)
    return Group(group.rows[rows], group.highest[rows], group.design[rows])


def _with_plates(flags: pd.Series, doubts: pd.Series) -> pd.Series:
    doubtful = (doubts.fillna("") != "").to_numpy()
    joined = [
        ";".join(filter(None, (flag, "doubtful_plate" if doubted else "")))
        for flag, doubted in zip(flags, doubtful, strict=True)
    ]
    return pd.Series(joined, index=flags.index, dtype="str")


def _fingerprint(points: Points, options: Options) -> str:
    """Of the wells, the plates' noise, the options and the version: pieces of another fit are not taken."""
    digest = hashlib.sha256(f"{__version__} {options} {PIECE}".encode())
    digest.update(pd.util.hash_pandas_object(points.table, index=False).to_numpy().tobytes())
    if len(points.plates):
        digest.update(np.ascontiguousarray(points.plates[["cv", "doublings"]].to_numpy()).tobytes())
    return digest.hexdigest()
