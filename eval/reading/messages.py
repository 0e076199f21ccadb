"""A chat's messages: who speaks, and their text, with tool calls as JSON and without thoughts, pictures and sound."""

from __future__ import annotations

import ast
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_TEXT_KEYS = ("content", "value", "parts", "text")
ROLES = {
    "human": "user", "user": "user", "prompter": "user", "customer": "user",
    "gpt": "assistant", "assistant": "assistant", "model": "assistant", "bot": "assistant", "chatbot": "assistant",
    "chatgpt": "assistant", "ai": "assistant", "function_call": "assistant", "agent": "assistant",
    "system": "system", "developer": "system",
    "tool": "tool", "function": "tool", "observation": "tool", "function_response": "tool", "tool_response": "tool",
    "ipython": "tool",
}  # fmt: skip
_THOUGHTS = ("thinking", "redacted_thinking", "reasoning")  # types of parts
_MEDIA = re.compile("image|audio|video|file|inline_?data", re.IGNORECASE)
TURNS_IN_TEXT = re.compile(r"\n\n(Human|Assistant): ?")  # Anthropic's HH-RLHF


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    text: str
    has_media: bool = False
    is_unwanted: bool = False  # an answer with weight 0, which OpenAI's fine-tuning doesn't learn


def parsed(value: Any) -> Any:
    """A chat that a table holds as JSON, or as Python, which pandas writes."""
    if isinstance(value, str) and value.lstrip().startswith("[{"):
        for read in (json.loads, ast.literal_eval):
            with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
                return read(value)
    return value


def are_messages(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(turn, dict) and ("role" in turn or "from" in turn) for turn in value)
        and any(key in turn for turn in value for key in _TEXT_KEYS)
    )


def messages_in(value: Any, role: str = "") -> list[Message]:
    """The messages in a list of them, or in one text by `role`. Raises KeyError or TypeError if it is neither."""
    value = parsed(value)
    if isinstance(value, dict) and are_messages([value]):
        value = [value]
    if isinstance(value, str) and role:
        parts = TURNS_IN_TEXT.split(value)
        if len(parts) > 1:
            return [Message(ROLES[who.lower()], text) for who, text in zip(parts[1::2], parts[2::2], strict=True)]
        return [Message(role, value)]
    if role and isinstance(value, list) and value and isinstance(value[0], str):  # several right answers
        return [Message(role, value[0])]
    return [_message(message) for message in value or ()]


def _message(message: dict[str, Any]) -> Message:
    spoken = str(message["role"] if "role" in message else message["from"])
    known = next((key for key in _TEXT_KEYS if key in message), None)
    calls = message.get("tool_calls") or message.get("function_call")
    if known is None and not calls:
        raise KeyError("content")
    content = message[known] if known else None
    text, has_media = content_of(content or message.get("refusal"))
    if calls:
        text = "\n".join(filter(None, [text, _calls(calls)]))
    role = ROLES.get(spoken.casefold(), spoken)
    if role == "user" and isinstance(content, list) and content and all(map(_is_returned, content)):
        role = "tool"
    return Message(role, text, has_media, role == "assistant" and message.get("weight") in (0, "0"))


def content_of(content: Any) -> tuple[str, bool]:
    """A message's text, with content given in parts joined, and whether it also holds pictures or sound."""
    if content is None or isinstance(content, str):
        return content or "", False
    texts, has_media = [], False
    for part in [content] if isinstance(content, dict) else content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif isinstance(part.get("refusal"), str):
            texts.append(part["refusal"])
        elif part.get("type") in _THOUGHTS:
            continue
        elif call := part.get("functionCall") or part.get("function_call") or part.get("toolUse"):
            texts.append(_calls(call))
        elif part.get("type") == "tool_use":
            texts.append(_calls(part))
        elif (returned := _returned(part)) is not None:
            text, holds_media = content_of(returned)
            texts.append(text)
            has_media = has_media or holds_media
        elif any(_MEDIA.search(f"{key} {value}") for key, value in part.items()):
            has_media = True
        else:
            raise TypeError("no text in a part")
    return "\n".join(texts), has_media


def _returned(part: dict[str, Any]) -> Any:
    """What a tool returned, in a part of a message; None if it is another part."""
    if part.get("type") == "tool_result":  # Anthropic
        return part.get("content") or ""
    if isinstance(part.get("toolResult"), dict):  # Bedrock
        return [
            one if "text" in one else _dumped(one.get("json", one)) for one in part["toolResult"].get("content") or ()
        ]
    response = part.get("functionResponse") or part.get("function_response")  # Gemini
    return _dumped(response.get("response")) if isinstance(response, dict) else None


def _is_returned(part: Any) -> bool:
    return isinstance(part, dict) and _returned(part) is not None


def _dumped(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def with_tools(turns: list[Message], tools: list[Any]) -> list[Message]:
    """The turns with the tools that the model may call behind the system's text. Without them, no prompt could call
    one."""
    listed = [tool.get("function", tool) if isinstance(tool, dict) else tool for tool in tools]
    has_system = turns[0].role == "system"
    said = [turns[0].text] if has_system else []
    text = "\n\n".join([*said, f"Tools: {json.dumps(listed, ensure_ascii=False)}"])
    return [Message("system", text), *turns[has_system:]]


def _calls(calls: Any) -> str:
    """Tool calls as JSON: one object, or a list if there are several."""
    found = []
    for call in calls if isinstance(calls, list) else [calls]:
        function = call.get("function", call)
        arguments = function.get("arguments", function.get("args", function.get("input")))
        if isinstance(arguments, str):
            with suppress(ValueError):
                arguments = json.loads(arguments)
        found.append({"name": function.get("name"), "arguments": arguments})
    return json.dumps(found[0] if len(found) == 1 else found, ensure_ascii=False)
