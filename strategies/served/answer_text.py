"""The text of a served model's answer, without its thoughts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from eval.words import about_tokens
from strategies.served.capabilities import LABEL

# Servers that don't take thoughts out of the text leave these tags. Some templates open the tag in the prompt.
_TAG = "(?:think|thinking|thought|reasoning)>"
_THOUGHT = re.compile(rf"^\s*(?:<{_TAG})?(.*?)</{_TAG}", re.DOTALL)
_OPEN_THOUGHT = re.compile(rf"^\s*<{_TAG}")


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says, its thoughts, and whether it reached the limit of tokens before its end."""

    text: str
    thoughts: str
    cut_off: bool


def said_in(body: Mapping[str, Any]) -> Said:
    choice = body["choices"][0]
    message = choice["message"]
    content = message.get("content")
    text = text_of(content)
    thoughts = text_of(message.get("reasoning_content") or message.get("reasoning")) or thoughts_of(content)
    cut_off = choice.get("finish_reason") == "length"
    if inside := _THOUGHT.match(text):
        thoughts, text = thoughts + inside.group(1), text[inside.end() :]
    elif _OPEN_THOUGHT.match(text):  # it never got past its thought
        thoughts, text = thoughts + text, ""
    return Said(text.strip(), thoughts.strip(), cut_off)


def text_of(said: Any) -> str:
    """A text, or one in parts, as in multimodal answers."""
    if isinstance(said, list):
        return "".join(text_of(part.get("text") if isinstance(part, Mapping) else part) for part in said)
    return said if isinstance(said, str) else ""


def thoughts_of(content: Any) -> str:
    """The parts of a message that are thoughts, as Mistral's models send them."""
    parts = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    return "".join(text_of(part.get("thinking")) for part in parts)


def label_in(text: str) -> str:
    """The label of an answer that a JSON schema held to the labels; the text itself if it is no such JSON."""
    try:
        return str(json.loads(text)[LABEL])
    except (ValueError, TypeError, KeyError):
        return text


def estimated_tokens(text: str) -> int:
    """About how many tokens a text is, where nobody counts them."""
    return ceil(about_tokens(text))
