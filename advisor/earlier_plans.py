"""Convert setups and plans of earlier versions to their current shape. No other module knows an earlier one."""

from __future__ import annotations

from typing import Any


def current_setup(stored: Any) -> Any:
    """Up to 0.1.0, `mends` held the ids of the fixes that a person accepted."""
    if not isinstance(stored, dict) or "mends" not in stored:
        return stored
    kept = {name: value for name, value in stored.items() if name != "mends"}
    return {**kept, "steps": [{"finding": identifier} for identifier in stored["mends"] or ()]}


def current_plan(stored: Any) -> Any:
    if not isinstance(stored, dict) or "setup" not in stored:
        return stored
    return {**stored, "setup": current_setup(stored["setup"])}
