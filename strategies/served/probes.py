"""Find out what a server can do by asking it. Each capability counts only if its answer shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from eval.task import BadInput
from strategies.engine.language_model import Message, Prompt
from strategies.served.address import ServedAddress
from strategies.served.answer_text import label_in, said_in
from strategies.served.bodies import MOST_SHORT_BYTES
from strategies.served.budget import Spending
from strategies.served.capabilities import Capabilities, Choice, WholeLabels
from strategies.served.client import Client, NoReplyError, Patience, StoppedError
from strategies.served.decisions import choice_in, probabilities_in, question
from strategies.served.first_tokens import first_tokens
from strategies.served.keys import Key
from strategies.served.requests import CHAT, Answer, Refusal, Reply, Request
from strategies.served.usage import tokens_reported
from strategies.served.whole_labels import WholeLabelScorer

_ANSWER_TOKENS = 16
_CHOICE_TOKENS = 48  # the longest label below, as JSON
_QUESTION: Prompt = (
    Message("system", "You are a friendly assistant at the front desk of a museum. You answer in a few words."),
    Message("user", "Say hello to a visitor."),
)
# Nothing leads a model to these by itself, so an answer that is one of them was held to them.
_UNLIKELY_LABELS = ("violet-7316", "amber-2904", "umber-5580")
_COLOURS = ("violet", "amber", "umber")
_UNLIKELY_SCHEMA = {
    "type": "object",
    "properties": {"badge_7316": {"type": "integer"}, "hall_2904": {"type": "string", "enum": ["east", "west"]}},
    "required": ["badge_7316", "hall_2904"],
}
_TOP = (20, 5)  # alternatives to ask for: services allow 20 or 5
_SAME_LOGPROB = 0.3  # nats; servers compute a prompt in other batches than an answer, often in bfloat16
_SECONDS_FOR_A_PROBE, _TIMES_THE_FIRST = 30.0, 10.0
_LONGEST_CONTEXT = 10**9  # tokens
_CONTEXT_NAMES = ("max_model_len", "context_length", "context_window", "max_context_length", "n_ctx", "n_ctx_train")


def probe(
    address: ServedAddress, key: Key | None, patience: Patience | None = None, spending: Spending | None = None
) -> Capabilities:
    """What the server can do for this model, from some twenty short requests, all sent afresh.

    Raises `StoppedError` if the model can't be asked at all: no server, a wrong key, no such model.
    """
    client = Client(address, key, patience=patience, spending=spending, most_bytes=MOST_SHORT_BYTES)
    try:
        return _Probes(client).all()
    finally:
        client.close()


def seconds_to_first_token(
    address: ServedAddress, key: Key | None, can: Capabilities, patience: Patience | None = None
) -> float | None:
    """How long the first token of a short answer takes, from here; None if the server doesn't stream."""
    if not can.streams:
        return None
    client = Client(address, key, patience=patience, most_bytes=MOST_SHORT_BYTES)
    try:
        messages = {"messages": can.messages(_QUESTION), **can.parameters(_ANSWER_TOKENS)}
        (reply,) = client.ask([Request(CHAT, messages, streamed=True)])
    finally:
        client.close()
    return reply.first_token_seconds if isinstance(reply, Answer) else None


