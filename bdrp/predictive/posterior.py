"""Draws from a posterior, and the mean and response of pairs in each: plain arrays, the same for every method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bdrp.display import Displayed
from bdrp.errors import DataError
from bdrp.predictive.distribution import Floats


@dataclass(frozen=True)
class Parameter:
    """S draws of a named part of the model, or its one value where it was estimated and not drawn.

    Attributes:
        values: (S, ...) draws; (...) for an estimate.
        dims: a name for each axis after the draws'.
        labels: what each entry of a named axis is called; axes without labels are numbered.
    """

    values: npt.NDArray[np.floating]
    dims: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class PosteriorDraws(Displayed):
    """S joint draws of the weights, and of N pairs given each, in the measure's unit.

    Attributes:
        mean: (S, N) each pair's expected response given the draw.
        response: (S, N) a response drawn with the noise of each pair, independent given the weights.
        log_likelihood: (S, N) log density of the observed response; NaN where none was observed.
        parameters: what was drawn, by name; a bounded part of all weights.
        estimates: what was estimated and not drawn, by name.

    Raises:
        DataError: the arrays are not of one shape, or a mean or a response is not finite.
    """

    mean: Floats
    response: Floats
    log_likelihood: Floats
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    estimates: Mapping[str, Parameter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shapes = {name: getattr(self, name).shape for name in ("mean", "response", "log_likelihood")}
        many = {len(parameter.values) for parameter in self.parameters.values()} | {len(self.mean)}
        if len(set(shapes.values())) > 1 or self.mean.ndim != 2 or len(many) > 1:
            raise DataError(
                f"Posterior draws are of shapes {shapes}, their parameters of {sorted(many)} draws. "
                "Allowed: (S, N) for all three and S for each parameter. Draw them together."
            )
        for name in ("mean", "response"):
            wrong = int(np.sum(~np.isfinite(getattr(self, name))))
            if wrong:
                raise DataError(
                    f"{wrong} of {self.mean.size} drawn values of the {name} are not finite. "
                    "Allowed: finite numbers. Check the model's input for these pairs."
                )

    @property
    def draws(self) -> int:
        """S."""
        return len(self.mean)

    def __len__(self) -> int:
        """N."""
        return self.mean.shape[1]
