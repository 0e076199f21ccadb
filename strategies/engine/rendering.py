"""A prompt in a model's own chat format: its text, its tokens, and which part of the prompt each token comes from. And
the answer to it: its tokens in training, what ends it, and what a model wrote without its thoughts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

from transformers import PreTrainedTokenizerBase

from eval.sent import Part, Piece, SentPrompt
from strategies.engine.chat_template import ChatTemplate, Frame
from strategies.engine.language_model import Message, Prompt, Span
from strategies.engine.own_template import go_template, own_template, switches_of
from strategies.engine.thinking import USUAL, Answer, read_answer

_OF_A_WAY = ("turns", "in_parts", "word", "tools_as_user")  # what a download needs


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


@dataclass(frozen=True, slots=True)
class _AnswerForm:
    """How an answer is written behind the `opening` of a prompt: the space before it, the token that ends it and, where
    no token does, the beginning of the turn with which a model would go on by itself. `depends_on_opening` says whether
    an answer has other tokens alone: some tokenizers put a space in front of any text."""

    opening: str
    lead: str
    end: int | None
    next_turn: str | None
    depends_on_opening: bool


class ChatForm:
    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self._template = ChatTemplate(tokenizer)
        self._answer_forms: dict[Frame, _AnswerForm] = {}
        self._special = special_texts(tokenizer)

    @property
    def notes(self) -> list[str]:
        """Sentences worth knowing about how this model is asked."""
        return self._template.notes

    def render(self, prompt: Prompt) -> Rendered:
        """A special token that a text spells out ("<|im_end|>") is read as text, so that no input can end its turn and
        begin another."""
        if any(mark in turn.content for turn in prompt for mark in self._special):
            prompt = tuple(self._without_tokens(turn) for turn in prompt)
        text = self._template.text(prompt)
        ids = self._start_tokens(self._template.frame(prompt)) + self._tokens(text)
        return Rendered(self, prompt, text, ids)

    def messages(self, prompt: Prompt) -> list[dict[str, Any]]:
        """The prompt as messages of which `own_template` makes the same text."""
        return self._template.frame(prompt).way.arrange(tuple(self._without_tokens(turn) for turn in prompt))

    @property
    def own_template(self) -> str:
        """A chat template in Jinja that writes these prompts for whoever serves the model."""
        start = self._start_tokens(self._template.frame_of("system", "user"))
        return own_template(self._template, str(self.tokenizer.decode(start, skip_special_tokens=False)))

    @property
    def go_template(self) -> str | None:
        """The same for Ollama; None if it can't be had."""
        return go_template(self._template)

    @property
    def switches(self) -> dict[str, Any]:
        """The variables that the model's own template needs to write these prompts."""
        return switches_of(self._template, self._template.frame_of("system", "user"))

    @property
    def is_read_plainly(self) -> bool:
        """Whether the text of an answer is all that was written before a token ended it."""
        return self._answer_form.next_turn is None and not self._template.markers

    def encode_answer(self, text: str) -> list[int]:
        """An answer as the template would write it behind a prompt, without what ends it."""
        if not text:
            return []
        form = self._answer_form
        text = without_tokens(text, self._special)
        behind = self._behind(form.opening, form.lead + text) if form.depends_on_opening else None
        return behind if behind is not None else self._tokens(form.lead + text)

    @property
    def end(self) -> int | None:
        """The token that the template writes behind an answer; None if it writes none."""
        return self._answer_form.end

    def read_answer(self, rendered: Rendered, tokens: Sequence[int], cut_off: bool) -> Answer:
        """What the model answered, given the tokens it wrote before the one that ended it."""
        contents = "\n".join(turn.content for turn in rendered.prompt)
        answer = read_answer(self.tokenizer, tokens, cut_off, self._template.markers, contents)
        next_turn = self._answer_form.next_turn
        if next_turn is not None and next_turn in answer.text:
            answer = Answer(answer.text.split(next_turn)[0], False, answer.thinking_tokens)
        return Answer(answer.text.strip(), answer.cut_off, answer.thinking_tokens)

    def to_json(self) -> dict[str, Any]:
        """What `standalone.py` needs to ask as this does and to read answers as this does."""
        form = self._answer_form
        frames = {
            "alone": self._template.frame_of("system", "user"),
            "with examples": self._template.frame_of("system", "user", "assistant", "user"),
            "with a tool": self._template.frame_of("system", "user", "assistant", "tool"),
        }
        return {
            "prompts": {
                name: {
                    **{key: value for key, value in asdict(frame.way).items() if key in _OF_A_WAY},
                    "variables": self._template.variables(frame.way),
                    "added": frame.added,
                    "first_tokens": self._start_tokens(frame),
                }
                for name, frame in frames.items()
            },
            "special": self._special,
            "opening": form.opening if form.depends_on_opening else "",
            "lead": form.lead,
            "end": form.end,
            "next_turn": form.next_turn,
            "thoughts": [[pair.opening, pair.closing] for pair in self._template.markers],
            "usual_thoughts": [[pair.opening, pair.closing] for pair in USUAL],
        }

    def pieces(self, rendered: Rendered) -> SentPrompt:
        text, ids = rendered.text, rendered.ids
        if not self.tokenizer.is_fast:  # only fast tokenizers say which characters a token covers
            return (Piece(Part.WHOLE, text, tuple(ids)),)
        frame = self._template.frame(rendered.prompt)
        found = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ends, end = [0] * len(self._start_tokens(frame)), 0
        for _, token_end in found["offset_mapping"]:
            end = max(end, token_end)
            ends.append(end)
        if ends:
            ends[-1] = len(text)
        parts = [Part.WHOLE] * len(text)
        if (spans := _spans(frame, rendered.prompt, text)) is not None:
            parts = [Part.TEMPLATE] * len(text)
            for first, last, part in spans:
                parts[first:last] = [part] * (last - first)
        return tuple(_pieces(text, ids, ends, parts))

    def _without_tokens(self, turn: Message) -> Message:
        marked = tuple((part, without_tokens(words, self._special)) for part, words in turn.marked)
        return Message(turn.role, without_tokens(turn.content, self._special), marked)

    @property
    def _answer_form(self) -> _AnswerForm:
        frame = self._template.frame_of("system", "user")
        if frame not in self._answer_forms:
            self._answer_forms[frame] = self._find_answer_form(frame)
        return self._answer_forms[frame]

    def _find_answer_form(self, frame: Frame) -> _AnswerForm:
        longer = self._template.frame_of("system", "user", "assistant", "user")
        next_turn = dict(zip(longer.contents, longer.after, strict=True)).get(2, "").rstrip()
        # If nothing ends the last turn, the token that starts the next one ends an answer, as in GLM's templates.
        end = next((token for token in map(self._first_added, (frame.end or "", next_turn)) if token is not None), None)
        probe = f"{frame.lead}a"
        depends_on_opening = self._behind(frame.opening, probe) != self._tokens(probe)
        return _AnswerForm(
            frame.opening, frame.lead, end, next_turn if next_turn and end is None else None, depends_on_opening
        )

    def _start_tokens(self, frame: Frame) -> list[int]:
        """What the tokenizer puts first. A chat template does that itself."""
        if frame.way.turns != "plain":
            return []
        bare = self._tokens("a")
        whole: list[int] = self.tokenizer("a")["input_ids"]
        at = next((at for at in range(len(whole)) if whole[at : at + len(bare)] == bare), 0)
        return whole[:at]

    def _behind(self, before: str, text: str) -> list[int] | None:
        """The tokens of a text behind another; None if a token would belong to both."""
        known, whole = self._tokens(before), self._tokens(before + text)
        return whole[len(known) :] if whole[: len(known)] == known else None

    def _first_added(self, text: str) -> int | None:
        added = set(self.tokenizer.get_added_vocab().values())
        return next((token for token in self._tokens(text) if token in added and self._is_visible(token)), None)

    def _is_visible(self, token: int) -> bool:
        return bool(str(self.tokenizer.decode([token], skip_special_tokens=False)).strip())

    def _tokens(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def special_texts(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """What spells out tokens that control a model, such as the one that ends a turn. The longest first, because one may
    begin with another."""
    special = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    return sorted((text for text in special if len(text.strip()) > 1), key=lambda text: (-len(text), text))


def without_tokens(text: str, special: Sequence[str]) -> str:
    """The text with a space in each special token that it spells out."""
    for mark in special:
        text = text.replace(mark, f"{mark[0]} {mark[1:]}")
    return text


def _spans(frame: Frame, prompt: Prompt, text: str) -> list[Span] | None:
    """Where the parts are in the rendered text. None if it isn't the template's frame around the contents."""
    if not text.startswith(frame.before):
        return None
    spans: list[Span] = []
    at = len(frame.before)
    for turn, after in zip(frame.contents, frame.after, strict=True):
        content = prompt[turn].content
        for kept in (content, content.strip(), content.rstrip(), content.lstrip()):  # many templates trim contents
            if text.startswith(kept + after, at):
                break
        else:
            return None
        trimmed = 0 if content.startswith(kept) else len(content) - len(content.lstrip())
        for first, last, part in prompt[turn].spans():
            first, last = max(first - trimmed, 0), min(last - trimmed, len(kept))
            if first < last:
                spans.append((at + first, at + last, part))
        at += len(kept) + len(after)
    return spans if at == len(text) else None


def _pieces(text: str, ids: list[int], ends: list[int], parts: list[Part]) -> Iterator[Piece]:
    """`ends` says up to which character each token goes, `parts` what each character belongs to."""
    starts = [0, *ends[:-1]]
    of_tokens: list[Part] = []
    for start, end in zip(starts, ends, strict=True):
        if start < end:
            seen = [part for at, part in enumerate(parts[start:end], start) if not text[at].isspace()]
            of_tokens.append(Counter(seen or parts[start:end]).most_common(1)[0][0])
        else:  # a token that the tokenizer adds, or one of several for one character, which the first of them covers
            of_tokens.append(parts[start - 1] if start else Part.TEMPLATE)
    at = 0
    for part, alike in groupby(of_tokens):
        last = at + len(list(alike))
        first_character, end = starts[at], ends[last - 1]
        lengths = tuple(end - start for start, end in zip(starts[at:last], ends[at:last], strict=True))
        yield Piece(part, text[first_character:end], tuple(ids[at:last]), lengths)
        at = last
