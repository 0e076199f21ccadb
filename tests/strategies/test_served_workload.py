"""What a strategy will ask of a server, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eval.task import Brief, Kind
from strategies.presets import Budget
from strategies.served.capabilities import Capabilities, WholeLabels
from strategies.served_workload import foresee_requests, foresee_requests_for_fewer
from tests.tiny_strategies import tiny_task

TASK, SPLIT = tiny_task()
BUDGET = Budget(100, 100, latency_rows=4, settings=3, training_tokens=9_000, epochs=1, answer_tokens=16)
UNLIMITED = replace(BUDGET, training_tokens=10**9)  # the same choice, whatever a row takes
ASKED = len(SPLIT.test) + 4


def test_requests_are_rows_under_each_setting_test_rows_and_timed_ones() -> None:
    judged = len(SPLIT.dev) + len(SPLIT.train) // 3  # training rows that aren't shown
    rewritten = 1 + judged  # the model writes an instruction, which answers the same rows
    plain = foresee_requests("prompting", TASK.brief, SPLIT, (), UNLIMITED)
    assert plain.requests == 3 * judged + rewritten + ASKED  # its instructions: two drafted ones, and one described
    shown = foresee_requests("prompting_examples", TASK.brief, SPLIT, (), UNLIMITED)
    assert shown.requests == 6 * judged + rewritten + ASKED
    limited = foresee_requests("prompting_examples", TASK.brief, SPLIT, (), BUDGET)
    assert limited.requests == 2 * judged + rewritten + ASKED
    assert shown.read / shown.requests > plain.read / plain.requests > len(TASK.brief.labels)
    fewer = foresee_requests_for_fewer("prompting_examples", TASK.brief, SPLIT, (), BUDGET, 6, 5)
    assert fewer.requests == len(SPLIT.dev) + 5


def test_scored_labels_are_read_once_each_in_as_many_requests_as_the_way_takes() -> None:
    labels = tuple(f"label {at}" for at in range(100))
    brief = Brief("tiny", Kind.CLASSIFICATION, "Give the label.", labels)
    written = foresee_requests("prompting", brief, SPLIT, (), UNLIMITED)
    asked = written.requests
    echoed = foresee_requests("prompting", brief, SPLIT, (), UNLIMITED, _can(WholeLabels.ECHO))
    assert echoed.requests == 2 * asked and echoed.written == 0
    each = foresee_requests("prompting", brief, SPLIT, (), UNLIMITED, _can(WholeLabels.PROMPT_LOGPROBS))
    assert each.requests == each.written == 100 * asked
    assert each.read == echoed.read == pytest.approx(100 * written.read, rel=0.2)


def test_a_decision_is_one_request_that_reads_all_labels() -> None:
    can, budget = replace(Capabilities(), decides=True), replace(BUDGET, training_tokens=100_000)  # for the same rows
    for count, asked_by_decision in ((26, True), (27, False)):
        brief = Brief("tiny", Kind.CLASSIFICATION, "Give it.", tuple(f"label {at}" for at in range(count)))
        written = foresee_requests("prompting", brief, SPLIT, (), budget)
        found = foresee_requests("prompting", brief, SPLIT, (), budget, can)
        assert found.requests == written.requests
        assert (found.read > written.read) == asked_by_decision and found.written <= written.written


def _can(way: WholeLabels) -> Capabilities:
    return replace(Capabilities(), whole_labels=way)