def _day_in(text: Any) -> str | None:
    """A date as OpenAI's list of models has it, YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat()
    except (TypeError, ValueError):
        return None


def _length_in(said: Any) -> int | None:
    """A context length, if it can be one."""
    return said if isinstance(said, int) and not isinstance(said, bool) and 0 < said <= _LONGEST_CONTEXT else None


def _hurried(patience: Patience, first_seconds: float) -> Patience:
    """One more try for a probe that fails: some servers answer what they can't do with status 500, and no number of
    such failures says that the server is down. Others never answer it, so a probe waits for no longer than a plain
    question that took `first_seconds` could need."""
    longest = min(patience.whole_answer, max(_SECONDS_FOR_A_PROBE, _TIMES_THE_FIRST * first_seconds))
    return replace(patience, tries=min(2, patience.tries), failures=1_000, whole_answer=longest)


class _Probes:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._can = Capabilities()
        self._first: Answer
        self._has_answered = self._broke_off = False

    def all(self) -> Capabilities:
        context, ends_on = self._listed()
        self._can = replace(self._can, context_tokens=context, ends_on=ends_on)
        self._first = self._first_answer()
        self._has_answered = True
        self._client.patience = _hurried(self._client.patience, self._first.seconds)
        self._can = replace(self._can, answers_as=str(self._first.body.get("model") or ""))
        self._look_at_turns()
        self._can = replace(self._can, repeats=self._repeats(), streams=self._streams())
        top, first_token = self._top_logprobs()
        self._can = replace(self._can, top_logprobs=top)
        self._look_for_schemas()
        tokenizes, context = self._tokenizes()
        self._can = replace(self._can, tokenizes=tokenizes, context_tokens=context or self._can.context_tokens)
        self._can = replace(self._can, decides=self._decides())
        found = self._with_whole_labels(first_token)
        if self._broke_off:  # at what it can't do, or for good?
            self._client.ask([self._request(_QUESTION, _ANSWER_TOKENS)])
        return found

    def _listed(self) -> tuple[int | None, str | None]:
        """The context length of the model and the day of its end, as far as the server's list has them."""
        listed = self._client.fetch(f"{self._client.address.url}/models")
        models = listed.get("data") if isinstance(listed, Mapping) else None
        for one in models if isinstance(models, list) else ():
            if isinstance(one, Mapping) and one.get("id") == self._client.address.model:
                meta = one.get("meta")
                known = {**(meta if isinstance(meta, Mapping) else {}), **one}
                found = [length for name in _CONTEXT_NAMES if (length := _length_in(known.get(name))) is not None]
                return min(found, default=None), _day_in(one.get("shutdown_date"))
        return None, None

    def _first_answer(self) -> Answer:
        """The answer to a plain question. Parameters that the server refuses are left out or replaced until it
        answers."""
        for _ in range(6):
            reply = self._ask(_QUESTION)
            if isinstance(reply, Answer):
                said = said_in(reply.body)
                reported = tokens_reported(reply.body)
                unseen = said.cut_off and not said.text  # some services show no thoughts and count none
                thinks = bool(said.thoughts) or bool(reported and reported.thought) or unseen
                if not thinks or self._can.thinks:
                    return reply
                self._can = replace(self._can, thinks=thinks)  # asked again, with room for its thoughts
                continue
            about = reply.parameter or reply.sentence
            if "max_tokens" in about and self._can.limit == "max_tokens":
                self._can = replace(self._can, limit="max_completion_tokens")
            elif "temperature" in about and self._can.temperature:
                self._can = replace(self._can, temperature=False)
            elif "seed" in about and self._can.seed:
                self._can = replace(self._can, seed=False)
            elif "system" in about.casefold() and self._can.reads_system:
                self._can = replace(self._can, reads_system=False)
            else:
                raise StoppedError(reply.sentence)
        raise StoppedError(f"The server at {self._client.address.host} refuses every form of a plain question.")

    def _look_at_turns(self) -> None:
        """Whether a system turn is read, and whether the tokens reported can be true: both show where the same question
        is asked without its instruction."""
        bare = self._ask(_QUESTION[1:])
        with_it = tokens_reported(self._first.body)
        without = tokens_reported(bare.body) if isinstance(bare, Answer) else None
        counts = with_it is not None and without is not None and with_it.read > without.read and with_it.written > 0
        said_other = isinstance(bare, Answer) and said_in(bare.body) != said_in(self._first.body)
        self._can = replace(self._can, counts=counts, reads_system=self._can.reads_system and (counts or said_other))

    def _repeats(self) -> bool:
        again = self._ask(_QUESTION)
        return isinstance(again, Answer) and said_in(again.body) == said_in(self._first.body)

    def _streams(self) -> bool:
        reply = self._reply_to(self._request(_QUESTION, _ANSWER_TOKENS, streamed=True))
        return isinstance(reply, Answer) and reply.first_token_seconds is not None

    def _top_logprobs(self) -> tuple[int, tuple[str, float] | None]:
        """How many alternatives the server gives for a first token, and the likeliest one with its log-probability."""
        for top in () if self._can.thinks else _TOP:  # the first token would be that of a thought
            reply = self._ask(_QUESTION, 1, logprobs=True, top_logprobs=top)
            if isinstance(reply, Answer) and (found := first_tokens(reply.body)):
                likeliest = max(found, key=lambda one: one[1])
                return (top if len(found) >= top else len(found)), likeliest
        return 0, None

    def _look_for_schemas(self) -> None:
        """What holds answers to labels and to a JSON schema, which servers take in two forms."""
        for in_object in (False, True):
            self._can = replace(self._can, schema_in_object=in_object)
            if self._follows_schema():
                self._can = replace(self._can, follows_schema=True)
                break
        else:
            self._can = replace(self._can, schema_in_object=False)
        self._can = replace(self._can, choice=self._choice())

    def _choice(self) -> Choice | None:
        for way in Choice:
            held = replace(self._can, choice=way)
            reply = self._ask(_QUESTION, _CHOICE_TOKENS, **held.choosing(_UNLIKELY_LABELS))
            if isinstance(reply, Answer) and label_in(said_in(reply.body).text) in _UNLIKELY_LABELS:
                return way
        return None

    def _follows_schema(self) -> bool:
        reply = self._ask(_QUESTION, _CHOICE_TOKENS, **self._can.in_schema(_UNLIKELY_SCHEMA))
        if not isinstance(reply, Answer):
            return False
        try:
            written = json.loads(said_in(reply.body).text)
        except (ValueError, RecursionError):
            return False
        return (
            isinstance(written, dict)
            and written.keys() == {"badge_7316", "hall_2904"}
            and isinstance(written["badge_7316"], int)
            and written["hall_2904"] in ("east", "west")
        )

    def _decides(self) -> bool:
        """Whether plain questions get probabilities of exactly the options, and the right option the largest one. Small
        models can't connect an option with its letter, and their probabilities would be worth nothing."""
        for right in () if self._can.thinks else _COLOURS:
            asked: Prompt = (
                Message("system", "Which colour does the visitor's badge have?"),
                Message("user", f"The visitor's badge is {right}."),
            )
            reply = self._reply_to(question(asked, dict.fromkeys(_COLOURS)))
            if not isinstance(reply, Answer) or choice_in(reply.body) != right:
                return False
            found = probabilities_in(reply.body, _COLOURS)
            if found is None or max(found, key=found.__getitem__) != right:
                return False
        return not self._can.thinks

    def _tokenizes(self) -> tuple[bool, int | None]:
        """Whether /tokenize gives the tokens of a chat, and the context length that it names. Where answers report
        their tokens too, both must agree."""
        try:
            found = [
                self._client.fetch(
                    f"{self._client.address.root}/tokenize",
                    {"model": self._client.address.model, "messages": self._can.messages(prompt)},
                )
                for prompt in (_QUESTION, _QUESTION[1:])
            ]
        except NoReplyError:
            self._broke_off = True
            return False, None
        tokens = [one.get("tokens") if isinstance(one, Mapping) else None for one in found]
        whole, part = tokens
        if not isinstance(whole, list) or not isinstance(part, list) or len(whole) <= len(part):
            return False, None
        reported = tokens_reported(self._first.body) if self._can.counts else None
        if reported is not None and self._can.reads_system and reported.read != len(whole):
            return False, None
        most = found[0].get("max_model_len")
        return True, _length_in(most)

    def _with_whole_labels(self, first_token: tuple[str, float] | None) -> Capabilities:
        ways = [
            *((WholeLabels.ECHO, tokens) for tokens in (0, 1) if self._can.tokenizes),
            (WholeLabels.PROMPT_LOGPROBS, 0),
        ]
        for way, echo_tokens in ways:
            can = replace(self._can, whole_labels=way, echo_tokens=echo_tokens)
            if self._scores(can, first_token):
                return can
        return self._can

    def _scores(self, can: Capabilities, first_token: tuple[str, float] | None) -> bool:
        """Whether labels get log-probabilities that can be true. That of the token that the model would write first is
        already known, and must be the same."""
        scorer = WholeLabelScorer(self._client, can)
        labels = ["yes", "no", "perhaps not"]
        known = first_token[0].strip() if first_token else ""
        if known and known not in labels:
            labels.append(known)
        try:
            scores = scorer.score([_QUESTION], labels)
        except NoReplyError:
            self._broke_off = True
            return False
        except StoppedError:
            raise
        except BadInput:
            return False
        found = scores.log_probabilities[0]
        if any(scores.errors) or not np.isfinite(found).all() or len({*found.tolist()}) < len(labels):
            return False
        at = labels.index(known) if known in labels else None
        if first_token is None or at is None or scores.tokens_out[at] != 1:
            return True
        return bool(abs(found[at] - first_token[1]) <= _SAME_LOGPROB)

    def _ask(self, prompt: Prompt, max_tokens: int = _ANSWER_TOKENS, **parameters: Any) -> Reply:
        return self._reply_to(self._request(prompt, max_tokens, **parameters))

    def _request(self, prompt: Prompt, max_tokens: int, streamed: bool = False, **parameters: Any) -> Request:
        messages = self._can.messages(prompt)
        return Request(
            CHAT, {"messages": messages, **self._can.parameters(max_tokens), **parameters}, streamed, streamed
        )

    def _reply_to(self, request: Request) -> Reply:
        try:
            return self._client.ask([request])[0]
        except NoReplyError as wrong:
            if not self._has_answered:
                raise
            self._broke_off = True
            return Refusal(str(wrong), None)
