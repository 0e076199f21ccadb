"""The thoughts of a model that thinks before it answers: which markers enclose them, how a prompt leaves none open, and
which tokens of an answer they take up.

Markers are found in the chat template and among the tokenizer's added tokens, not by the names of models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Markers:
    """What a model writes before a thought and after it."""

    opening: str
    closing: str

    @property
    def on_own_lines(self) -> bool:
        """Tags such as <think> get lines of their own; tokens such as [THINK] and <|START_THINKING|> don't."""
        return self.opening.startswith("<") and "|" not in self.opening

    @property
    def empty(self) -> str:
        """A thought that is over before it has begun."""
        return f"{self.opening}\n\n{self.closing}\n\n" if self.on_own_lines else self.opening + self.closing


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer without its thoughts, which took `thinking_tokens` of the tokens written. `cut_off` says whether it
    reached the limit of tokens before its end; an answer that never got past a thought is empty."""

    text: str
    cut_off: bool
    thinking_tokens: int = 0


# Channels of one conversation, not tags: everything before the last one is for the model itself.
_CHANNELS = (
    Markers("<|channel|>analysis", "<|channel|>final<|message|>"),
    Markers("<|channel|>commentary", "<|channel|>final<|message|>"),
    Markers("<|channel>thought", "<channel|>"),
)
USUAL = tuple(Markers(f"<{name}>", f"</{name}>") for name in ("think", "thinking", "thought", "reasoning"))
_ABOUT_THOUGHT = r"[\w:.-]*(?:think|thought|reason|scratchpad|inner_prefix|inner_suffix)[\w:.-]*"
_MARKER = re.compile(rf"(<\||<|◁)(/?)({_ABOUT_THOUGHT})(\|>|>|▷)", re.IGNORECASE)
_SQUARE_MARKER = re.compile(r"(\[)(/?)([A-Z_]*(?:THINK|THOUGHT|REASON)[A-Z_]*)(\])")
_STARTS = {"start": "end", "begin": "end", "prefix": "suffix"}  # in names of tokens, in any case


def markers_in(template: str, added_tokens: Iterable[str]) -> tuple[Markers, ...]:
    """The markers that a chat template or a vocabulary has. A template often names only the closing one, to take
    thoughts out of earlier turns."""
    text = "\n".join([template, *added_tokens])
    found = dict.fromkeys(pair for pair in _CHANNELS if pair.closing.split("final")[0] in text)
    named = {match.group(): match for pattern in (_MARKER, _SQUARE_MARKER) for match in pattern.finditer(text)}
    for match in named.values():
        before, slash, name, after = match.groups()
        if slash:
            found[Markers(f"{before}{name}{after}", match.group())] = None
        elif (before, after) != ("<|", "|>"):
            found[Markers(match.group(), f"{before}/{name}{after}")] = None
        else:
            closings = [f"{before}{ended}{after}" for ended in (_ended(name), f"end_{name}", f"/{name}")]
            if closing := next((each for each in closings if each != match.group() and each in named), None):
                found[Markers(match.group(), closing)] = None
    return tuple(found)


def _ended(name: str) -> str:
    """The name of the token that ends what a token of this name starts; the same name if it starts nothing."""
    for start, end in _STARTS.items():
        for was, becomes in ((start, end), (start.upper(), end.upper()), (start.title(), end.title())):
            if was in name:
                return name.replace(was, becomes, 1)
    return name


def closing_for(earlier: str, last: str, markers: Sequence[Markers]) -> str:
    """What a prompt needs at its end so that the answer doesn't start inside a thought. `last` is what the template
    writes after the last input, `earlier` what it writes before.

    A thought that `last` leaves open is closed. If `earlier` tells the model to think, an empty thought goes first.
    """
    for pair in markers:
        opened = last.rfind(pair.opening)
        if opened > last.rfind(pair.closing):
            has_own_line = last[opened + len(pair.opening) :].startswith("\n")
            return f"\n{pair.closing}\n\n" if has_own_line else pair.closing
    told = (pair for pair in markers if pair.opening in earlier and pair.closing not in last)
    return next((pair.empty for pair in told), "")


def read_answer(
    tokenizer: PreTrainedTokenizerBase, tokens: Sequence[int], cut_off: bool, markers: Sequence[Markers], prompt: str
) -> Answer:
    """The answer in what a model wrote. Tags that are usual for thoughts count too, unless the prompt asks for them."""
    known = (*markers, *(pair for pair in USUAL if pair not in markers and pair.opening not in prompt))
    thought, before = 0, ""  # tokens of thoughts so far, and what the last of them has behind the closing marker
    while True:
        raw = before + _decoded(tokenizer, tokens[thought:])
        pair = next((pair for pair in known if raw.lstrip().startswith(pair.opening)), None)
        if pair is None and not thought:  # a prompt may have opened it
            pair = next((pair for pair in markers if pair.closing in raw and pair.opening not in raw), None)
        if pair is None:
            text = str(tokenizer.decode(list(tokens[thought:]), skip_special_tokens=True))
            return Answer(before + text, cut_off, thought)
        if pair.closing not in raw:
            return Answer("", cut_off, len(tokens))
        low, high = thought, len(tokens)  # the fewest tokens with the closing marker
        while low < high:
            middle = (low + high) // 2
            if pair.closing in before + _decoded(tokenizer, tokens[thought:middle]):
                high = middle
            else:
                low = middle + 1
        _, _, before = (before + _decoded(tokenizer, tokens[thought:low])).partition(pair.closing)
        thought = low


def _decoded(tokenizer: PreTrainedTokenizerBase, tokens: Sequence[int]) -> str:
    return str(tokenizer.decode(list(tokens), skip_special_tokens=False))
