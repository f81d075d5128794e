"""What the user says of the responses of a table, held together."""

from __future__ import annotations

from dataclasses import dataclass

from bdrp.data.measures import MEASURES
from bdrp.data.quantities import refusals
from bdrp.data.quantities.quantity import QUANTITIES, Quantity
from bdrp.errors import DataError


@dataclass(frozen=True)
class Stated:
    """What the user says of the responses; None where nothing.

    Attributes:
        measure: the measure to model.
        unit: the name of the quantity that the response column holds.
        column: the header of the response column.
        dose_unit: the unit of the lowest and highest doses.
        own_unit: the unit of a measure of one's own, in words.
    """

    measure: str | None = None
    unit: str | None = None
    column: str | None = None
    dose_unit: str | None = None
    own_unit: str | None = None

    def __post_init__(self) -> None:
        if self.measure is not None and self.measure not in MEASURES:
            raise DataError(
                f"There is no measure {self.measure!r}. Known are {', '.join(MEASURES)}; choose one of them."
            )
        if self.unit is not None and self.measure not in (None, self.quantity.measure):
            raise DataError(
                f"unit is {self.unit}, which is of {self.quantity.measure}, and measure is {self.measure}. "
                "The two must say the same; leave one out."
            )
        if self.own_unit is not None and "own" not in (self.measure, self.unit and self.quantity.measure):
            raise DataError(
                f"own_unit is {self.own_unit!r}, and the measure is none of your own. It belongs to the units own_low "
                "and own_high; name one of them, or leave own_unit out."
            )

    @property
    def quantity(self) -> Quantity:
        """What `unit` names.

        Raises:
            DataError: it names nothing.
        """
        name = (self.unit or "").lower()
        name = {"ln_ic50_um": "ln_um", "log10_ic50_um": "log10_um", "log2_ic50_um": "log2_um"}.get(name, name)
        if name not in QUANTITIES:
            raise refusals.unknown_unit(self.unit)
        return QUANTITIES[name]
