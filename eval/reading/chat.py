"""Rows in chat formats, flattened to an input, a target and, if there is one, a rejected answer.

Read are OpenAI's `messages` (https://platform.openai.com/docs/guides/supervised-fine-tuning) and preference format,
ShareGPT's `conversations`, Gemini's `contents`, and TRL's `prompt`, `completion`, `chosen` and `rejected`.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from eval.conversation import written
from eval.mapping.names import TURNS_COLUMN
from eval.reading.chat_forms import Records, column_of_chats, with_messages
from eval.task import BadInput, Turn

_CHAT_KEYS = ("messages", "conversations", "conversation", "contents", "dialogue", "dialog", "turns", "chat", "items")
_ANSWER_KEYS = ("completion", "chosen", "preferred_output")
_IDEAL_KEYS = ("ideal", "expected_output", "expected", "reference", "target")  # beside messages called "input"
_REJECTED_KEYS = ("rejected", "non_preferred_output")
_SYSTEM_KEYS = ("systemInstruction", "system_instruction", "system", "system_prompt")
_TEXT_KEYS = ("content", "value", "parts", "text")
_ROLES = {
    "human": "user", "user": "user", "prompter": "user", "customer": "user",
    "gpt": "assistant", "assistant": "assistant", "model": "assistant", "bot": "assistant", "chatbot": "assistant",
    "chatgpt": "assistant", "ai": "assistant", "function_call": "assistant", "agent": "assistant",
    "system": "system", "developer": "system",
    "tool": "tool", "function": "tool", "observation": "tool", "function_response": "tool", "tool_response": "tool",
    "ipython": "tool",
}  # fmt: skip
_TOOL_KEYS = ("tools", "functions")
_THOUGHTS = ("thinking", "redacted_thinking", "reasoning")  # types of parts
_MEDIA = re.compile("image|audio|video|file|inline_?data", re.IGNORECASE)
_TURNS_IN_TEXT = re.compile(r"\n\n(Human|Assistant): ?")  # Anthropic's HH-RLHF


@dataclass(frozen=True, slots=True)
class _Turn:
    role: str
    text: str
    has_media: bool = False
    is_unwanted: bool = False  # an answer with weight 0, which OpenAI's fine-tuning doesn't learn


@dataclass(frozen=True, slots=True)
class _Chat:
    turns: list[_Turn]
    rejected: str
    rest: dict[str, Any]
    is_cut: bool = False  # before last answers with weight 0


def flatten_chats(name: str, records: Records, notes: list[str]) -> tuple[Records, str]:
    """Turn numbered records that hold chats into records with `input` and `target`, and the instruction they share.
    Records without chats are returned as they are.

    The last message must be the assistant's and becomes the target: its text, or the tool calls in it as JSON.
    Everything before it becomes the input, as one text (`eval/conversation.py`). A system message that opens every row
    is the instruction; if they differ, each stays in its row's input. A rejected answer becomes `rejected`. The turns
    before the last message are kept apart, too, and so are other keys.
    Raises BadInput, naming the row.
    """
    records = with_messages(records)
    if not records or not any(is_chat(record) for _, record in records[:20]):
        return records, ""
    chats = _readable(name, records)
    usable = [(number, chat) for number, chat in chats if _has_answer(chat.turns)]
    if len(usable) * 2 <= len(chats):
        number, turns = next((number, chat.turns) for number, chat in chats if not _has_answer(chat.turns))
        if turns and turns[-1].role not in _ROLES.values():
            raise BadInput(
                f"{name} has a chat in row {number} whose last message is by '{turns[-1].role[:60]}', a role that we "
                "don't know: call the roles 'user' and 'assistant'."
            )
        raise BadInput(
            f"{name} has a chat in row {number} that does not end with an assistant's message after a user's: "
            "the last message is taken as the ideal answer, so add it."
        )
    _refuse_media(name, [chat for _, chat in usable])
    _note(name, chats, notes)
    openings = {_opening(chat.turns) for _, chat in usable}
    instruction = openings.pop() if len(openings) == 1 else ""
    flat: Records = []
    has_turns = any(len(chat.turns) > (3 if instruction else 2) for _, chat in usable)
    for number, chat in usable:
        before, last = chat.turns[1 if instruction else 0 : -1], chat.turns[-1]
        found = {"input": written([Turn(turn.role, turn.text) for turn in before], has_turns), "target": last.text}
        if len(before) > 1:
            found[TURNS_COLUMN] = json.dumps([[turn.role, turn.text] for turn in before[:-1]], ensure_ascii=False)
        if chat.rejected:
            found["rejected"] = chat.rejected
        flat.append((number, {**found, **{key: value for key, value in chat.rest.items() if key not in found}}))
    return flat, instruction


def holds_chats(columns: Sequence[str], row: Sequence[str]) -> bool:
    """Whether a table's row holds a chat in a cell, in a column called so."""
    cells = dict(zip(columns, row, strict=False))
    return column_of_chats(columns, [row]) is not None or any(
        _are_turns(_parsed(cells.get(key))) for key in (*_CHAT_KEYS, *_ANSWER_KEYS)
    )


