"""Log-probabilities of whole labels, where a server gives those of a prompt's own tokens.

Each label stands behind the prompt as the answer would. Where one label begins another, the token that ends an answer
is part of every label, as in our engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.measuring.phases import is_listening
from eval.task import BadInput
from strategies.engine.language_model import Prompt, RowsDone, Scores
from strategies.served.capabilities import Capabilities, WholeLabels
from strategies.served.client import Client
from strategies.served.requests import CHAT, COMPLETIONS, Answer, Refusal, Reply, Request
from strategies.served.usage import Tokens, tokens_reported

_LABELS_A_REQUEST = 64  # prompts in one request for echoes


_Found = tuple[NDArray[np.float64], Tokens, str | None]  # of one prompt: the labels' scores, or why there are none


class Unscorable(BadInput):
    """The server's reply doesn't hold the log-probabilities that were asked for."""


@dataclass(frozen=True, slots=True)
class _Encoded:
    """The tokens of each label behind a prompt, with the token that ends an answer if one label begins another. `tail`
    is how many further tokens the template writes behind them, 0 if answers are left open."""

    ids: list[list[int]]
    closed: bool
    tail: int


class WholeLabelScorer:
    """Scores labels by `capabilities.whole_labels`."""

    def __init__(self, client: Client, capabilities: Capabilities) -> None:
        self._client, self._can = client, capabilities
        self._encoded: dict[tuple[str, ...], _Encoded] = {}

    def score(self, prompts: Sequence[Prompt], labels: Sequence[str], rows_done: RowsDone | None = None) -> Scores:
        """Raises `Unscorable` if a reply doesn't hold what was asked for, BadInput if two labels are the same tokens.

        `tokens_in` is what the server read for each prompt, which it reads once for each label; `tokens_written` what
        it had to write so as to answer at all.
        """
        encoded = self._encode(prompts[0], tuple(labels))
        by_echo = self._can.whole_labels is WholeLabels.ECHO
        found = (self._by_echo if by_echo else self._by_prompt_logprobs)(prompts, labels, encoded, rows_done)
        return Scores(
            np.array([row for row, _, _ in found], dtype=np.float64).reshape(len(prompts), len(labels)),
            np.array([tokens.read for _, tokens, _ in found], dtype=np.int64),
            np.array([len(ids) for ids in encoded.ids], dtype=np.int64),
            sent=tuple(partial(self._can.sent, prompt) for prompt in prompts),
            errors=tuple(error for _, _, error in found),
            tokens_written=np.array([tokens.written for _, tokens, _ in found], dtype=np.int64),
        )

    def _by_echo(
        self, prompts: Sequence[Prompt], labels: Sequence[str], encoded: _Encoded, rows_done: RowsDone | None
    ) -> list[_Found]:
        tokenized = self._client.ask([self._tokenize(self._can.messages(prompt)) for prompt in prompts])
        requests: list[Request] = []
        parts: list[int] = []  # requests of each prompt
        for reply in tokenized:
            asked = list(_parts(encoded.ids, _LABELS_A_REQUEST)) if isinstance(reply, Answer) else []
            parts.append(len(asked))
            if isinstance(reply, Answer):
                base = _tokens_in(reply.body)
                requests += [
                    Request(
                        COMPLETIONS,
                        {
                            "prompt": [base + ids for ids in part],
                            "echo": True,
                            "logprobs": 1,
                            "max_tokens": self._can.echo_tokens,
                            **({"temperature": 0} if self._can.temperature else {}),
                        },
                        timed=is_listening(),
                    )
                    for part in asked
                ]
        replies = iter(self._client.ask(requests, _rows_of(rows_done, len(requests), len(prompts))))
        found = []
        for reply, count in zip(tokenized, parts, strict=True):
            got = list(islice(replies, count))
            refused = next((one for one in (reply, *got) if isinstance(one, Refusal)), None)
            if refused is not None or not isinstance(reply, Answer):
                found.append(_unknown(labels, refused))
                continue
            start = len(_tokens_in(reply.body))
            sums, taken = [], Tokens(0, 0)
            for part, one in zip(_parts(encoded.ids, _LABELS_A_REQUEST), got, strict=True):
                if isinstance(one, Answer):
                    sums += [sum(_echoed(one.body, at, start, len(ids))) for at, ids in enumerate(part)]
                    taken = _with(taken, one, sum(start + len(ids) for ids in part))
            found.append((np.array(sums), taken, None))
        return found

    def _by_prompt_logprobs(
        self, prompts: Sequence[Prompt], labels: Sequence[str], encoded: _Encoded, rows_done: RowsDone | None
    ) -> list[_Found]:
        requests = [
            self._answered(self._can.messages(prompt), label, encoded.closed) for prompt in prompts for label in labels
        ]
        replies = self._client.ask(requests, _rows_of(rows_done, len(requests), len(prompts)))
        found = []
        for row in range(len(prompts)):
            got = replies[row * len(labels) : (row + 1) * len(labels)]
            refused = next((one for one in got if isinstance(one, Refusal)), None)
            if refused is not None:
                found.append(_unknown(labels, refused))
                continue
            sums, taken = [], Tokens(0, 0)
            for ids, one in zip(encoded.ids, got, strict=True):
                if isinstance(one, Answer):
                    known, values = _prompt_logprobs(one.body)
                    first = len(known) - encoded.tail - len(ids)
                    if known[first : first + len(ids)] != ids:
                        raise Unscorable(
                            f"The server at {self._client.address.host} splits a label into other tokens behind "
                            "another prompt, so labels can't be compared."
                        )
                    sums.append(sum(values[first : first + len(ids)]))
                    taken = _with(taken, one, len(known))
            found.append((np.array(sums), taken, None))
        return found

    def _encode(self, prompt: Prompt, labels: tuple[str, ...]) -> _Encoded:
        if labels not in self._encoded:
            messages = self._can.messages(prompt)
            asked = [(None, False), (labels[0], True), *((label, False) for label in labels)]
            base, whole, *behind = self._tokens(messages, asked)
            is_open = len(behind[0]) < len(whole) and whole[: len(behind[0])] == behind[0]
            if not is_open or any(ids[: len(base)] != base for ids in behind):
                raise Unscorable(
                    f"The template of {self._client.address.model} writes an answer in another place than where it "
                    "would begin, so labels can't be scored."
                )
            ids = [one[len(base) :] for one in behind]
            alike = [label for label, one in zip(labels, ids, strict=True) if not one or ids.count(one) > 1]
            if alike:
                raise BadInput(f"This model can't distinguish these labels: {', '.join(alike)}; rename them.")
            closed = any(one != other and other[: len(one)] == one for one in ids for other in ids)
            tail = 0
            if closed:
                end = whole[len(base) + len(ids[0])]
                tail = len(whole) - len(base) - len(ids[0]) - 1
                ids = [[*one, end] for one in ids]
            self._encoded[labels] = _Encoded(ids, closed, tail)
        return self._encoded[labels]

    def _tokens(self, messages: list[dict[str, str]], asked: Sequence[tuple[str | None, bool]]) -> list[list[int]]:
        """The tokens of the prompt with each answer behind it: None is no answer yet, True a closed one."""
        if self._can.whole_labels is WholeLabels.ECHO:
            replies = self._client.ask([self._tokenize(messages, *one) for one in asked])
            return [_tokens_in(_body_of(reply)) for reply in replies]
        replies = self._client.ask([self._answered(messages, *one) for one in asked])
        return [_prompt_logprobs(_body_of(reply))[0] for reply in replies]

    def _tokenize(self, messages: list[dict[str, str]], answer: str | None = None, closed: bool = False) -> Request:
        return Request(f"{self._client.address.root}/tokenize", _with_answer(messages, answer, closed))

    def _answered(self, messages: list[dict[str, str]], answer: str | None, closed: bool) -> Request:
        asked = {**_with_answer(messages, answer, closed), "prompt_logprobs": 0, **self._can.parameters(1)}
        return Request(CHAT, asked, timed=is_listening())


def _with_answer(messages: list[dict[str, str]], answer: str | None, closed: bool) -> dict[str, Any]:
    if answer is None:
        return {"messages": messages, "add_generation_prompt": True}
    said = [*messages, {"role": "assistant", "content": answer}]
    return {"messages": said, "add_generation_prompt": False, "continue_final_message": not closed}


def _body_of(reply: Reply) -> dict[str, Any]:
    if isinstance(reply, Refusal):
        raise Unscorable(reply.sentence)
    return reply.body


def _tokens_in(body: Mapping[str, Any]) -> list[int]:
    tokens = body.get("tokens")
    if not isinstance(tokens, list) or not all(isinstance(token, int) for token in tokens):
        raise Unscorable("The server counts tokens, but doesn't say which they are.")
    return tokens


def _prompt_logprobs(body: Mapping[str, Any]) -> tuple[list[int], list[float]]:
    """The tokens of a prompt and their log-probabilities. The first token has none; it is 0, with the number -1."""
    given = body.get("prompt_logprobs")
    if not isinstance(given, list) or len(given) < 2:
        raise Unscorable("The server doesn't give the log-probabilities of a prompt's tokens.")
    ids, values = [-1], [0.0]
    try:
        for entry in given[1:]:
            token, about = next(iter(entry.items()))  # the prompt's own token comes first
            ids.append(int(token))
            values.append(_checked(about["logprob"]))
    except (AttributeError, StopIteration, KeyError, TypeError, ValueError) as wrong:
        raise Unscorable("The log-probabilities of a prompt's tokens have an unknown form.") from wrong
    return ids, values


def _echoed(body: Mapping[str, Any], at: int, start: int, count: int) -> list[float]:
    """The log-probabilities of `count` tokens from `start` in the echo of a request's prompt number `at`."""
    try:
        choice = next(one for one in body["choices"] if one.get("index", 0) == at)
        given = choice["logprobs"]["token_logprobs"]
        if len(given) < start + count:
            raise Unscorable("The server doesn't repeat the prompt, though it was asked to.")
        return [_checked(value) for value in given[start : start + count]]
    except (KeyError, TypeError, StopIteration, ValueError) as wrong:
        raise Unscorable("The server doesn't give the log-probabilities of an echo.") from wrong


def _checked(value: Any) -> float:
    if not isinstance(value, (int, float)) or not -1e5 < value <= 1e-6:
        raise Unscorable(f"The server gives {value} as a log-probability.")
    return min(0.0, float(value))


def _unknown(labels: Sequence[str], refused: Refusal | None) -> _Found:
    return np.full(len(labels), -np.inf), Tokens(0, 0), refused.sentence if refused else "The server gave no answer."


def _with(taken: Tokens, answer: Answer, known: int) -> Tokens:
    """The tokens so far and those of one more answer, whose prompts are `known` to have this many."""
    one = tokens_reported(answer.body) or Tokens(known, 0)
    return Tokens(taken.read + one.read, taken.written + one.written)


def _parts(ids: list[list[int]], size: int) -> list[list[list[int]]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def _rows_of(rows_done: RowsDone | None, requests: int, rows: int) -> RowsDone | None:
    """Turns finished requests into finished rows."""
    if rows_done is None or not requests:
        return None
    return lambda done: rows_done(done * rows // requests)
