"""The JSON schema that the training answers of an extraction follow, for a model that can be held to one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_SCALARS = {str: "string", bool: "boolean", int: "integer", float: "number"}


def schema_of(answers: Iterable[str]) -> dict[str, Any] | None:
    """What all these answers follow; None if they aren't all JSON objects.

    Every field is required, as services demand, and one that some answers lack may be null, which counts as absent.
    Numbers are integers if all of them are. Names and types come from the answers alone.
    """
    read = []
    for answer in answers:
        try:
            value = json.loads(answer)
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict):
            return None
        read.append(value)
    return _of_objects(read) if any(read) else None


def _of_objects(objects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = dict.fromkeys(name for one in objects for name in one)
    fields = {
        name: _of_values([one[name] for one in objects if name in one], any(name not in one for one in objects))
        for name in names
    }
    return {"type": "object", "properties": fields, "required": list(names), "additionalProperties": False}


def _of_values(values: Sequence[Any], may_lack: bool) -> dict[str, Any]:
    objects = [value for value in values if isinstance(value, dict)]
    lists = [value for value in values if isinstance(value, list)]
    kinds = dict.fromkeys(_SCALARS[type(value)] for value in values if type(value) in _SCALARS)
    if "number" in kinds:
        kinds.pop("integer", None)
    scalars = [*kinds, *(["null"] if may_lack or None in values else [])]
    ways: list[dict[str, Any]] = []
    if objects:
        ways.append(_of_objects(objects))
    if lists:
        inside = [value for one in lists for value in one]
        ways.append({"type": "array", "items": _of_values(inside, False) if inside else {"type": "string"}})
    if scalars or not ways:
        ways.append({"type": scalars[0] if len(scalars) == 1 else scalars or "string"})
    return ways[0] if len(ways) == 1 else {"anyOf": ways}
