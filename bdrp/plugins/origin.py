"""Where a plug-in comes from, as messages say it and as a model folder keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

OWN: Final = "bdrp"


@dataclass(frozen=True)
class Origin:
    """bdrp itself, an installed package, or a file that was given by its path.

    Attributes:
        package: the distribution that offers it. version: of that distribution.
        file: the name of the file, "" if it is none. sha256: of its bytes.
    """

    package: str = OWN
    version: str = ""
    file: str = ""
    sha256: str = ""

    def record(self) -> dict[str, str]:
        """What a model folder keeps of it; nothing for bdrp's own.

        >>> Origin("nearest-drugs", "1.2").record()
        {'package': 'nearest-drugs', 'version': '1.2'}
        """
        if self.file:
            return {"file": self.file, "sha256": self.sha256}
        return {} if self.package == OWN else {"package": self.package, "version": self.version}

    def __str__(self) -> str:
        """Such as "the package nearest-drugs 1.2"."""
        if self.file:
            return f"the file {self.file}"
        return "bdrp itself" if self.package == OWN else f"the package {self.package} {self.version}"


@dataclass(frozen=True)
class PlugIn:
    """One that was found, of which nothing was imported: its name, the module to import, and where it comes from."""

    name: str
    module: str
    origin: Origin
