"""The results of promptfoo (`promptfoo eval -o results.json` or .jsonl): one file for all its prompts and providers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from eval.reading.other_tools.answers import (
    AnswerSet,
    ToolAnswer,
    ToolResults,
    content_id,
    cut,
    score_in,
)
from eval.reading.other_tools.recorded import Recorded, recorded
from eval.task import BadInput

TOOL = "promptfoo"
_SCORE, _PASSED = "score", "success"  # the weighted mean of an answer's assertions; whether it passed
_LONGEST_LABEL = 40  # a longer one is the prompt itself, whose number is easier to read
_ERROR = 2  # a failureReason: no answer; 1 is an answer that fails an assertion
_TABLE = re.compile(rb"[^\n]*,Status,Score,Named Scores,")  # the header of a CSV, the same for each provider
# Variables that promptfoo adds, different in every run or for every provider.
_ADDED = ("sessionId", "evaluationId", "_conversation")
_CONCURRENT = "Seconds are as promptfoo measured them, with several requests at a time unless you limited that."
_Amount = Annotated[float, Field(ge=0)]
_Count = Annotated[int, Field(ge=0)]


class _Tokens(Recorded):
    prompt: _Count | None = None
    completion: _Count | None = None


class _Response(Recorded):
    output: Any = None
    cached: bool | None = None
    tokens: _Tokens | None = Field(None, alias="tokenUsage")


class _Named(Recorded):
    id: str | None = None
    label: str | None = None
    display: str | None = None  # the label in old files
    raw: str | None = None


class _Test(Recorded):
    vars: Any = None


class _Result(Recorded):
    vars: dict[str, Any] = Field(default_factory=dict)  # as they were sent
    test: _Test | None = Field(None, alias="testCase")
    prompt: _Named = Field(default_factory=_Named)
    provider: _Named | str = ""
    prompt_at: _Count | None = Field(None, alias="promptIdx")  # missing in old files, like testIdx
    test_at: _Count = Field(0, alias="testIdx")  # counts on over repeats
    score: Any = None
    success: bool | None = None
    named_scores: dict[str, Any] | None = Field(None, alias="namedScores")
    failure: int | None = Field(None, alias="failureReason")
    error: str | None = None
    response: _Response | None = None
    latency_ms: _Amount | None = Field(None, alias="latencyMs")
    cost: _Amount | None = None

    @property
    def asked(self) -> dict[str, Any]:
        """The variables of the test, without earlier answers that promptfoo sent with them (`storeOutputAs`)."""
        own = self.test.vars if self.test and self.test.vars and isinstance(self.test.vars, dict) else self.vars
        return {key: value for key, value in own.items() if key not in _ADDED}

    @property
    def has_failed(self) -> bool:
        """Old files have no failureReason."""
        if self.failure is None:
            return bool(self.error) and (self.response is None or self.response.output is None)
        return self.failure == _ERROR

    @property
    def provider_name(self) -> str:
        if isinstance(self.provider, str):
            return self.provider
        return self.provider.label or self.provider.id or ""

    @property
    def prompt_label(self) -> str:
        return self.prompt.label or self.prompt.display or self.prompt.raw or f"prompt {(self.prompt_at or 0) + 1}"

    @property
    def column(self) -> int | tuple[str, str]:
        """Which prompt with which provider."""
        return (self.provider_name, self.prompt_label) if self.prompt_at is None else self.prompt_at


def is_output(value: dict[str, Any]) -> bool:
    results = value.get("results")
    return isinstance(results, dict) and isinstance(results.get("results"), list)


def is_result(value: dict[str, Any]) -> bool:
    """A line of JSONL."""
    return {"promptIdx", "vars", "success"} <= set(value)


def is_csv(content: bytes) -> bool:
    return _TABLE.match(content) is not None


def refuse_csv(name: str) -> BadInput:
    return BadInput(
        f"{name} is promptfoo's CSV, which lacks times, tokens and costs: write the results as JSON (`promptfoo export "
        "eval latest -o results.json`) and give that."
    )


def read_output(name: str, value: dict[str, Any]) -> ToolResults:
    results = value["results"]["results"]
    return read_results(name, [(f"result {at}", each) for at, each in enumerate(results, 1)])


def read_lines(name: str, records: Iterable[tuple[int, Any]]) -> ToolResults:
    return read_results(name, [(f"line {line}", record) for line, record in records])


def read_results(name: str, records: Iterable[tuple[str, Any]]) -> ToolResults:
    """The records with the place of each in the file."""
    results = [(place, recorded(_Result, f"{name}, {place}", record)) for place, record in records]
    columns: dict[int | tuple[str, str], list[tuple[str, _Result]]] = {}
    for place, one in sorted(results, key=lambda each: each[1].prompt_at or 0):
        columns.setdefault(one.column, []).append((place, one))
    first = [column[0][1] for column in columns.values()]
    labels = list(dict.fromkeys(one.prompt_label for one in first))
    sets = tuple(
        AnswerSet(
            {"model": cut(one.provider_name), "prompt": _prompt_name(one.prompt_label, labels)},
            answers,
        )
        for one, answers in zip(first, _repeated(columns.values()), strict=True)
    )
    has_seconds = any(one.seconds is not None for each in sets for one in each.answers)
    return ToolResults(TOOL, sets, _SCORE, notes=(_CONCURRENT,) if has_seconds else ())


def _repeated(columns: Iterable[list[tuple[str, _Result]]]) -> list[tuple[ToolAnswer, ...]]:
    """The answers of each column. Tests with the same variables are repeats, in the order of the tests: a column can
    lack the answer to one that another has."""
    asked: dict[str, set[tuple[int, int]]] = {}
    answered: list[list[tuple[ToolAnswer, tuple[int, int]]]] = []
    for column in columns:
        times: Counter[tuple[str, int]] = Counter()
        answers = []
        for place, one in column:
            answer = _answer(place, one)
            times[answer.example, one.test_at] += 1
            test = times[answer.example, one.test_at], one.test_at
            asked.setdefault(answer.example, set()).add(test)
            answers.append((answer, test))
        answered.append(answers)
    order = {example: sorted(tests) for example, tests in asked.items()}
    return [
        tuple(replace(answer, repeat=order[answer.example].index(test) + 1) for answer, test in answers)
        for answers in answered
    ]


def _prompt_name(label: str, labels: list[str]) -> str:
    """A label that is long or has several lines is the prompt itself."""
    if len(label) <= _LONGEST_LABEL and "\n" not in label:
        return cut(label)
    return f"prompt {labels.index(label) + 1} ({cut(label)[:_LONGEST_LABEL].rstrip('…')}…)"


def _answer(place: str, one: _Result) -> ToolAnswer:
    example = content_id(one.asked or one.test_at)
    if one.has_failed:
        return ToolAnswer(place, example, {}, error=cut(one.error or "an error"))
    scores = {_SCORE: score_in(one.score), _PASSED: score_in(one.success)}
    for metric, score in (one.named_scores or {}).items():
        scores.setdefault(metric, score_in(score))
    if one.response and one.response.cached:  # neither asked nor paid for in this run
        return ToolAnswer(place, example, scores)
    tokens = (one.response and one.response.tokens) or _Tokens()
    seconds = None if one.latency_ms is None else one.latency_ms / 1000
    return ToolAnswer(
        place,
        example,
        scores,
        seconds=seconds,
        tokens_in=tokens.prompt,
        tokens_out=tokens.completion,
        cost=one.cost,
    )
