"""Fresh environments: `nox` runs the wheel's demo on every Python at hand, `nox -s latest` the newest allowed releases.

Nothing of `.venv` is used. A Python that is not installed is skipped, and said to be.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import nox

nox.options.sessions = ["wheel"]
nox.options.error_on_missing_interpreters = False
PYTHONS = ["3.11", "3.12", "3.13"]
QUIET = {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}


@nox.session(python=PYTHONS)
def wheel(session: nox.Session) -> None:
    """The built wheel with the pinned releases: `pip check`, `bdrp doctor`, `bdrp demo`."""
    session.install("--constraint", "constraints.txt", "torch")  # alone, so that no other build of it is weighed
    session.install("--constraint", "constraints.txt", _build(session))
    _try_out(session)


@nox.session(python=PYTHONS)
def latest(session: nox.Session) -> None:
    """The same with the latest releases that pyproject.toml allows, and the tests."""
    session.install(_build(session))
    _try_out(session)
    session.install("hatchling", "hypothesis", "import-linter", "mypy", "pytest", "pytest-xdist", "ruff")
    session.run("python", "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", env=QUIET)


@nox.session(python="3.11")
def pins(session: nox.Session) -> None:
    """Write constraints.txt anew from the latest releases; run all tests before it is committed."""
    session.install("-e", ".[anndata,boosting,dev,docs,ray]")
    frozen = session.run("python", "-m", "pip", "freeze", "--exclude-editable", silent=True) or ""
    releases = sorted((line.partition("+")[0] for line in frozen.splitlines() if "==" in line), key=str.lower)
    with open("constraints.txt", encoding="utf-8") as before:
        title = before.readline()
    with open("constraints.txt", "w", encoding="utf-8") as after:
        after.write(title + "\n".join(releases) + "\n")


def _build(session: nox.Session) -> str:
    """The wheel of this tree, built in the session's own folder."""
    session.install("hatchling")
    place = Path(session.create_tmp(), "dist")
    shutil.rmtree(place, ignore_errors=True)
    session.run("python", "-m", "hatchling", "build", "-t", "wheel", "-d", str(place))
    (built,) = place.glob("*.whl")
    return str(built)


def _try_out(session: nox.Session) -> None:
    place = session.create_tmp()
    session.run("python", "-m", "pip", "check")
    session.run("bdrp", "doctor")
    session.run("bdrp", "demo", "--out", f"{place}/demo", "--overwrite", env=QUIET)
