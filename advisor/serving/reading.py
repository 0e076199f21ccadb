"""From the body of a request to what the strategy is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advisor.serving.refusal import unknown_model, unreadable
from eval.conversation import written
from eval.task import Turn

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
# These would change the form of a reply, so only values that ask for nothing are taken. Anything else, such as a
# temperature, is ignored: the strategy answers with the settings that were measured.
_ONLY = {"n": (None, 1), "logprobs": (None, False), "tools": (None, []), "functions": (None, [])}


@dataclass(frozen=True, slots=True)
class Asked:
    """`input` is the text that the strategy answers. `counts` asks a stream to end with the tokens it took."""

    input: str
    streams: bool = False
    counts: bool = False


def read_request(body: bytes, model: str, keeps_turns: bool) -> Asked:
    """Raises Refused. With `keeps_turns` the strategy learned from conversations and gets all messages; otherwise it
    gets the last one of the user."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as wrong:  # also bytes that are no UTF-8
        raise unreadable("The body isn't JSON: send an object with “model” and “messages”.", "invalid_json") from wrong
    if not isinstance(asked, dict):
        raise unreadable("The body isn't a JSON object: send one with “model” and “messages”.", "invalid_json")
    named = asked.get("model")
    if not isinstance(named, str):
        raise unreadable(f"“model” is missing: ask for {model!r}.", param="model")
    if named != model:
        raise unknown_model(named, model)
    for name, allowed in _ONLY.items():
        if asked.get(name) not in allowed:
            raise unreadable(f"“{name}” isn't supported: leave it out.", "unsupported_parameter", name)
    streams, options = asked.get("stream"), asked.get("stream_options")
    if streams not in (None, False, True):
        raise unreadable("“stream” must be true or false.", param="stream")
    counts = isinstance(options, Mapping) and options.get("include_usage") is True
    return Asked(_input_of(_turns(asked.get("messages")), keeps_turns), bool(streams), counts)


def _turns(messages: Any) -> list[Turn]:
    if not isinstance(messages, list) or not messages:
        raise unreadable("“messages” must be a list with at least one message.", param="messages")
    return [_turn(message, f"messages[{at}]") for at, message in enumerate(messages)]


def _turn(message: Any, where: str) -> Turn:
    if not isinstance(message, dict):
        raise unreadable(f"“{where}” must be an object with “role” and “content”.", param=where)
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise unreadable(f"“{where}.role” must be one of {', '.join(_ROLES)}.", param=f"{where}.role")
    return Turn(_ROLES[role], _text(message.get("content"), f"{where}.content"))


def _text(content: Any, where: str) -> str:
    """A text, or the texts of a list of parts."""
    if content is None:  # of an assistant that called a tool
        return ""
    parts = [content] if isinstance(content, str) else content
    texts = [_text_of_part(part, where) for part in parts] if isinstance(parts, Sequence) else None
    if texts is None:
        raise unreadable(f"“{where}” must be a text, or a list of parts of type “text”.", param=where)
    text = "\n".join(texts)
    try:
        text.encode()
    except UnicodeEncodeError as wrong:  # JSON can hold a half of a character
        raise unreadable(f"“{where}” isn't valid text: it has half of a surrogate pair.", param=where) from wrong
    return text


def _text_of_part(part: Any, where: str) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    raise unreadable(
        f"“{where}” has a part that isn't text: this strategy reads only text.", "unsupported_content", where
    )


def _input_of(turns: Sequence[Turn], keeps_turns: bool) -> str:
    """As in the rows of the run."""
    users = [turn.text for turn in turns if turn.role == "user"]
    if not users or not any(text.strip() for text in users[-1:]):
        raise unreadable("There is nothing to answer: the last message of the user is empty.", param="messages")
    return written(turns, is_read_back=True) if keeps_turns else users[-1]