def turns_in(cell: str) -> tuple[Turn, ...]:
    """The earlier turns of a chat, from a cell that `flatten_chats` wrote."""
    if not cell:
        return ()
    with suppress(ValueError, TypeError):
        return tuple(Turn(str(role), str(text)) for role, text in json.loads(cell))
    return ()


def is_chat(record: dict[str, Any]) -> bool:
    """Whether a record holds messages in a known format."""
    if "messages" in record or any(_are_turns(_parsed(record.get(key))) for key in (*_CHAT_KEYS, *_ANSWER_KEYS)):
        return True
    if any(_are_turns([record.get(key)]) for key in _ANSWER_KEYS):  # one message, as LLaMA-Factory writes it
        return True
    if _are_turns(_parsed(record.get("input"))) and any(key in record for key in _IDEAL_KEYS):
        return True
    chosen = record.get("chosen")
    return "prompt" not in record and isinstance(chosen, str) and _TURNS_IN_TEXT.search(chosen) is not None


def _readable(name: str, records: Records) -> list[tuple[int, _Chat]]:
    """The chat of each row, without turns where it can't be read. Raises BadInput if that is so of half of them."""
    chats, problems = [], []
    for number, record in records:
        try:
            chats.append((number, _chat(name, number, record)))
        except BadInput as wrong:
            problems.append(wrong)
            chats.append((number, _Chat([], "", {})))
    if len(problems) * 2 >= len(records):
        raise problems[0]
    return chats


def _chat(name: str, number: int, record: dict[str, Any]) -> _Chat:
    used: list[str] = []
    turns: list[_Turn] = []
    rejected = ""
    try:
        for key in _SYSTEM_KEYS:
            if (system := record.get(key)) and not turns:
                used.append(key)
                turns = [_Turn("system", _content(system.get("parts") if isinstance(system, dict) else system)[0])]
        used_key = next((one for one in _CHAT_KEYS if one in record), None)
        source = record.get("input")
        if used_key:
            turns += _turns(record[used_key])
        elif isinstance(source, dict) and "messages" in source:
            used_key = "input"
            turns += _turns(source["messages"])
        elif _are_turns(_parsed(source)):
            used_key = "input"
            ideal = next((key for key in _IDEAL_KEYS if key in record), None)
            turns += _turns(source)
            if ideal:
                used.append(ideal)
                turns += _turns(record[ideal], "assistant")
        elif "prompt" in record:
            used_key = "prompt"
            turns += _turns(record["prompt"], "user")
        used += [used_key] if used_key else []
        answer = next((one for one in _ANSWER_KEYS if one in record), None)
        if answer and not _has_answer(turns):
            used.append(answer)
            turns += _turns(record[answer], "assistant")
        for key in _REJECTED_KEYS:
            if bad := _turns(record.get(key), "assistant"):
                used.append(key)
                rejected = bad[-1].text
        for key in _TOOL_KEYS:
            if turns and (tools := _parsed(record.get(key))) and isinstance(tools, list):
                used.append(key)
                turns = _with_tools(turns, tools)
    except (KeyError, TypeError, AttributeError) as wrong:
        raise BadInput(
            f"{name} has a row without readable messages (row {number}): "
            'each row needs "messages", a list of {"role": "…", "content": "…"}.'
        ) from wrong
    wanted = [at for at, turn in enumerate(turns) if turn.role == "assistant" and not turn.is_unwanted]
    cut = turns[: wanted[-1] + 1] if wanted and turns[-1].is_unwanted else turns
    return _Chat(cut, rejected, {key: value for key, value in record.items() if key not in used}, len(cut) < len(turns))


def _parsed(value: Any) -> Any:
    """A chat that a table holds as JSON, or as Python, which pandas writes."""
    if isinstance(value, str) and value.lstrip().startswith("[{"):
        for read in (json.loads, ast.literal_eval):
            with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
                return read(value)
    return value


def _are_turns(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(turn, dict) and ("role" in turn or "from" in turn) for turn in value)
        and any(key in turn for turn in value for key in _TEXT_KEYS)
    )


