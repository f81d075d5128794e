"""Where what can be made again is kept between commands: among the user's caches."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

PLACE: Final = "BDRP_CACHE"
"""The environment variable that names another folder; "off" keeps nothing."""
OFF: Final = "off"


def find() -> Path | None:
    """The folder: `BDRP_CACHE`, or the platform's folder of caches; None where it is off."""
    named = os.environ.get(PLACE)
    if named is not None:
        return None if named.lower() in ("", OFF) else Path(named)
    import platformdirs

    return Path(platformdirs.user_cache_dir("bdrp", appauthor=False))
