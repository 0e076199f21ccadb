"""Chats that aren't lists of messages: written into one text, or as an API's request and response."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from eval.mapping.names import IDENTIFIER_WORDS, NEVER_TARGETS, plain

Records = list[tuple[int, dict[str, Any]]]

_USER, _ASSISTANT = "(?:human|user|instruction|input|prompter)", "(?:assistant|ai|bot|gpt|chatgpt|response)"
_MARKS = (
    re.compile(r"<\|im_start\|>\s*(\w+)\s*\n"),  # ChatML
    re.compile(r"<\|start_header_id\|>\s*(\w+)\s*<\|end_header_id\|>"),  # Llama 3
    re.compile(r"<start_of_turn>\s*(\w+)\s*\n"),  # Gemma
    re.compile(r"<\|(system|user|assistant)\|>"),  # Zephyr, Phi
    re.compile(r"(\[/?INST\])"),  # Llama 2, Mistral
    re.compile(rf"(?:^|\s*)###\s*({_USER}|{_ASSISTANT}|system)\s*:", re.IGNORECASE),
    re.compile(rf"(?:^|\n)[ \t]*({_USER}|{_ASSISTANT}|system)[ \t]*:", re.IGNORECASE),
)
_ENDS = re.compile(
    r"\s*(?:<\|im_end\|>|<\|eot_id\|>|<\|end_of_text\|>|<\|begin_of_text\|>|<end_of_turn>|<\|end\|>|<\|endoftext\|>|"
    r"<eos>|<bos>|</?s>)\s*"
)
_SYSTEM = re.compile(r"<<SYS>>(.*?)<</SYS>>", re.DOTALL)
_ROLES = {"[inst]": "user", "[/inst]": "assistant", "model": "assistant", "system": "system"}
_WRITTEN_BY = {"by", "topic", "title", "name", "tags"}  # beside a chat, not its answer
_SAMPLE = 50


def column_of_chats(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str | None:
    """The column that holds a whole chat as a text in each row, if no other column can be the answer."""
    sample = rows[:_SAMPLE]
    for position, column in enumerate(columns):
        others = [name for name in columns if name != column]
        if sample and all(map(_says_nothing, others)) and all(_is_answered(row[position]) for row in sample):
            return column
    return None


def with_messages(records: Records) -> Records:
    """The records with `messages`, where they hold a chat in another form."""
    rows = [record for _, record in records]
    if not rows:
        return records
    columns = list(rows[0])
    column = column_of_chats(columns, [[row.get(name) for name in columns] for row in rows[:_SAMPLE]])
    if column:
        return [
            (number, {"messages": turns_in_text(row[column]), **{key: row[key] for key in row if key != column}})
            for number, row in records
            if isinstance(row.get(column), str)
        ]
    if all(_exchange(row) for row in rows[:_SAMPLE]):
        return [(number, _exchange(row) or row) for number, row in records]
    return records


def turns_in_text(text: str) -> list[dict[str, str]]:
    """The messages in a text with marks for who speaks; none if it has no marks."""
    for mark in _MARKS:
        parts = mark.split(text)
        if len(parts) > 1:
            return list(_messages(parts))
    return []


def _messages(parts: Sequence[str]) -> Iterator[dict[str, str]]:
    """From the text before the first mark, and each mark with the text after it."""
    opening = _ENDS.sub("", parts[0]).strip()
    if opening:
        yield {"role": "system", "content": opening}
    for who, said in zip(parts[1::2], parts[2::2], strict=True):
        text = _ENDS.sub("", said)
        role = _ROLES.get(who.casefold()) or ("assistant" if re.fullmatch(_ASSISTANT, who.casefold()) else "user")
        if role == "user" and (system := _SYSTEM.search(text)):
            yield {"role": "system", "content": system[1].strip()}
            text = _SYSTEM.sub("", text)
        if text.strip():
            yield {"role": role, "content": text.strip()}


def _is_answered(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    roles = [turn["role"] for turn in turns_in_text(value)]
    return len(roles) > 1 and roles[-1] == "assistant" and "user" in roles and roles[0] != "assistant"


def _says_nothing(column: str) -> bool:
    """Whether a column beside a chat numbers or describes it."""
    name = plain(column)
    return not name or bool({*name.split("_")} & IDENTIFIER_WORDS) or name in NEVER_TARGETS or name in _WRITTEN_BY


def _exchange(record: dict[str, Any]) -> dict[str, Any] | None:
    """The messages of a request and the first reply to it, as providers and their tracers store them."""
    asked = next((part for key in ("", "input", "request") if "messages" in (part := _body(record, key))), None)
    replied = next((one for key in ("", "output", "response") if (one := _reply(_body(record, key)))), None)
    if replied is None and (replied := _response(record)) and asked is None:
        said = record.get("input")
        asked = {"messages": [{"role": "user", "content": said}] if isinstance(said, str) else said}
        if not asked["messages"]:
            return None
    if asked is None or replied is None or not isinstance(asked["messages"], list):
        return None
    rest = {key: value for key, value in record.items() if not isinstance(value, dict | list)}
    return {"messages": [*asked["messages"], replied], **rest}


def _body(record: dict[str, Any], key: str) -> dict[str, Any]:
    part = record.get(key) if key else record
    if isinstance(part, dict) and isinstance(part.get("body"), dict):
        part = part["body"]
    return part if isinstance(part, dict) else {}


def _response(record: dict[str, Any]) -> dict[str, Any] | None:
    """The last message in the output of OpenAI's Responses."""
    output = record.get("output")
    items = [one for one in output if isinstance(one, dict)] if isinstance(output, list) else []
    messages = [one for one in items if one.get("type") == "message" and one.get("role") == "assistant"]
    return {"role": "assistant", "content": messages[-1].get("content")} if messages else None


def _reply(part: dict[str, Any]) -> dict[str, Any] | None:
    """The message in OpenAI's choices, or the answer that is a message itself."""
    choices = part.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict) and "message" in choices[0]:
        message: dict[str, Any] = choices[0]["message"]
        return message
    return part if part.get("role") == "assistant" and "content" in part else None
