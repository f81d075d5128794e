"""How much a file may unpack to: what tables of its size hold, and not what a file that was made to burst claims."""

from __future__ import annotations

from typing import Final

FREELY: Final = 256 * 1024**2
"""Bytes that any file may unpack to; chosen: what is read of them stays under 2 GiB of memory."""
TIMES: Final = 100
"""Above them, how many times its size; chosen: tables of responses and expression unpack to 3 to 20 times theirs."""


def most_unpacked(size: int, largest: int) -> int:
    """Bytes that a file of so many on the disk may unpack to, `largest` at most.

    >>> most_unpacked(30_000, 2 * 1024**3), most_unpacked(10_000_000, 2 * 1024**3)
    (268435456, 1000000000)
    """
    return min(largest, max(FREELY, TIMES * size))
