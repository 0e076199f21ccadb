"""Rows in chat format (`messages`), flattened to an input and a target.

The format is the one of chat fine-tuning files: https://platform.openai.com/docs/guides/supervised-fine-tuning
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eval.task import BadInput

Records = list[tuple[int, dict[str, Any]]]

_SYSTEM_ROLES = ("system", "developer")


def flatten_chats(name: str, records: Records) -> tuple[Records, str]:
    """Turn numbered records with `messages` into records with `input` and `target`, and the instruction they share.

    The last message must be the assistant's and becomes the target. Everything before it becomes the input: the plain
    text of a single user message, else "user: …\\nassistant: …\\nuser: …". A system message that opens every row is the
    instruction; if they differ, each stays in its row's input. Other keys are kept. Raises BadInput, naming the row.
    """
    chats = [_messages(name, number, record) for number, record in records]
    openings = {_opening(messages) for messages in chats}
    instruction = openings.pop() if len(openings) == 1 else ""
    flat: Records = []
    for (number, record), messages in zip(records, chats, strict=True):
        before, (role, target) = messages[1 if instruction else 0 : -1], messages[-1]
        if role != "assistant" or not before:
            raise BadInput(
                f"{name} has a chat in row {number} that does not end with an assistant's message after a user's: "
                "the last message is taken as the ideal answer, so add it."
            )
        rest = {key: value for key, value in record.items() if key != "messages"}
        flat.append((number, {"input": _transcript(before), "target": target, **rest}))
    return flat, instruction


def _messages(name: str, number: int, record: dict[str, Any]) -> list[tuple[str, str]]:
    try:
        return [(str(message["role"]), _content(message["content"])) for message in record["messages"] or ()] or [
            ("", "")
        ]
    except (KeyError, TypeError) as wrong:
        raise BadInput(
            f"{name} has a row without readable messages (row {number}): "
            'each row needs "messages", a list of {"role": "…", "content": "…"}.'
        ) from wrong


def _content(content: Any) -> str:
    """A message's text; content given in parts is joined."""
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content)


def _opening(messages: Sequence[tuple[str, str]]) -> str:
    role, text = messages[0]
    return text if role in _SYSTEM_ROLES else ""


def _transcript(messages: Sequence[tuple[str, str]]) -> str:
    if len(messages) == 1 and messages[0][0] == "user":
        return messages[0][1]
    return "\n".join(f"{role}: {text}" for role, text in messages)
