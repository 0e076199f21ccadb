"""What a server was seen to do. A status of 200 proves nothing: some servers ignore what they don't know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from eval.sent import SentPrompt
from strategies.engine.language_model import LabelWay, Prompt
from strategies.served.turns import as_messages, as_sent, without_system

THOUGHT_TOKENS = 2048  # at most, on top of an answer's own, for a model that thinks first
_SHARE_OF_THOUGHTS = 0.25  # of the context at most
MOST_OPTIONS = 26  # of /systemone, where options are told apart by letters
FIRST_TOKENS = 5  # alternatives that the first token needs at least, or most labels would not be among them


class Choice(StrEnum):
    """What holds an answer to a list of texts: vLLM's present parameter, its earlier one, or an enumeration in a JSON
    schema."""

    STRUCTURED = "structured_outputs"
    GUIDED = "guided_choice"
    ENUM = "response_format"


class WholeLabels(StrEnum):
    """Where the log-probabilities of a given answer come from."""

    ECHO = "echo"
    PROMPT_LOGPROBS = "prompt_logprobs"


@dataclass(frozen=True, slots=True)
class Found:
    """One capability for a person: its `title`, whether it was `seen`, and what that means, in a sentence."""

    title: str
    seen: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What probes saw honoured, and how requests have to look.

    `limit` names the parameter for the longest answer. `temperature` and `seed`: whether the server takes them.
    `reads_system`: whether it reads a system turn; without it, the instruction goes into the first user turn.
    `repeats`: whether equal requests got equal answers. `counts`: whether it reports tokens that can be true. `thinks`:
    whether the model writes thoughts before its answer. `top_logprobs`: the alternatives it gives for a token, 0 for
    none. `tokenizes`: whether /tokenize gives the tokens of a chat. `echo_tokens`: the least that /completions must
    write after an echo. `context_tokens`: None if the server doesn't say. `answers_as`: the model's name in answers.
    `schema_in_object`: whether a JSON schema goes with the type `json_object`, as for llama-cpp-python's own server.
    `ends_on`: the day when the model will be shut down, as YYYY-MM-DD, None if the server's list doesn't say.
    `decides`: whether /systemone gives the probabilities of options, and the right option the largest one.
    """

    limit: str = "max_tokens"
    temperature: bool = True
    seed: bool = True
    reads_system: bool = True
    repeats: bool = False
    streams: bool = False
    counts: bool = False
    thinks: bool = False
    top_logprobs: int = 0
    choice: Choice | None = None
    follows_schema: bool = False
    tokenizes: bool = False
    whole_labels: WholeLabels | None = None
    echo_tokens: int = 0
    context_tokens: int | None = None
    answers_as: str = ""
    schema_in_object: bool = False
    decides: bool = False
    ends_on: str | None = None

    @property
    def labels_by(self) -> LabelWay:
        """The best way to ask for one of a few labels."""
        return self.way_for(2)

    def way_for(self, labels: int) -> LabelWay:
        """The best way to ask for one of so many labels. What is scored right after the prompt of a model that thinks
        would be the beginning of a thought, and it would decide without one."""
        if self.whole_labels and not self.thinks:
            return LabelWay.SCORED
        if self.decides and not self.thinks and labels <= MOST_OPTIONS:
            return LabelWay.DECIDED
        if self.choice:
            return LabelWay.CHOSEN
        return LabelWay.FIRST_TOKEN if self.top_logprobs >= FIRST_TOKENS and not self.thinks else LabelWay.WRITTEN

    @property
    def thought_tokens(self) -> int:
        """Tokens that each answer gets for thoughts."""
        if not self.thinks:
            return 0
        return min(THOUGHT_TOKENS, int(_SHARE_OF_THOUGHTS * (self.context_tokens or 1 << 20)))

    def parameters(self, max_tokens: int) -> dict[str, Any]:
        """What every request for an answer of at most so many tokens has."""
        given: dict[str, Any] = {self.limit: max_tokens + self.thought_tokens}
        if self.temperature:
            given["temperature"] = 0
        if self.seed:
            given["seed"] = 0
        return given

    def messages(self, prompt: Prompt) -> list[dict[str, str]]:
        return as_messages(self._turns(prompt))

    def sent(self, prompt: Prompt) -> SentPrompt:
        """What `messages` holds, by part."""
        return as_sent(self._turns(prompt))

    def _turns(self, prompt: Prompt) -> Prompt:
        return prompt if self.reads_system else without_system(prompt)

    def choosing(self, labels: Sequence[str]) -> dict[str, Any]:
        """The parameters that hold the answer to one of these labels. Only where there is a `choice`."""
        if self.choice is Choice.STRUCTURED:
            return {Choice.STRUCTURED.value: {"choice": list(labels)}}
        if self.choice is Choice.GUIDED:
            return {Choice.GUIDED.value: list(labels)}
        enum = {"type": "string", "enum": list(labels)}
        return self.in_schema({"type": "object", "properties": {LABEL: enum}, "required": [LABEL]})

    def in_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The parameter that holds an answer to a JSON schema."""
        strict = {**schema, "additionalProperties": False}
        if self.schema_in_object:
            return {"response_format": {"type": "json_object", "schema": strict}}
        named = {"name": "answer", "strict": True, "schema": strict}
        return {"response_format": {"type": "json_schema", "json_schema": named}}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(stored: dict[str, Any]) -> Capabilities:
        choice, whole = stored.pop("choice"), stored.pop("whole_labels")
        return Capabilities(
            **stored,
            choice=Choice(choice) if choice else None,
            whole_labels=WholeLabels(whole) if whole else None,
        )

    @property
    def found(self) -> tuple[Found, ...]:
        """Everything that was looked for, for the report and the connection test."""
        return (
            self._labels(self.labels_by),
            Found(
                "JSON by schema",
                self.follows_schema,
                "The server holds answers to a JSON schema."
                if self.follows_schema
                else "The server doesn't hold answers to a JSON schema, so JSON is written freely.",
            ),
            Found(
                "Equal answers",
                self.repeats,
                "The server gave the same answer to the same request."
                if self.repeats
                else "The server gave different answers to the same request, so a repeated run may score differently.",
            ),
            Found(
                "Streaming",
                self.streams,
                "The server streams its answers, so the time to the first token is measured."
                if self.streams
                else "The server doesn't stream its answers, so the time to the first token isn't known.",
            ),
            Found(
                "Token counts",
                self.counts,
                "The server reports the tokens of each request."
                if self.counts
                else "The server reports no tokens that can be true, so tokens are estimated from the words.",
            ),
            Found(
                "Tokens before sending",
                self.tokenizes,
                "The server counts the tokens of a prompt before it is sent."
                if self.tokenizes
                else "The server doesn't count tokens before a prompt is sent, so they are estimated from the words.",
            ),
            Found(
                "System turn",
                self.reads_system,
                "The server reads the instruction in a system turn."
                if self.reads_system
                else "The server doesn't read a system turn, so the instruction is in the first user turn.",
            ),
            Found(
                "Temperature 0",
                self.temperature,
                "Answers are written at temperature 0."
                if self.temperature
                else "The server doesn't take a temperature, so answers vary as its own settings say.",
            ),
            Found(
                "Context length",
                self.context_tokens is not None,
                "The server doesn't say how many tokens the model can read."
                if self.context_tokens is None
                else f"The model reads up to {self.context_tokens:,} tokens.",
            ),
            *self._thoughts(),
        )

    @property
    def limits(self) -> list[str]:
        """What a reader of the report should know, whatever the task: what the server can't do, and thoughts."""
        always = (found for found in self.found[2:] if not found.seen)
        return [found.sentence for found in (*always, *self._thoughts())]

    def labels_found(self, labels: int) -> Found:
        """How one of so many labels is asked for."""
        return self._labels(self.way_for(labels))

    @property
    def json(self) -> Found:
        """Whether JSON is held to a schema."""
        return self.found[1]

    def _labels(self, way: LabelWay) -> Found:
        title = "Labels"
        if way is LabelWay.SCORED:
            by = "by /completions with echo" if self.whole_labels is WholeLabels.ECHO else "by prompt_logprobs"
            return Found(title, True, f"The server gives the log-probability of each whole label, {by}.")
        if way is LabelWay.DECIDED:
            said = f"The server gives the probability of each label, by /systemone, for up to {MOST_OPTIONS} labels."
            return Found(title, True, said)
        if way is LabelWay.CHOSEN and self.choice is not None:
            return Found(title, True, f"The server holds answers to the labels, by {self.choice}.")
        if way is LabelWay.FIRST_TOKEN:
            return Found(title, True, "The server gives the likeliest first tokens, which tell the labels apart.")
        return Found(
            title, False, "The server can't be held to the labels, so its written answers are matched with them."
        )

    def _thoughts(self) -> list[Found]:
        if not self.thinks:
            return []
        tokens = f"{self.thought_tokens:,} more tokens"
        said = f"The model thinks before it answers, so each answer gets up to {tokens} for that."
        return [Found("Thoughts", True, said)]


LABEL = "label"  # the only field of an answer that is held to the labels by a JSON schema
