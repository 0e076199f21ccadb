"""Write a type as JSON and read it back. pydantic checks the shape, and the standard library writes the text."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

Kept = TypeVar("Kept")


class AsJson(Generic[Kept]):
    """Not just `TypeAdapter.dump_json`: people's files contain half surrogate pairs, and it can't write those."""

    def __init__(self, kept: Any, current: Callable[[object], object] | None = None) -> None:
        """`current` converts what earlier versions stored."""
        self._adapter: TypeAdapter[Kept] = TypeAdapter(kept)
        self._current = current

    def write(self, value: Kept, indent: int | None = None) -> str:
        """In ASCII, so that a terminal only shows it. A number that isn't finite (a diverged loss) becomes null."""
        return json.dumps(_finite(self._adapter.dump_python(value)), indent=indent, allow_nan=False)

    def read(self, text: str | bytes) -> Kept:
        """Raises ValueError (such as pydantic's ValidationError) if the text isn't JSON of this type."""
        return self.of(json.loads(text))

    def of(self, stored: object) -> Kept:
        """From JSON's own types. Raises ValueError if their shape is wrong."""
        return self._adapter.validate_python(self._current(stored) if self._current else stored)

    def plain(self, value: Kept) -> Any:
        """As JSON's own types."""
        return _finite(self._adapter.dump_python(value))

    def schema(self) -> dict[str, Any]:
        return self._adapter.json_schema(mode="serialization")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
