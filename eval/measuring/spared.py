"""Seconds that a setup would have taken, had it not found a result that was kept from earlier. Whoever keeps results
says how long they took then, and whoever times the setup adds it, so that its cost stays that of doing the work."""

from __future__ import annotations

_spared = 0.0


def spare(seconds: float) -> None:
    global _spared
    _spared += seconds


def spared_seconds() -> float:
    """In this process so far."""
    return _spared
