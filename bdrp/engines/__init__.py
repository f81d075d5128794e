"""Where long work is done: on this machine, or by the workers of a Ray cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bdrp.errors import DataError

NAMES: Final = ("local", "ray")


@dataclass(frozen=True)
class Engine:
    """Who does the work; what comes of it is the same.

    Attributes:
        name: "local" or "ray".
        address: of a Ray cluster's head node, HOST:PORT, or "auto" on one of its nodes; None starts one of this machine
            that ends with the work.

    Raises:
        DataError: there is no such engine, the local one is given an address, or there can be no such address.
    """

    name: str = "local"
    address: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.name not in NAMES:
            raise DataError(
                f"There is no engine {self.name!r}. Allowed: local, this machine; ray, the workers of a Ray cluster. "
                "Change --engine."
            )
        if self.name == "local" and self.address is not None:
            raise DataError(
                f"The address {self.address} is given, and the engine is local, which is this machine. Allowed: an "
                "address with the engine ray. Add --engine ray, or leave --address out."
            )
        if self.address not in (None, "auto") and not re.fullmatch(r"[^\s/]+:\d{1,5}", self.address or ""):
            raise DataError(
                f"The address {self.address!r} is not one of a Ray cluster. Allowed: HOST:PORT of its head node, such "
                "as 10.0.0.1:6379; or auto on one of its nodes. Change --address."
            )


LOCAL: Final = Engine()
"""This machine."""
