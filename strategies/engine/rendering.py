"""A prompt in a model's own chat format: its text, its tokens, and which part of the prompt each token comes from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from eval.sent import Part, Piece, SentPrompt
from strategies.engine.language_model import Message, Prompt

PLAIN_TURN = "{role}:\n{content}\n"  # for models without a chat template
_PLACEHOLDER = "\ue000{}\ue001"  # private-use characters, which no template contains
_PLACEHOLDERS = re.compile("\ue000(\\d+)\ue001")

Span = tuple[int, int, Part]  # from and to in the characters of the rendered text


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt as the network reads it, up to where the answer starts."""

    form: ChatForm = field(repr=False)
    prompt: Prompt
    text: str
    ids: list[int]

    def sent(self) -> SentPrompt:
        """The tokens by part. Takes about as long as tokenizing."""
        return self.form.pieces(self)


class ChatForm:
    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self._frames: dict[tuple[str, ...], list[str] | None] = {}

    def render(self, prompt: Prompt) -> Rendered:
        text = self._text(prompt)
        ids: list[int] = self.tokenizer(text, add_special_tokens=self._is_plain)["input_ids"]
        return Rendered(self, prompt, text, ids)

    def pieces(self, rendered: Rendered) -> SentPrompt:
        text, ids = rendered.text, rendered.ids
        if not self.tokenizer.is_fast:  # only fast tokenizers say which characters a token covers
            return (Piece(Part.WHOLE, text, tuple(ids)),)
        found = self.tokenizer(text, add_special_tokens=self._is_plain, return_offsets_mapping=True)
        ends, end = [], 0
        for _, token_end in found["offset_mapping"]:
            end = max(end, token_end)
            ends.append(end)
        if ends:
            ends[-1] = len(text)
        parts = [Part.WHOLE] * len(text)
        if (spans := self._spans(rendered.prompt, text)) is not None:
            parts = [Part.TEMPLATE] * len(text)
            for first, last, part in spans:
                parts[first:last] = [part] * (last - first)
        return tuple(_pieces(text, ids, ends, parts))

    @property
    def _is_plain(self) -> bool:
        return not self.tokenizer.chat_template

    def _text(self, prompt: Prompt) -> str:
        if self._is_plain:
            return "".join(PLAIN_TURN.format(role=turn.role, content=turn.content) for turn in prompt) + "assistant:\n"
        try:
            return self._in_chat_form(prompt)
        except TemplateError:  # some models have no system turn
            first, second, *rest = prompt
            return self._in_chat_form((Message("user", f"{first.content}\n\n{second.content}"), *rest))

    def _in_chat_form(self, prompt: Prompt) -> str:
        turns = [{"role": turn.role, "content": turn.content} for turn in prompt]
        # Thinking aloud would use up an answer's tokens before it starts. Templates without this switch ignore it.
        return str(
            self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, enable_thinking=False)
        )

    def _spans(self, prompt: Prompt, text: str) -> list[Span] | None:
        """Where the parts are in the rendered text. None if it isn't the template's frame around the contents."""
        frame = self._frame(prompt)
        if frame is None or not text.startswith(frame[0]):
            return None
        spans: list[Span] = []
        at = len(frame[0])
        for message, after in zip(prompt, frame[1:], strict=True):
            content = message.content
            for kept in (content, content.strip(), content.rstrip(), content.lstrip()):  # many templates trim contents
                if text.startswith(kept + after, at):
                    break
            else:
                return None
            trimmed = 0 if content.startswith(kept) else len(content) - len(content.lstrip())
            for first, last, part in _marked(message):
                first, last = max(first - trimmed, 0), min(last - trimmed, len(kept))
                if first < last:
                    spans.append((at + first, at + last, part))
            at += len(kept) + len(after)
        return spans if at == len(text) else None

    def _frame(self, prompt: Prompt) -> list[str] | None:
        """What the template writes before, between and after the contents of such turns; None if it changes their
        order. Found by rendering placeholders."""
        roles = tuple(message.role for message in prompt)
        if roles not in self._frames:
            text = self._text(tuple(Message(role, _PLACEHOLDER.format(at)) for at, role in enumerate(roles)))
            before, *found = _PLACEHOLDERS.split(text)
            numbers, after = found[::2], found[1::2]
            in_order = numbers == [str(at) for at in range(len(roles))]
            self._frames[roles] = [before, *after] if in_order else None
        return self._frames[roles]


def _marked(message: Message) -> Iterator[Span]:
    """Where the parts of a message are in its content."""
    at = 0
    for part, words in message.parts:
        first = message.content.find(words, at)
        if first >= 0:
            at = first + len(words)
            yield first, at, part


def _pieces(text: str, ids: list[int], ends: list[int], parts: list[Part]) -> Iterator[Piece]:
    """`ends` says up to which character each token goes, `parts` what each character belongs to."""
    starts = [0, *ends[:-1]]
    of_tokens: list[Part] = []
    for start, end in zip(starts, ends, strict=True):
        if start < end:
            of_tokens.append(Counter(parts[start:end]).most_common(1)[0][0])
        else:  # a token that the tokenizer adds, or one of several for one character, which the first of them covers
            of_tokens.append(parts[start - 1] if start else Part.TEMPLATE)
    at = 0
    for part, alike in groupby(of_tokens):
        last = at + len(list(alike))
        first_character, end = starts[at], ends[last - 1]
        lengths = tuple(end - start for start, end in zip(starts[at:last], ends[at:last], strict=True))
        yield Piece(part, text[first_character:end], tuple(ids[at:last]), lengths)
        at = last