def _turns(value: Any, role: str = "") -> list[_Turn]:
    """The messages in a list of them, or in one text by `role`. Raises KeyError or TypeError if it is neither."""
    value = _parsed(value)
    if isinstance(value, dict) and _are_turns([value]):
        value = [value]
    if isinstance(value, str) and role:
        parts = _TURNS_IN_TEXT.split(value)
        if len(parts) > 1:
            return [_Turn(_ROLES[who.lower()], text) for who, text in zip(parts[1::2], parts[2::2], strict=True)]
        return [_Turn(role, value)]
    if role and isinstance(value, list) and value and isinstance(value[0], str):  # several right answers
        return [_Turn(role, value[0])]
    return [_turn(message) for message in value or ()]


def _turn(message: dict[str, Any]) -> _Turn:
    spoken = str(message["role"] if "role" in message else message["from"])
    known = next((key for key in _TEXT_KEYS if key in message), None)
    calls = message.get("tool_calls") or message.get("function_call")
    if known is None and not calls:
        raise KeyError("content")
    content = message[known] if known else None
    text, has_media = _content(content or message.get("refusal"))
    if calls:
        text = "\n".join(filter(None, [text, _calls(calls)]))
    role = _ROLES.get(spoken.casefold(), spoken)
    if role == "user" and isinstance(content, list) and content and all(map(_is_returned, content)):
        role = "tool"
    return _Turn(role, text, has_media, role == "assistant" and message.get("weight") in (0, "0"))


def _content(content: Any) -> tuple[str, bool]:
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
            text, holds_media = _content(returned)
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


def _with_tools(turns: list[_Turn], tools: list[Any]) -> list[_Turn]:
    """The turns with the tools that the model may call behind the system's text. Without them, no prompt could call
    one."""
    listed = [tool.get("function", tool) if isinstance(tool, dict) else tool for tool in tools]
    has_system = turns[0].role == "system"
    said = [turns[0].text] if has_system else []
    text = "\n\n".join([*said, f"Tools: {json.dumps(listed, ensure_ascii=False)}"])
    return [_Turn("system", text), *turns[has_system:]]


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


def _has_answer(turns: Sequence[_Turn]) -> bool:
    is_answered = len(turns) > 1 and turns[-1].role == "assistant" and not turns[-1].is_unwanted
    return is_answered and any(turn.role != "system" for turn in turns[:-1])


def _refuse_media(name: str, chats: Sequence[_Chat]) -> None:
    """Raises BadInput if most chats ask with nothing but pictures, sound or files."""
    asked = [[turn for turn in chat.turns[:-1] if turn.role != "system"] for chat in chats]
    without_text = sum(
        any(one.has_media for one in each) and not any(one.text.strip() for one in each) for each in asked
    )
    if without_text * 2 > len(chats):
        raise BadInput(
            f"{without_text:,} of {len(chats):,} chats of {name} ask with pictures, sound or files alone, and we "
            "compare only tasks whose inputs are text: add a text to each, such as a transcript or a description."
        )


def _note(name: str, chats: Sequence[tuple[int, _Chat]], notes: list[str]) -> None:
    without = [number for number, chat in chats if not chat.turns]
    if len(without) == 1:
        notes.append(f"We left out row {without[0]} of {name}, which holds no readable chat, unlike the others.")
    elif without:
        notes.append(
            f"We left out {len(without):,} rows of {name} that hold no readable chat, unlike the others: the first is "
            f"row {without[0]}."
        )
    unwanted = [chat for _, chat in chats if chat.turns and chat.turns[-1].is_unwanted]
    if unwanted:
        count = (
            "1 chat in which every answer has" if len(unwanted) == 1 else f"{len(unwanted):,} chats whose answers have"
        )
        notes.append(f"We left out {count} weight 0.")
    if unanswered := sum(not _has_answer(chat.turns) for _, chat in chats) - len(without) - len(unwanted):
        count = "1 chat that doesn't" if unanswered == 1 else f"{unanswered:,} chats that don't"
        notes.append(f"We left out {count} end with an assistant's message after a user's.")
    if cut := sum(chat.is_cut for _, chat in chats):
        count = "1 chat of" if cut == 1 else f"{cut:,} chats of"
        notes.append(f"The last answer in {count} {name} has weight 0, so we took the last one with another weight.")
    if learned := sum(turn.is_unwanted for _, chat in chats for turn in chat.turns[:-1] if _has_answer(chat.turns)):
        count = "1 earlier answer has" if learned == 1 else f"{learned:,} earlier answers have"
        notes.append(f"{count} weight 0 in {name}. Fine-tuning still learns from them.")
    if media := sum(any(turn.has_media for turn in chat.turns) for _, chat in chats):
        rows = "1 row" if media == 1 else f"{media:,} rows"
        notes.append(f"{rows} of {name} hold pictures, sound or files, which aren't read. Only their text is used.")


def _opening(turns: Sequence[_Turn]) -> str:
    return turns[0].text if turns[0].role == "system" else ""
