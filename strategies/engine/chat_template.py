"""What a model's chat template makes of turns. A template is a program, so that is found out by giving it placeholders:
whether it knows a system turn, what it writes around each content, and how an answer begins and ends."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any, Literal

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from strategies.engine.language_model import Message, Prompt, Role
from strategies.engine.thinking import Markers, closing_for, markers_in

PLAIN_TURN = "{role}:\n{content}\n"  # for models without a chat template
PLAIN_ANSWER = "assistant:\n"
_PLACEHOLDER = "\ue000{}\ue001"  # private-use characters, which no template contains
_PLACEHOLDERS = re.compile("\ue000(\\d+)\ue001")
# What a template raises itself, and what its expressions raise, for example for a `tools` that is None.
_FAILURES = (TemplateError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
# Templates know one or two of these and ignore the others.
_THINKING_OFF = {"enable_thinking": False, "thinking": False, "reasoning": False, "thinking_budget": 0}
_EFFORTS = ("none", "minimal", "low")  # the least first
_NO_THINKING = ("/no_think", "/nothink", "detailed thinking off")  # words in the first turn that some templates obey
# Prompts must not depend on the day they are sent: a trained adapter, a kept beginning and a rerun rely on that.
_DAY = date(2024, 7, 26)
_TODAY = re.compile(r"""strftime_now\(\s*(["'])(.*?)\1\s*\)""")

SKIPPED_THOUGHT = (
    "The model's chat template lets it think before it answers. Our prompts skip that, so the model answers at once."
)
ONE_TURN = (
    "The model's chat template leaves earlier turns out, so the instruction, the examples and the input are sent as "
    "one turn."
)
UNUSABLE = "The model's chat template fails, so prompts are sent as plain turns."

_Turns = Literal["own", "first user", "one", "plain"]


@dataclass(frozen=True, slots=True)
class Way:
    """How turns are given to a template. `turns`: as they are; with the instruction in the first user turn; all in one
    user turn; or without the template. `in_parts`: contents as lists of parts, as templates of multimodal models want
    them. `no_lists`: without tools and documents (some templates fail if their lists are empty, others if there are
    none). `switches`: with the variables that switch thinking off (some templates refuse what they don't know). `word`:
    what the first turn ends with, to switch thinking off. `tools_as_user`: with what a tool returned as the user's."""

    turns: _Turns
    in_parts: bool = False
    no_lists: bool = True
    switches: bool = True
    word: str = ""
    tools_as_user: bool = False

    def arrange(self, prompt: Prompt) -> list[dict[str, Any]]:
        roles = {"tool": "user"} if self.tools_as_user else {}
        turns = [(roles.get(turn.role, turn.role), turn.content) for turn in prompt]
        if self.turns == "one" and len(turns) > 1:
            system = f"{turns.pop(0)[1]}\n\n" if turns[0][0] == "system" else ""
            asked = turns[0][1] if len(turns) == 1 else "".join(map(_plain_turn, turns)).removesuffix("\n")
            turns = [("user", system + asked)]
        elif self.turns == "first user" and len(turns) > 1 and turns[0][0] == "system":
            turns[:2] = [("user", f"{turns[0][1]}\n\n{turns[1][1]}")]
        if self.word:
            turns[0] = (turns[0][0], f"{turns[0][1]}\n{self.word}")
        return [
            {"role": role, "content": [{"type": "text", "text": content}] if self.in_parts else content}
            for role, content in turns
        ]


_ARRANGED: tuple[tuple[bool, _Turns], ...] = (
    (False, "own"), (False, "first user"), (True, "own"), (True, "first user"), (False, "one"),
)  # fmt: skip
_WAYS = tuple(
    Way(turns, in_parts, no_lists, switches, tools_as_user=as_user)
    for as_user, turns in _ARRANGED
    for in_parts in (False, True)
    for no_lists, switches in ((True, True), (False, True), (True, False))
)
_WAYS_WITHOUT_TOOLS = tuple(way for way in _WAYS if not way.tools_as_user)


@dataclass(frozen=True, slots=True)
class Frame:
    """What a prompt has around its contents: `before` the first and `after` each; `contents` are the numbers of the
    turns, in the order in which the template shows them.

    `added` is what the prompt has behind the template's own text, for example a header that the template leaves to the
    model, or an empty thought. `lead` is the space that belongs to the first word of an answer. `end` is what the
    template writes after an answer; None if it can't show one.
    """

    way: Way
    before: str
    contents: tuple[int, ...]
    after: tuple[str, ...]
    added: str = ""
    lead: str = ""
    end: str | None = None
    note: str | None = None

    @property
    def opening(self) -> str:
        """The text in front of an answer, from the last content on."""
        return self.after[-1]

    def fill(self, prompt: Prompt) -> str:
        around = zip(self.contents, self.after, strict=True)
        return self.before + "".join(prompt[turn].content + after for turn, after in around)


class ChatTemplate:
    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._frames: dict[tuple[str | None, tuple[str, ...]], Frame] = {}
        self._markers: dict[str | None, tuple[Markers, ...]] = {}
        self._asked: dict[Frame, None] = {}  # the frames of prompts so far, in their order

    @property
    def source(self) -> str | None:
        """The template for conversations without tools; None for a model without one."""
        named = self._tokenizer.chat_template
        if isinstance(named, list):
            named = {one["name"]: one["template"] for one in named}
        if isinstance(named, dict):
            for_chats = [template for name, template in named.items() if name not in ("tool_use", "rag")]
            named = named.get("default") or next(iter([*for_chats, *named.values()]), None)
        return _on_one_day(named) if named else None

    @property
    def markers(self) -> tuple[Markers, ...]:
        """What encloses a thought of this model."""
        source = self.source
        if source not in self._markers:
            self._markers[source] = markers_in(source or "", self._tokenizer.get_added_vocab())
        return self._markers[source]

    def variables(self, way: Way) -> dict[str, Any]:
        """What a template gets besides the turns: no tools, and the wish for no thoughts, or for as few as it knows."""
        lists: dict[str, Any] = {} if way.no_lists else {"tools": [], "documents": []}
        switches = {**_THINKING_OFF, "reasoning_effort": _least_effort(self.source or "")} if way.switches else {}
        return {**lists, **switches}

    @property
    def notes(self) -> list[str]:
        """What is worth knowing about the prompts so far."""
        return list(dict.fromkeys(frame.note for frame in self._asked if frame.note))

    def frame(self, prompt: Prompt) -> Frame:
        return self._frame(tuple(turn.role for turn in prompt))

    def frame_of(self, *roles: Role) -> Frame:
        return self._frame(roles)

    def text(self, prompt: Prompt) -> str:
        """The prompt up to where the answer starts."""
        frame = self.frame(prompt)
        self._asked[frame] = None
        try:
            text = self._write(frame.way, prompt, opens=True) + frame.added
        except _FAILURES:  # at these contents
            return frame.fill(prompt)
        text = text.removesuffix(frame.lead)
        # Thoughts are left out of earlier answers; nothing else may be missing.
        is_whole = all(turn.content.strip() in text for turn in prompt if turn.role != "assistant")
        return text if is_whole and text.endswith(frame.opening) else frame.fill(prompt)

    def _frame(self, roles: tuple[Any, ...]) -> Frame:
        key = (self.source, roles)
        if key not in self._frames:
            self._frames[key] = self._find_frame(roles)
        return self._frames[key]

    def _find_frame(self, roles: tuple[Any, ...]) -> Frame:
        """In the first way in which the template shows every content."""
        ways = _WAYS if "tool" in roles else _WAYS_WITHOUT_TOOLS
        for way in ways if self.source else ():
            frame = self._shown(way, roles)
            if frame is not None and set(frame.contents) == set(range(len(roles))):
                frame = self._without_thoughts(frame, roles)
                return frame if way.turns != "one" or len(roles) == 1 else replace(frame, note=ONE_TURN)
        plain = self._shown(Way("plain"), roles)
        assert plain is not None  # plain turns never fail
        return replace(plain, note=UNUSABLE) if self.source else plain

    def _shown(self, way: Way, roles: tuple[Any, ...]) -> Frame | None:
        """What the template makes of such turns; None if it fails or shows none of them."""
        turns = tuple(Message(role, _PLACEHOLDER.format(at)) for at, role in enumerate(roles))
        try:
            text = self._write(way, turns, opens=True)
        except _FAILURES:
            return None
        before, *found = _PLACEHOLDERS.split(text)
        if not found or self._mistakes_tools(way, turns, text):
            return None
        added, end = self._shown_answer(way, turns, text)
        *after, last = found[1::2]
        return Frame(way, before, tuple(map(int, found[::2])), (*after, last + added), added, end=end)

    def _mistakes_tools(self, way: Way, turns: Prompt, text: str) -> bool:
        """Whether the template, which wrote this text, shows what a tool returned as an answer of the assistant."""
        if way.tools_as_user or all(turn.role != "tool" for turn in turns):
            return False
        as_answers = tuple(replace(turn, role="assistant") if turn.role == "tool" else turn for turn in turns)
        try:
            return self._write(way, as_answers, opens=True) == text
        except _FAILURES:
            return False

    def _shown_answer(self, way: Way, turns: Prompt, text: str) -> tuple[str, str | None]:
        """What the template writes between `text` and an answer to it, and after the answer."""
        answer = Message("assistant", _PLACEHOLDER.format(len(turns)))
        try:
            whole = self._write(way, turns, opens=False, answer=answer)
        except _FAILURES:
            return "", None
        head, found, end = whole.partition(answer.content)
        return head[len(text) :] if found and head.startswith(text) else "", end if found else None

    def _without_thoughts(self, frame: Frame, roles: tuple[Any, ...]) -> Frame:
        """The frame with a prompt that ends outside of a thought, and without the space that belongs to the answer."""
        if self._closing(frame):
            words = [word for word in _NO_THINKING if word in (self.source or "")]
            told = (self._shown(replace(frame.way, word=word), roles) for word in words)
            obeyed = (one for one in told if one and set(one.contents) == set(frame.contents))
            frame = next((one for one in obeyed if not self._closing(one)), frame)
        closing = self._closing(frame)
        opening = frame.opening + closing
        lead = " " if opening.endswith(" ") else ""
        is_closed = any(pair.closing in frame.added + closing for pair in self.markers)
        return replace(
            frame,
            after=(*frame.after[:-1], opening.removesuffix(lead)),
            added=frame.added + closing,
            lead=lead,
            note=SKIPPED_THOUGHT if is_closed else None,
        )

    def _closing(self, frame: Frame) -> str:
        return closing_for(frame.before + "".join(frame.after[:-1]), frame.opening, self.markers)

    def _write(self, way: Way, prompt: Prompt, opens: bool, answer: Message | None = None) -> str:
        """The template's own text. With `opens` it ends where an answer starts."""
        if way.turns == "plain":
            turns = [(turn.role, turn.content) for turn in (*prompt, *([answer] if answer else []))]
            return "".join(map(_plain_turn, turns)) + (PLAIN_ANSWER if opens else "")
        arranged = way.arrange(prompt)
        if answer:
            arranged += replace(way, turns="own", word="").arrange((answer,))
        options = {"chat_template": self.source, **self.variables(way)}
        return str(
            self._tokenizer.apply_chat_template(arranged, tokenize=False, add_generation_prompt=opens, **options)
        )


def _plain_turn(turn: tuple[str, str]) -> str:
    return PLAIN_TURN.format(role=turn[0], content=turn[1])


@lru_cache(maxsize=64)
def _on_one_day(template: str) -> str:
    return _TODAY.sub(lambda found: repr(_DAY.strftime(found.group(2))), template)


@lru_cache(maxsize=64)
def _least_effort(template: str) -> str:
    """The least effort that the template names beside the variable."""
    near = " ".join(re.findall(r"reasoning_effort[^%}]*", template))
    return next((effort for effort in _EFFORTS if re.search(rf"""["']{effort}["']""", near)), "low")
