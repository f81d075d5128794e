"""What a screen must be, checked at the door."""
from __future__ import annotations

from bdrp.data.screen import Screen


def check_screen(screen: Screen) -> None:
    """Placeholder."""
