"""What of bdrp's needs is installed, in which release, and what a fit would run on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import bdrp

PINS: Final = Path(bdrp.__file__).parents[1] / "constraints.txt"
"""The releases that the tests pass with; beside a clone's package, and in no wheel."""

GIVES: Final = {
    "anndata": "expression from, and predictions as, .h5ad files",
    "boosting": "the method boosting (CatBoost)",
    "dev": "tests and checks of bdrp itself",
    "docs": "the documentation site, with its notebooks",
    "ray": "--engine ray: fits and predictions by a cluster",
}
"""What each extra is for."""


@dataclass(frozen=True)
class Package:
    """One requirement.

    Attributes:
        name: as installers write it.
        wanted: the allowed releases, such as ">=2.4,<3".
        installed: the release; None where it is missing.
        pinned: the release that the tests pass with; None where that is not known.
        extra: the extra that it belongs to; "" where bdrp needs it always.
    """

    name: str
    wanted: str
    installed: str | None
    pinned: str | None = None
    extra: str = ""

    @property
    def state(self) -> str:
        """In a word or two: missing, not allowed, other than pinned, or ok."""
        if self.installed is None:
            return "missing"
        if not Requirement(f"{self.name}{self.wanted}").specifier.contains(self.installed, prereleases=True):
            return "not allowed"
        public = self.installed.partition("+")[0]  # a local build, such as torch's +cpu, is the same release
        return "other than pinned" if self.pinned not in (None, public) else "ok"


@dataclass(frozen=True)
class Installation:
    """What is installed; `device` and `threads` are those of a fit."""

    packages: Sequence[Package]
    device: str
    threads: int

    @cached_property
    def faults(self) -> list[Package]:
        """What bdrp needs and has not."""
        return [each for each in self.packages if not each.extra and each.state in ("missing", "not allowed")]

    @cached_property
    def lacking(self) -> dict[str, list[str]]:
        """The packages that are missing of each extra that is not whole."""
        extras = dict.fromkeys(each.extra for each in self.packages if each.extra)
        missing = {
            extra: [p.name for p in self.packages if p.extra == extra and p.state == "missing"] for extra in extras
        }
        return {extra: names for extra, names in missing.items() if names}

    @property
    def facts(self) -> dict[str, str]:
        """bdrp, Python, machine, device and threads."""
        return {
            "bdrp": f"{bdrp.__version__} in {Path(bdrp.__file__).parent}",
            "Python": f"{platform.python_version()} ({platform.python_implementation()})",
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            "device": self.device,
            "threads": f"{self.threads} (OMP_NUM_THREADS is {os.environ.get('OMP_NUM_THREADS', 'not set')})",
        }

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        packages = [{**asdict(each), "state": each.state} for each in self.packages]
        return {"facts": self.facts, "packages": packages, "extras_not_whole": self.lacking, "usable": not self.faults}


def inspect(requirements: Sequence[str] | None = None, pins: Path = PINS) -> Installation:
    """Look at this environment.

    Args:
        requirements: as package metadata states them; those of bdrp if None.
        pins: lines NAME==RELEASE; not looked at where there is no such file.
    """
    stated = metadata.requires("bdrp") or [] if requirements is None else requirements
    pinned = _read_pins(pins)
    packages = [_look_up(Requirement(each), pinned) for each in stated]
    return Installation([each for each in packages if each is not None], *_find_device())


def _look_up(wanted: Requirement, pinned: Mapping[str, str]) -> Package | None:
    """The package of one requirement; None where its marker leaves it out here."""
    extra = next((name for name in GIVES if _holds(wanted, name) and not _holds(wanted, "")), "")
    if not (extra or _holds(wanted, "")):
        return None
    try:
        installed = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        installed = None
    specifier = ",".join(sorted(map(str, wanted.specifier), reverse=True))
    return Package(wanted.name, specifier, installed, pinned.get(canonicalize_name(wanted.name)), extra)


def _holds(wanted: Requirement, extra: str) -> bool:
    return wanted.marker is None or wanted.marker.evaluate({"extra": extra})


def _read_pins(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    lines = [line.partition("==") for line in path.read_text(encoding="utf-8").splitlines() if "==" in line]
    return {canonicalize_name(name): release.strip() for name, _, release in lines}


def _find_device() -> tuple[str, int]:
    """What `--device auto` takes, in words, and torch's threads."""
    try:
        import torch
    except ImportError as missing:
        return f"unknown: torch cannot be imported ({missing})", 0
    if torch.cuda.is_available():
        return f"cuda: {torch.cuda.get_device_name()}, CUDA {torch.version.cuda}", torch.get_num_threads()
    build = (
        f"with CUDA {torch.version.cuda}, but there is no GPU that it can use" if torch.version.cuda else "for the CPU"
    )
    return f"cpu (torch {torch.__version__} is built {build})", torch.get_num_threads()
