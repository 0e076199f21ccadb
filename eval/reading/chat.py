"""Rows in chat formats, flattened to an input, a target and, if there is one, a rejected answer.

Read are OpenAI's `messages` (https://platform.openai.com/docs/guides/supervised-fine-tuning) and preference format,
ShareGPT's `conversations`, Gemini's `contents`, and TRL's `prompt`, `completion`, `chosen` and `rejected`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from eval.conversation import written
from eval.mapping.names import TURNS_COLUMN
from eval.reading.chat_forms import Records, column_of_chats, with_messages
from eval.reading.messages import (
    ROLES,
    TURNS_IN_TEXT,
    Message,
    are_messages,
    content_of,
    messages_in,
    parsed,
    with_tools,
)
from eval.task import BadInput, Turn

_CHAT_KEYS = ("messages", "conversations", "conversation", "contents", "dialogue", "dialog", "turns", "chat", "items")
_ANSWER_KEYS = ("completion", "chosen", "preferred_output")
_IDEAL_KEYS = ("ideal", "expected_output", "expected", "reference", "target")  # beside messages called "input"
_REJECTED_KEYS = ("rejected", "non_preferred_output")
_SYSTEM_KEYS = ("systemInstruction", "system_instruction", "system", "system_prompt")
_TOOL_KEYS = ("tools", "functions")


@dataclass(frozen=True, slots=True)
class _Chat:
    turns: list[Message]
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
        if turns and turns[-1].role not in ROLES.values():
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
        are_messages(parsed(cells.get(key))) for key in (*_CHAT_KEYS, *_ANSWER_KEYS)
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
    if "messages" in record or any(are_messages(parsed(record.get(key))) for key in (*_CHAT_KEYS, *_ANSWER_KEYS)):
        return True
    if any(are_messages([record.get(key)]) for key in _ANSWER_KEYS):  # one message, as LLaMA-Factory writes it
        return True
    if are_messages(parsed(record.get("input"))) and any(key in record for key in _IDEAL_KEYS):
        return True
    chosen = record.get("chosen")
    return "prompt" not in record and isinstance(chosen, str) and TURNS_IN_TEXT.search(chosen) is not None


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
    turns: list[Message] = []
    rejected = ""
    try:
        for key in _SYSTEM_KEYS:
            if (system := record.get(key)) and not turns:
                used.append(key)
                turns = [Message("system", content_of(system.get("parts") if isinstance(system, dict) else system)[0])]
        used_key = next((one for one in _CHAT_KEYS if one in record), None)
        source = record.get("input")
        if used_key:
            turns += messages_in(record[used_key])
        elif isinstance(source, dict) and "messages" in source:
            used_key = "input"
            turns += messages_in(source["messages"])
        elif are_messages(parsed(source)):
            used_key = "input"
            ideal = next((key for key in _IDEAL_KEYS if key in record), None)
            turns += messages_in(source)
            if ideal:
                used.append(ideal)
                turns += messages_in(record[ideal], "assistant")
        elif "prompt" in record:
            used_key = "prompt"
            turns += messages_in(record["prompt"], "user")
        used += [used_key] if used_key else []
        answer = next((one for one in _ANSWER_KEYS if one in record), None)
        if answer and not _has_answer(turns):
            used.append(answer)
            turns += messages_in(record[answer], "assistant")
        for key in _REJECTED_KEYS:
            if bad := messages_in(record.get(key), "assistant"):
                used.append(key)
                rejected = bad[-1].text
        for key in _TOOL_KEYS:
            if turns and (tools := parsed(record.get(key))) and isinstance(tools, list):
                used.append(key)
                turns = with_tools(turns, tools)
    except (KeyError, TypeError, AttributeError) as wrong:
        raise BadInput(
            f"{name} has a row without readable messages (row {number}): "
            'each row needs "messages", a list of {"role": "…", "content": "…"}.'
        ) from wrong
    wanted = [at for at, turn in enumerate(turns) if turn.role == "assistant" and not turn.is_unwanted]
    cut = turns[: wanted[-1] + 1] if wanted and turns[-1].is_unwanted else turns
    return _Chat(cut, rejected, {key: value for key, value in record.items() if key not in used}, len(cut) < len(turns))


def _has_answer(turns: Sequence[Message]) -> bool:
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


def _opening(turns: Sequence[Message]) -> str:
    return turns[0].text if turns[0].role == "system" else ""
