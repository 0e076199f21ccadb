"""A language model behind a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from eval.measuring.phases import is_listening
from eval.money.tokens import Spent
from strategies.engine.language_model import Compare, LabelWay, Prompt, RowsDone, Scores, Written
from strategies.served.address import ServedAddress
from strategies.served.answer_text import estimated_tokens, label_in, said_in
from strategies.served.capabilities import Capabilities, Choice
from strategies.served.client import Client
from strategies.served.decisions import decide
from strategies.served.first_tokens import label_by_first_token
from strategies.served.requests import CHAT, Answer, Refusal, Reply, Request
from strategies.served.usage import Tokens, tokens_reported
from strategies.served.whole_labels import WholeLabelScorer

_TOKENS_AROUND_A_TURN = 5  # about what a chat template writes
_UNKNOWN_CONTEXT = 1 << 20
_READ_PER_LABEL = (
    "The server reads the prompt again for each label. All of these tokens count as input, as a service would bill "
    "them."
)
_SURELY_SHORTER = 0.5  # a prompt estimated at less than this share of the context isn't counted


class ServedModel:
    """A `LanguageModel` that a server runs. It is asked at temperature 0, with a seed; close it.

    `context_tokens` is a very large number if the server doesn't say. Token counts before sending are estimates from
    the words, except for prompts that may be too long where the server counts them.
    """

    def __init__(
        self,
        client: Client,
        capabilities: Capabilities,
        close: Callable[[], None] | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.capabilities = capabilities
        self.context_tokens = capabilities.context_tokens or _UNKNOWN_CONTEXT
        self._client, self._close = client, close or client.close
        self._scorer = WholeLabelScorer(client, capabilities)
        self._untrue_counts = 0
        self._notes = notes
        self._ways: dict[str, None] = {}  # sentences on how it was asked for labels and JSON

    def close(self) -> None:
        self._close()

    @property
    def used(self) -> Spent:
        """What its answers so far take, as if none had been kept from an earlier run."""
        return self._client.heard.used

    @property
    def tokens_taken(self) -> int:
        used = self.used
        return used.read + used.written

    def way_for(self, labels: int) -> LabelWay:
        return self.capabilities.way_for(labels)

    @property
    def follows_schema(self) -> bool:
        return self.capabilities.follows_schema

    @property
    def reads_beginnings_once(self) -> bool:
        """Some servers do, but all charge for the whole prompt or make others wait."""
        return False

    @property
    def rewrites(self) -> bool:
        return True

    @property
    def follows_bounds(self) -> bool:
        return False

    @property
    def counts_tokens(self) -> bool:
        """Whether a prompt that may be too long is counted before it is sent."""
        return self.capabilities.tokenizes and self.capabilities.context_tokens is not None

    @property
    def notes(self) -> list[str]:
        """How the model was asked, and what is odd about its answers."""
        address = self.address
        notes = [
            f"{address.title} was asked through the server at {address.host}.",
            *self._notes,
            *self._ways,
            *self.capabilities.limits,
        ]
        notes += self._client.heard.notes
        if self._untrue_counts:
            notes.append(
                f"Answers whose tokens the server can't have counted right: {self._untrue_counts:,}. Their tokens are "
                "estimated from the words."
            )
        return notes

    @property
    def address(self) -> ServedAddress:
        return self._client.address

    def request(self, prompt: Prompt, max_tokens: int, schema: dict[str, Any] | None = None) -> dict[str, Any]:
        """The body of a request for a written answer, as this server takes it. `schema` is that of JSON answers."""
        held_to = {} if schema is None or not self.follows_schema else self.capabilities.in_schema(schema)
        parameters = {**self.capabilities.parameters(max_tokens), **held_to}
        return {"model": self.address.model, "messages": self.capabilities.messages(prompt), **parameters}

    def form_to_json(self) -> dict[str, Any]:
        """Where and how the model is asked. A downloaded strategy can't ask it."""
        return {"served": self.address.name, "capabilities": self.capabilities.to_json()}

    def score(
        self,
        prompts: Sequence[Prompt],
        continuations: Sequence[str],
        rows_done: RowsDone | None = None,
        compare: Compare | None = None,
    ) -> Scores:
        """The log-probabilities of whole labels; only if `way_for` says that the server gives them. All of them are
        asked for, whatever `compare` needs."""
        self._ways[self.capabilities.labels_found(len(continuations)).sentence] = None
        self._ways[_READ_PER_LABEL] = None
        return self._scorer.score(prompts, continuations, rows_done)

    def decide(
        self, prompts: Sequence[Prompt], options: Mapping[str, str | None], rows_done: RowsDone | None = None
    ) -> Scores:
        """The log-probabilities of options; only if `way_for` says that the server gives them."""
        self._ways[self.capabilities.labels_found(len(options)).sentence] = None
        return decide(self._client, prompts, options, rows_done)

    def write(self, prompts: Sequence[Prompt], max_tokens: int, rows_done: RowsDone | None = None) -> list[Written]:
        return self._write(prompts, max_tokens, {}, rows_done)

    def write_json(
        self, prompts: Sequence[Prompt], schema: dict[str, Any], max_tokens: int, rows_done: RowsDone | None = None
    ) -> list[Written]:
        self._ways[self.capabilities.json.sentence] = None
        return self._write(prompts, max_tokens, self.capabilities.in_schema(schema), rows_done)

    def name_labels(
        self, prompts: Sequence[Prompt], labels: Sequence[str], max_tokens: int, rows_done: RowsDone | None = None
    ) -> list[Written]:
        """Answers that are one of the labels, where the server can be held to them. By first tokens, a prompt whose
        likeliest tokens don't tell the labels apart is answered freely instead."""
        self._ways[self.capabilities.labels_found(len(labels)).sentence] = None
        if self.way_for(len(labels)) is LabelWay.CHOSEN:
            in_json = self.capabilities.choice is Choice.ENUM
            longest = max_tokens + (_TOKENS_AROUND_A_TURN * 2 if in_json else 0)
            written = self._write(prompts, longest, self.capabilities.choosing(labels), rows_done)
            return [_with_text(one, label_in(one.text)) for one in written] if in_json else written
        if self.way_for(len(labels)) is LabelWay.FIRST_TOKEN:
            return self._name_by_first_token(prompts, labels, max_tokens, rows_done)
        return self.write(prompts, max_tokens, rows_done)

    def count_prompt_tokens(self, prompts: Sequence[Prompt]) -> list[int]:
        counts = [
            sum(estimated_tokens(message.content) + _TOKENS_AROUND_A_TURN for message in prompt) for prompt in prompts
        ]
        if not self.counts_tokens:
            return counts
        unsure = [at for at, count in enumerate(counts) if count > _SURELY_SHORTER * self.context_tokens]
        url = f"{self.address.root}/tokenize"
        requests = [Request(url, {"messages": self.capabilities.messages(prompts[at])}) for at in unsure]
        for at, reply in zip(unsure, self._client.ask(requests), strict=True):
            counted = reply.body.get("count") if isinstance(reply, Answer) else None
            counts[at] = counted if isinstance(counted, int) else counts[at]
        return counts

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Estimates from the words."""
        return [estimated_tokens(text) for text in texts]

    def _write(
        self, prompts: Sequence[Prompt], max_tokens: int, held_to: dict[str, Any], rows_done: RowsDone | None
    ) -> list[Written]:
        parameters = {**self.capabilities.parameters(max_tokens), **held_to}
        replies = self._client.ask([self._request(prompt, parameters) for prompt in prompts], rows_done)
        return [self._written(prompt, reply) for prompt, reply in zip(prompts, replies, strict=True)]

    def _name_by_first_token(
        self, prompts: Sequence[Prompt], labels: Sequence[str], max_tokens: int, rows_done: RowsDone | None
    ) -> list[Written]:
        tops = {"logprobs": True, "top_logprobs": self.capabilities.top_logprobs}
        parameters = {**self.capabilities.parameters(1), **tops}
        replies = self._client.ask([self._request(prompt, parameters) for prompt in prompts], rows_done)
        written = []
        for prompt, reply in zip(prompts, replies, strict=True):
            label = label_by_first_token(reply.body, labels) if isinstance(reply, Answer) else None
            one = self._written(prompt, reply)
            written.append(_with_text(one, label) if label is not None else one)
        unclear = [
            at
            for at, one in enumerate(written)
            if one.error is None
            and one.text not in labels  # what was written is one token of whatever it wanted to say
        ]
        freely = self.write([prompts[at] for at in unclear], max_tokens) if unclear else []
        for at, one in zip(unclear, freely, strict=True):
            read, wrote = one.tokens_in + written[at].tokens_in, one.tokens_out + written[at].tokens_out
            written[at] = Written(one.text, read, wrote, one.cut_off, one.sent, one.thinking_tokens, one.error)
        return written

    def _request(self, prompt: Prompt, parameters: dict[str, Any]) -> Request:
        messages = self.capabilities.messages(prompt)
        timed = is_listening()
        return Request(CHAT, {"messages": messages, **parameters}, timed, timed and self.capabilities.streams)

    def _written(self, prompt: Prompt, reply: Reply) -> Written:
        if isinstance(reply, Refusal):
            return Written("", 0, 0, error=reply.sentence)
        said = said_in(reply.body)
        tokens = self._tokens(prompt, reply, f"{said.thoughts} {said.text}".strip())
        thought = tokens.thought or min(estimated_tokens(said.thoughts), tokens.written)
        sent = partial(self.capabilities.sent, prompt)
        return Written(said.text, tokens.read, tokens.written, said.cut_off, sent, thought)

    def _tokens(self, prompt: Prompt, answer: Answer, written: str) -> Tokens:
        """As the server counts them, if that can be true: an answer that says something has tokens, and a prompt is not
        many times shorter or longer than its words."""
        about = sum(estimated_tokens(message.content) + _TOKENS_AROUND_A_TURN for message in prompt)
        reported = tokens_reported(answer.body) if self.capabilities.counts else None
        if reported is not None and about / 8 <= reported.read <= about * 8 + 500 and (reported.written or not written):
            return reported
        self._untrue_counts += self.capabilities.counts
        return Tokens(about, estimated_tokens(written))


def _with_text(written: Written, text: str) -> Written:
    return Written(
        text, written.tokens_in, written.tokens_out, False, written.sent, written.thinking_tokens, written.error
    )
