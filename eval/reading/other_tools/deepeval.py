"""The test runs of DeepEval, as `evaluate` writes them to `DEEPEVAL_RESULTS_FOLDER`: one JSON file per run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field

from eval.reading.other_tools.answers import (
    AnswerSet,
    Better,
    Score,
    ToolAnswer,
    ToolResults,
    content_id,
    cut,
    numbered,
    score_in,
)
from eval.reading.other_tools.recorded import Recorded, recorded
from eval.task import BadInput

TOOL = "DeepEval"
PASSED = "success"  # whether a test case passes all its metrics


class _Metric(Recorded):
    name: str
    score: Any = None
    threshold: Any = None
    success: bool | None = None
    judge: str | None = Field(None, alias="evaluationModel")


class _Case(Recorded):
    name: str = ""
    input: str | None = None
    expected_output: Any = Field(None, alias="expectedOutput")
    scenario: str | None = None  # of a conversation
    success: bool | None = None
    metrics: list[_Metric] | None = Field(None, alias="metricsData")
    seconds: Annotated[float, Field(ge=0)] | None = Field(None, alias="completionTime")
    cost: Annotated[float, Field(ge=0)] | None = Field(None, alias="tokenCost")
    tokens_in: Annotated[int, Field(ge=0)] | None = Field(None, alias="inputTokenCount")
    tokens_out: Annotated[int, Field(ge=0)] | None = Field(None, alias="outputTokenCount")

    @property
    def asked(self) -> str:
        return self.input or self.scenario or self.name


class _Run(Recorded):
    cases: list[_Case] = Field(default_factory=list, alias="testCases")
    conversations: list[_Case] = Field(default_factory=list, alias="conversationalTestCases")
    identifier: str | None = None
    hyperparameters: dict[str, Any] | None = None


def is_run(value: dict[str, Any]) -> bool:
    return isinstance(value.get("testCases"), list) and "metricsScores" in value


def read_run(name: str, value: dict[str, Any]) -> ToolResults:
    run = recorded(_Run, name, value)
    cases = [_with_metrics_told_apart(name, at, case) for at, case in enumerate([*run.cases, *run.conversations], 1)]
    answers = (
        ToolAnswer(
            f"test case {at}",
            content_id(case.asked, case.expected_output),
            _scores(case),
            seconds=case.seconds,
            tokens_in=case.tokens_in,
            tokens_out=case.tokens_out,
            cost=case.cost,
        )
        for at, case in enumerate(cases, 1)
    )
    known = run.hyperparameters or {}
    facets = {"model": cut(known["model"])} if isinstance(known.get("model"), str) else {}
    facets |= {
        key: cut(f"{key}={value}")
        for key, value in known.items()
        if key not in facets and isinstance(value, str | int | float)
    }
    if run.identifier:
        facets["identifier"] = cut(run.identifier)
    return ToolResults(TOOL, (AnswerSet(facets, tuple(numbered(answers))),), better=_better(cases))


def _with_metrics_told_apart(name: str, at: int, case: _Case) -> _Case:
    """Two models can judge by the same metric. Raises BadInput if a metric still has several values."""
    found = case.metrics or []
    names = Counter(one.name for one in found)
    metrics = [
        one.model_copy(update={"name": f"{one.name} ({one.judge})"}) if names[one.name] > 1 and one.judge else one
        for one in found
    ]
    if len({one.name for one in metrics}) < len(metrics):
        [(twice, _)] = Counter(one.name for one in metrics).most_common(1)
        raise BadInput(
            f"{name}, test case {at} has {cut(twice)} twice; give the metrics different names and run {TOOL} again."
        )
    return case.model_copy(update={"metrics": metrics})


def _scores(case: _Case) -> dict[str, Score]:
    scores = {one.name: score_in(one.score) for one in case.metrics or ()}
    return scores if len(scores) < 2 else {**scores, PASSED: score_in(case.success)}


def _better(cases: Iterable[_Case]) -> dict[str, Better]:
    """Which way a metric is better, if all scores that passed are on one side of the threshold and all that failed on
    the other. Names don't say it: DeepEval 4 turned Hallucination, Bias, Toxicity and Misuse round."""
    seen: dict[str, set[Better]] = {}
    for one in (metric for case in cases for metric in case.metrics or ()):
        score, threshold = score_in(one.score), score_in(one.threshold)
        if isinstance(score, float) and isinstance(threshold, float) and score != threshold and one.success is not None:
            seen.setdefault(one.name, set()).add("higher" if (score > threshold) == one.success else "lower")
    return {name: next(iter(ways)) for name, ways in seen.items() if len(ways) == 1}
