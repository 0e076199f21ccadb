"""What the first visit of a page would otherwise wait for: modules that take seconds to import, once in a server."""

from __future__ import annotations

import gc
from contextlib import suppress
from importlib import import_module
from threading import Thread

# Of the data checks, of tables and of charts.
_SLOW = (
    "pandas",
    "sklearn.feature_extraction.text",
    "sklearn.random_projection",
    "py3langid.langid",
    "altair",
)


def import_early() -> Thread:
    """Starts to import them while somebody reads the first page."""
    thread = Thread(target=_import_slow, daemon=True)
    thread.start()
    return thread


def _import_slow() -> None:
    for name in _SLOW:
        with suppress(ImportError):  # which the page that needs it says
            import_module(name)
    gc.freeze()  # Streamlit collects garbage after every rerun: what is loaded by now need not be looked through again
