"""How a target screen differs from the one that was trained on: six scales, and log-normal priors of them.

For the response y of line l under drug id c in another laboratory,

    y = f[l, c] + a + b m + d[c] + e[l] + noise,   f ~ GP(m, k^2 K),   noise variance s^2 times the predicted one,
    a ~ Normal(0, A^2)   b ~ Normal(0, B^2)   d[c] ~ Normal(0, D^2)   e[l] ~ Normal(0, E^2),

m the predicted mean, standardised, and K the covariance of its epistemic deviations. Two ids of one compound are two
assays there too: f is the same for both where they take it from one that was trained on, d is not. Before any response
of the target is known all of them are random, and the variance of a pair is
k^2 K + R^2 (A^2 + B^2 m^2 + D^2 + E^2) + s^2 noise, R the SD of the training responses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Self

import numpy as np

from bdrp.errors import DataError
from bdrp.predictive.distribution import Floats

LARGEST: Final = 1e6  # no laboratory differs by so much, and its square is a number


@dataclass(frozen=True)
class BatchEffects:
    """The six scales of a target screen; offsets in SDs of the training responses. The default is no difference.

    Attributes:
        epistemic: factor on the epistemic SD. noise: factor on the predicted noise SD.
        offset: SD of an offset of all responses. slope: SD of a share of the standardised predicted mean.
        by_drug: SD of a drug id's own offset. by_line: of a line's.
    """

    epistemic: float = 1.0
    noise: float = 1.0
    offset: float = 0.0
    slope: float = 0.0
    by_drug: float = 0.0
    by_line: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what are no scales.

        Raises:
            DataError: a scale is negative, too large or no number, or there is no noise.
        """
        given = asdict(self).items()
        wrong = {name: value for name, value in given if not 0 <= value <= LARGEST or (name == "noise" and value == 0)}
        if wrong:
            raise DataError(
                f"Scales of batch effects are {str(wrong)[:80]}. Allowed: 0 to {LARGEST:,.0f}, of the noise above 0. "
                "Correct them."
            )

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """From the six numbers by name.

        Raises:
            DataError: a name is missing or foreign, or a value is no scale.
        """
        numbers = isinstance(data, Mapping) and all(type(value) in (int, float) for value in data.values())
        if not numbers or set(data) != set(NAMES):
            raise DataError(
                f"Batch effects are {str(data)[:80]!r}. Allowed: a number for each of {', '.join(NAMES)}. Correct them."
            )
        checked = cls(**data)  # before integers become floats, which hold none of 400 digits
        return cls(**{name: float(value) for name, value in checked.to_json().items()})

    def to_json(self) -> dict[str, float]:
        """The six numbers by name."""
        return asdict(self)

    def logs(self) -> Floats:
        """(6,) natural logs, in the order of `NAMES`; -inf of 0."""
        with np.errstate(divide="ignore"):
            return np.log([getattr(self, name) for name in NAMES])

    def added_variance(self, standardised_mean: Floats) -> Floats:
        """(N,) variance that offsets and the slope add to pairs of these means, in squared SDs of the responses."""
        return np.asarray(self.offset**2 + self.by_drug**2 + self.by_line**2 + (self.slope * standardised_mean) ** 2)


NAMES: Final = tuple(scale.name for scale in fields(BatchEffects))


@dataclass(frozen=True)
class ScalePrior:
    """Log-normal priors of the six scales, independent of each other.

    Attributes:
        median: what is taken where no response of the target is known.
        deviation: SDs of the scales' natural logs: how far one target may differ from another.
    """

    median: BatchEffects = field(default_factory=lambda: BatchEffects(1.0, 1.0, 0.2, 0.1, 0.2, 0.1))
    deviation: BatchEffects = field(default_factory=lambda: BatchEffects(0.4, 0.4, 1.0, 0.5, 1.0, 1.0))

    def to_json(self) -> dict[str, dict[str, float]]:
        """Medians and deviations by name."""
        return {"median": self.median.to_json(), "deviation": self.deviation.to_json()}

    @property
    def log_deviations(self) -> Floats:
        """(6,) SDs of the logs, in the order of `NAMES`."""
        return np.array([getattr(self.deviation, name) for name in NAMES])


VAGUE: Final = ScalePrior()
"""What is taken where nothing is known of laboratories; chosen: the model's own epistemic SD and noise, to half or
double, offsets of a tenth or a fifth of the responses' SD, to a seventh or sevenfold, and a slope to a third, for of
twenty pairs an outlier alone would tilt it."""
