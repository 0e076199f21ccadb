"""Writing that a grammar holds: at each step, only tokens that the grammar allows can be chosen.

The likeliest token is checked first, which takes microseconds. Only if the grammar refuses it, all tokens are compared
with the grammar, which takes less than a millisecond. A model that knows the form is therefore hardly slowed down, and
writes what it would have written anyway. llguidance does the checking.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from torch import Tensor
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

_SAMPLE = '{"name": "Ann Lee", "sizes": [1, -2.5, true], "note": null}'


class Choosing(Protocol):
    """How the next token of each row is chosen."""

    def choose(self, logits: Tensor, rows: Sequence[int]) -> Tensor:
        """The next token of these rows, [rows], given their logits, [rows, vocabulary]. Called once a step."""
        ...

    def is_complete(self, row: int) -> bool:
        """Whether nothing but the end can follow, so that the network needn't be asked."""
        ...


class Freely:
    """The likeliest token, without any grammar."""

    def choose(self, logits: Tensor, rows: Sequence[int]) -> Tensor:
        return logits.argmax(-1)

    def is_complete(self, row: int) -> bool:
        return False


class Grammar:
    """What answers are held to, in the tokens of one model.

    Raises ValueError if llguidance can't use it, for example because it is too large.
    """

    def __init__(self, vocabulary: LLTokenizer, lark: str) -> None:
        self.ends = set(vocabulary.eos_tokens)
        self._matcher = LLMatcher(vocabulary, LLMatcher.grammar_from_lark(lark), log_level=0)
        if self._matcher.is_error():
            raise ValueError(self._matcher.get_error())

    def hold(self, rows: int) -> Held:
        """For answers that are at their beginning."""
        return Held([self._matcher.deep_copy() for _ in range(rows)], self.ends)


class Held:
    """The likeliest token of those that the grammar allows."""

    def __init__(self, matchers: list[LLMatcher], ends: set[int]) -> None:
        self._matchers, self._ends = matchers, ends
        self._end = min(ends)

    def choose(self, logits: Tensor, rows: Sequence[int]) -> Tensor:
        chosen = logits.argmax(-1).tolist()
        for at, row in enumerate(rows):
            matcher = self._matchers[row]
            if matcher.is_error():  # too much to compute: this row goes on freely
                continue
            if matcher.is_stopped():
                chosen[at] = self._end
            elif not self._takes(matcher, chosen[at]):
                allowed = _allowed(matcher, logits.shape[1]).to(logits.device)
                chosen[at] = int(logits[at].masked_fill(~allowed, -torch.inf).argmax())
                if not self._takes(matcher, chosen[at]):  # nothing can follow: a token is missing from the vocabulary
                    chosen[at] = self._end
        return torch.tensor(chosen, device=logits.device)

    def is_complete(self, row: int) -> bool:
        return bool(self._matchers[row].is_stopped() and not self._matchers[row].is_error())

    def _takes(self, matcher: LLMatcher, token: int) -> bool:
        if token in self._ends:
            return bool(matcher.is_accepting())
        return bool(matcher.try_consume_tokens([token]) == 1)


def _allowed(matcher: LLMatcher, size: int) -> Tensor:
    """Which tokens may come next, [size] bool. A network may know more tokens than its tokenizer, or fewer."""
    bits = np.unpackbits(np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8), bitorder="little")[:size]
    return torch.from_numpy(np.pad(bits, (0, size - len(bits))).astype(bool))


def vocabulary_of(tokenizer: PreTrainedTokenizerBase, ends: Iterable[int]) -> LLTokenizer | None:
    """The text of each token, read once in a process, in a quarter of a second for 49,000 tokens. None if it can't be
    known: for a tokenizer that isn't a fast one, or whose tokens don't make up the text they came from."""
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        return None
    backend = copy.copy(tokenizer.backend_tokenizer)
    backend.no_padding()
    backend.no_truncation()
    try:
        vocabulary = _read(backend.to_str(), tuple(sorted(ends)))
    except Exception:  # the reader raises what it likes for a tokenizer that it doesn't know
        return None
    tokens = tokenizer(_SAMPLE, add_special_tokens=False)["input_ids"]
    return vocabulary if vocabulary.decode_str(tokens).strip() == _SAMPLE else None


@lru_cache(maxsize=2)
def _read(tokenizer: str, ends: tuple[int, ...]) -> LLTokenizer:
    return LLTokenizer(tokenizer, eos_token=list(ends))


def closed(text: str) -> str:
    """JSON that was cut off, closed behind its last whole value. The last one may have lost its end, so it goes."""
    open_brackets, kept, in_text, escaped = "", "", False, False
    for at, sign in enumerate(text):
        if in_text:
            in_text, escaped = escaped or sign != '"', sign == "\\" and not escaped
        elif sign == '"':
            in_text = True
        elif sign in "{[":
            open_brackets = ("}" if sign == "{" else "]") + open_brackets
            kept = text[: at + 1] + open_brackets
        elif sign in "}]":
            open_brackets = open_brackets[1:]
            kept = text[: at + 1] + open_brackets
        elif sign == ",":
            kept = text[:at] + open_brackets
    return kept
