"""The few figures of a report that fit on a terminal."""

from __future__ import annotations
