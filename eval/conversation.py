"""A conversation as one text, written and read back: what people, searches and scores see of its turns.

A strategy is asked with texts (`Strategy.predict`), so one that wants the turns reads them from the text. So does a
person's own text in that form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from eval.task import Turn

ROLES = ("system", "user", "assistant", "tool")  # others are kept in the text of the turn before
_MARK = rf"(?:{'|'.join(ROLES)}):(?: |$)"
_STARTS = re.compile(rf"^({_MARK})", re.IGNORECASE | re.MULTILINE)
_LOOKS_LIKE_ONE = re.compile(rf"^( *{_MARK})", re.IGNORECASE | re.MULTILINE)
_SET_BACK = re.compile(rf"^ ( *{_MARK})", re.IGNORECASE | re.MULTILINE)


def written(turns: Sequence[Turn], is_read_back: bool = False) -> str:
    """The plain text of a single turn of the user, else "user: …\\nassistant: …\\nuser: …". A line of a message that
    looks like the start of a turn gets a space in front. With `is_read_back`, a single turn is plain text only if
    `turns_of` finds no other turns in it."""
    if len(turns) == 1 and turns[0].role == "user":
        text = turns[0].text
        if not is_read_back or turns_of(text) == (turns[0],):
            return text
    return "\n".join(f"{turn.role}: " + _LOOKS_LIKE_ONE.sub(r" \1", turn.text) for turn in turns)


def turns_of(text: str) -> tuple[Turn, ...]:
    """The turns of such a text, at least one. Words before the first mark are the user's."""
    before, *found = _STARTS.split(f"{text}\n")
    turns = [Turn("user", before.removesuffix("\n"))] if before.strip() or not found else []
    for mark, said in zip(found[::2], found[1::2], strict=True):
        turns.append(Turn(mark.rstrip(": ").lower(), _SET_BACK.sub(r"\1", said.removesuffix("\n"))))
    return tuple(turns)
