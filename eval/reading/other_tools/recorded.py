"""The parts of tools' files that matter here, as types that pydantic checks."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from eval.reading.other_tools.answers import cut
from eval.task import BadInput


class Recorded(BaseModel):
    """A part of a tool's file: only the fields that matter here, of the types that they must have."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


OfFile = TypeVar("OfFile", bound=Recorded)


def recorded(kind: type[OfFile], where: str, value: Any) -> OfFile:
    """A value of JSON as this type. Raises BadInput, naming the field."""
    try:
        return kind.model_validate(value)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
        field_name = " › ".join(map(str, first["loc"]))
        at = f"{where}: {cut(field_name)}" if field_name else where
        raise BadInput(f"{at} isn't as the tool writes it ({first['msg']}); export the file again.") from wrong
