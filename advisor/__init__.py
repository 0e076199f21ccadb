"""What to do: plans, jobs, the decision, reports, the command line and the pages. From Python, `compare` and `load`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from advisor.notebook.comparing import compare, load

__all__ = ["compare", "load"]


def __getattr__(name: str) -> Any:
    """Only who asks for these waits for their imports."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from advisor.notebook import comparing

    return getattr(comparing, name)
