"""What a prediction for another laboratory must carry: how far laboratories differ, learned from screens of several.

A model that learned from one laboratory knows nothing of offsets of drugs, of the level, the scale, the lines and the
noise of another. Each of these has a scale (`BatchEffects`) that is learnable wherever a model's predictions stand
beside another laboratory's responses, and laboratories that were never seen are taken for one more of the same kind.

    >>> from bdrp.fitted.laboratory import Laboratories
    >>> Laboratories.shipped().prior("ln_ic50_um").median.by_drug > 0.1
    True
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from bdrp.errors import DataError
from bdrp.files import atomic, outputs, strict_json
from bdrp.inference.hierarchical.batch_effects import NAMES, VAGUE, BatchEffects, ScalePrior

SAME: Final = "same"
OTHER: Final = "other"
FORMAT: Final = 1
SHIPPED: Final = Path(__file__).with_name("laboratories.json")
IMAGINED: Final = 2
"""Laboratories that the vague deviations count as; chosen, for three tell little of how scales differ."""
SMALLEST: Final = 1e-3  # chosen: in SDs of the responses, or as a factor; below it scales do not differ


@dataclass(frozen=True)
class LaboratoryScales:
    """What one target screen was found to differ by from what a model of a source screen predicts.

    Attributes:
        laboratory: the target screen's name. source: the source screen's.
        measure: that both are in. method: of the model.
        effects: the scales of highest posterior density.
        pairs, drugs, lines: how many they were learned from.
    """

    laboratory: str
    source: str
    measure: str
    method: str
    effects: BatchEffects
    pairs: int
    drugs: int
    lines: int

    def to_json(self) -> dict[str, Any]:
        """All attributes by name."""
        return {**vars(self), "effects": self.effects.to_json()}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """From `to_json`.

        Raises:
            DataError: a part is missing, foreign or of another type.
        """
        texts, counts = ("laboratory", "source", "measure", "method"), ("pairs", "drugs", "lines")
        names = {*texts, *counts, "effects"}
        if (
            not isinstance(data, Mapping)
            or set(data) != names
            or not all(isinstance(data[name], str) and data[name] for name in texts)
            or not all(type(data[name]) is int and data[name] > 0 for name in counts)
        ):
            raise DataError(
                f"A laboratory is {str(data)[:80]!r}. Allowed: its {', '.join(sorted(names))}, of what they are. Take "
                "what `bdrp transfer` wrote."
            )
        return cls(**{**data, "effects": BatchEffects.from_json(data["effects"])})


@dataclass(frozen=True)
class Laboratories:
    """What is known of how laboratories differ: a target screen an entry, in one measure or several.

    Attributes:
        scales: of each.
        made_by: the command that learned them, and with what.
    """

    scales: tuple[LaboratoryScales, ...] = ()
    made_by: str = ""

    @classmethod
    @cache
    def shipped(cls) -> Laboratories:
        """What bdrp learned from GDSC1, CCLE and CTRPv2 with a model of GDSC2."""
        return cls.load(SHIPPED)

    @classmethod
    def load(cls, path: Path | str) -> Laboratories:
        """Read what `save` wrote.

        Raises:
            DataError: there is no such file, or it holds something else.
        """
        try:
            data = strict_json.read(Path(path))
        except (OSError, ValueError) as error:
            raise DataError(
                f"What is known of laboratories cannot be read from {path}: {error}. Allowed: a laboratory.json that "
                "`bdrp transfer` wrote. Give its path."
            ) from error
        if not isinstance(data, Mapping) or data.get("format") != FORMAT or not isinstance(data.get("scales"), list):
            raise DataError(
                f"{path} holds nothing of laboratories that this version reads. Allowed: a laboratory.json that "
                "`bdrp transfer` wrote. Give its path."
            )
        try:
            return cls(tuple(map(LaboratoryScales.from_json, data["scales"])), str(data.get("made_by", "")))
        except DataError as error:
            raise DataError(f"{path}: {error}") from error

    def save(self, path: Path | str) -> None:
        """Write a JSON file, whole or not at all.

        Raises:
            OutputError: it cannot be written, or something else stands in its place.
        """
        outputs.guard({Path(path): is_laboratories})
        content = {"format": FORMAT, "made_by": self.made_by, "scales": [one.to_json() for one in self.scales]}
        with atomic.refusing("What was learned of laboratories", Path(path)):
            strict_json.write(Path(path), content)

    def without(self, *laboratories: str) -> Laboratories:
        """All but some, by the names of their screens, so that they can be tested on these."""
        return Laboratories(tuple(one for one in self.scales if one.laboratory not in laboratories), self.made_by)

    def updated(self, scales: Iterable[LaboratoryScales]) -> Laboratories:
        """With further ones; what is newly learned of a laboratory in a measure replaces what was known of it."""
        known = {(one.laboratory, one.measure): one for one in (*self.scales, *scales)}
        return Laboratories(tuple(known.values()), self.made_by)

    def in_measure(self, measure: str) -> tuple[LaboratoryScales, ...]:
        """Each laboratory once: in this measure where it is known in it, else in the first that it is known in.

        Scales are in SDs of the training responses, so that those of one measure say something of another.
        """
        found: dict[str, LaboratoryScales] = {}
        for one in sorted(self.scales, key=lambda each: each.measure != measure):
            found.setdefault(one.laboratory, one)
        return tuple(found.values())

    def prior(self, measure: str) -> ScalePrior:
        """The scales of one more laboratory, before any of its responses is known.

        The median of each scale is the root mean square over laboratories, for intervals live by variances. The
        deviation of its log is that of the laboratories about it, together with `IMAGINED` of the vague deviation.

        Raises:
            DataError: no laboratory is known.
        """
        found = [one.effects for one in self.in_measure(measure)]
        if not found:
            raise DataError(
                "Nothing is known of how laboratories differ. At least one is needed. Learn from a target screen with "
                "`bdrp transfer`, or take the scales that bdrp comes with."
            )
        scales = np.array([[getattr(one, name) for name in NAMES] for one in found])
        median = np.sqrt(np.mean(scales**2, axis=0))
        apart = np.log(np.maximum(scales, SMALLEST)) - np.log(np.maximum(median, SMALLEST))
        known = IMAGINED * VAGUE.log_deviations**2 + (apart**2).sum(0)
        deviation = np.sqrt(known / (IMAGINED + len(found)))
        return ScalePrior(BatchEffects(*median.tolist()), BatchEffects(*deviation.tolist()))

    def describe(self, measure: str) -> str:
        """Which laboratories the scales in a measure come from, in words."""
        return ", ".join(f"{one.laboratory} ({one.measure})" for one in self.in_measure(measure))


def find_laboratories(named: str | Path | Laboratories) -> Laboratories | None:
    """What "same" (None), "other" (the shipped ones) or the path of a laboratory.json means.

    Raises:
        DataError: it is none of these, or see `Laboratories.load`.
    """
    if isinstance(named, Laboratories):
        return named
    if named == SAME:
        return None
    if named == OTHER:
        return Laboratories.shipped()
    if not os.path.isfile(named):  # False, not an error, where a name is too long
        raise DataError(
            f"{str(named)[:80]!r} is no laboratory. Allowed: {SAME}, for the one that the model learned from; {OTHER}, "
            "for any other; or the path of a laboratory.json that `bdrp transfer` wrote. Choose one of these."
        )
    return Laboratories.load(named)


def is_laboratories(path: Path) -> bool:
    """Whether a file holds what `Laboratories.save` writes."""
    data = strict_json.read(path)
    return isinstance(data, dict) and set(data) == {"format", "made_by", "scales"}
