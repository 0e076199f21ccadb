"""What a strategy with a local model asks, as a request to a server with OpenAI's API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eval.task import Example, Kind
from strategies.engine.language_model import Prompt
from strategies.json_shape import schema_of
from strategies.prompts import build_prompt
from strategies.search.passages import Passage

INPUT = "{{input}}"


@dataclass(frozen=True, slots=True)
class RequestForm:
    """What all requests have, whatever their messages, for a server that loads the model. `switches` are the variables
    that the model's own chat template needs. `schema` is that of JSON answers."""

    model: str
    max_tokens: int
    schema: Mapping[str, Any] | None = None
    switches: Mapping[str, Any] = field(default_factory=dict)

    def request(self, messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        held = {"name": "answer", "strict": True, "schema": self.schema}
        return {
            "model": self.model,
            "messages": list(messages),
            "temperature": 0,
            "max_tokens": self.max_tokens,
            **({"response_format": {"type": "json_schema", "json_schema": held}} if self.schema else {}),
            **({"chat_template_kwargs": self.switches} if self.switches else {}),
        }


def answer_schema(kind: Kind, train: Sequence[Example]) -> dict[str, Any] | None:
    """As services take it; None where answers aren't JSON objects."""
    return schema_of(row.target for row in train) if kind is Kind.EXTRACTION else None


def prompt_with_places(instruction: str, passages: int, examples: int) -> Prompt:
    """The prompt of a strategy that retrieves, with places for what it finds. The nearest example comes last."""
    shown = [
        Example("", f"{{{{example {at}: input}}}}", f"{{{{example {at}: answer}}}}") for at in range(examples, 0, -1)
    ]
    found = [Passage("", "", f"{{{{passage {at}}}}}") for at in range(1, passages + 1)]
    return build_prompt(instruction, INPUT, shown, found)
