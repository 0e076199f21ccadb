"""Labels by /v1/systemone, which gives the probability of each option of a choice without writing anything.

TypeSafe defined its requests; `transformers serve` and vLLM answer them with any chat model, by the
likelihood of the letters in front of the options; Ollama (from 0.35) and others with models made for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.measuring.phases import is_listening
from eval.sent import Part, Piece, SentPrompt
from strategies.engine.language_model import Marked, Message, Prompt, RowsDone, Scores
from strategies.served.client import Client
from strategies.served.requests import DECISIONS, Answer, Refusal, Reply, Request
from strategies.served.usage import Tokens, tokens_taken

Options = Mapping[str, str | None]  # labels, with what they mean if that is known
_QUESTION = "label"
_NO_INPUT = "N/A"  # some servers refuse an empty state (content-free input: Zhao et al., 2021)
_LEAST = 1e-6  # servers round: a probability of 0 isn't one
_ROUNDED = 0.01  # how far the probabilities may be from adding up to 1


def decide(client: Client, prompts: Sequence[Prompt], options: Options, rows_done: RowsDone | None = None) -> Scores:
    """The logarithms of the options' probabilities after each prompt. `tokens_out` is 1 for each option, since all of
    them are compared in one step."""
    replies = client.ask([question(prompt, options, is_listening()) for prompt in prompts], rows_done)
    found = [_scores(reply, tuple(options)) for reply in replies]
    taken = [
        tokens_taken(question(prompt, options), reply) if isinstance(reply, Answer) else Tokens(0, 0)
        for prompt, reply in zip(prompts, replies, strict=True)
    ]
    return Scores(
        np.array([row for row, _ in found], dtype=np.float64).reshape(len(prompts), len(options)),
        np.array([tokens.read for tokens in taken], dtype=np.int64),
        np.ones(len(options), dtype=np.int64),
        sent=tuple(partial(_sent, prompt, options) for prompt in prompts),
        errors=tuple(error for _, error in found),
        tokens_written=np.array([tokens.written for tokens in taken], dtype=np.int64),
    )


def question(prompt: Prompt, options: Options, timed: bool = False) -> Request:
    """The instruction asks; what is to be labelled, with its passages and the solved examples before it, is the
    state."""
    asked = {"type": "choice", "instructions": _instructions(prompt), "criteria": dict(options)}
    state = "".join(words for _, words in _state(prompt))
    return Request(DECISIONS, {"state": state, "questions": {_QUESTION: asked}}, timed)


def probabilities_in(body: Mapping[str, Any], labels: Sequence[str]) -> dict[str, float] | None:
    """The probability of each label; None if a reply doesn't give one to each of them and to nothing else, or if they
    don't add up to 1."""
    try:
        given = body["answers"][_QUESTION]["probabilities"]
        found = {label: float(given[label]) for label in labels}
    except (KeyError, TypeError, ValueError):
        return None
    is_whole = len(given) == len(labels) and abs(sum(found.values()) - 1) <= _ROUNDED  # never true of NaN
    return found if is_whole and min(found.values()) >= 0 else None


def choice_in(body: Mapping[str, Any]) -> str | None:
    """The label that the reply itself names."""
    try:
        named = body["answers"][_QUESTION]["choice"]
    except (KeyError, TypeError):
        return None
    return named if isinstance(named, str) else None


def _instructions(prompt: Prompt) -> str:
    return "\n\n".join(message.content for message in prompt if message.role == "system")


def _state(prompt: Prompt) -> list[Marked]:
    *examples, last = [message for message in prompt if message.role != "system"]
    asked = last if last.content.strip() else Message("user", _NO_INPUT)
    if not examples:
        return list(asked.marked_content())
    if examples[0].parts[0][0] is not Part.EXAMPLE:  # a conversation
        named = [
            ((Part.TEMPLATE, f"{turn.role}: "), *turn.marked_content(), (Part.TEMPLATE, "\n"))
            for turn in (*examples, asked)
        ]
        return [words for turn in named for words in turn][:-1]
    shown: list[Marked] = [(Part.TEMPLATE, "Inputs with their right labels:")]
    for text, label in zip(examples[::2], examples[1::2], strict=True):
        shown += [(Part.TEMPLATE, "\n\nInput: "), *text.marked_content()]
        shown += [(Part.TEMPLATE, "\nLabel: "), *label.marked_content()]
    return [*shown, (Part.TEMPLATE, "\n\nThe input that needs a label now:\n\n"), *asked.marked_content()]


def _sent(prompt: Prompt, options: Options) -> SentPrompt:
    """A decision for people: the server gets these parts as JSON."""
    choices = "".join(f"\n{label}: {means}" if means else f"\n{label}" for label, means in options.items())
    parts = [
        (Part.TEMPLATE, "instructions\n"),
        (Part.INSTRUCTION, _instructions(prompt)),
        (Part.TEMPLATE, f"\n\noptions{choices}\n\nstate\n"),
        *_state(prompt),
    ]
    return tuple(Piece(part, words, ()) for part, words in parts if words)


def _scores(reply: Reply, labels: Sequence[str]) -> tuple[NDArray[np.float64], str | None]:
    if isinstance(reply, Refusal):
        return np.full(len(labels), -np.inf), reply.sentence
    found = probabilities_in(reply.body, labels)
    if found is None:
        said = json.dumps(reply.body.get("answers"), ensure_ascii=False)[:120]
        return np.full(len(labels), -np.inf), f"The server gave no probability to each of the labels: {said}."
    return np.log(np.maximum([found[label] for label in labels], _LEAST)), None
