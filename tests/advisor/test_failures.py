"""Where answers go wrong, in words, from reports of synthetic trials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from advisor.render.html import render_html
from advisor.render.markdown import render_markdown
from advisor.schema import Candidate, Report
from advisor.sections.failures import WORDS, counts_of, failures_of, sentences_of
from eval.failures.sorting import Failure
from eval.outcomes import Trial
from eval.task import Kind
from tests.reports import heads_of, rows_of, section_names, section_of
from tests.scored import score

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]


def test_every_category_has_words() -> None:
    assert list(WORDS) == list(Failure)


@pytest.mark.parametrize("kind", [Kind.CLASSIFICATION, Kind.EXTRACTION, Kind.ANSWERING])
def test_every_category_is_counted_for_each_strategy(synthetic_report: MakeReport, kind: Kind) -> None:
    report = synthetic_report(kind)
    section, counted = section_of(report, "failures"), counts_of(failures_of(report))
    assert heads_of(section) == ["Adapter fine-tuning", "Retrieval", "Prompting"]
    assert list(rows_of(section)) == [each.heading for each in counted] and counted[0].heading == "All wrong answers"
    wrong = {one.id: one.failures.wrong for one in report.candidates if isinstance(one, Candidate) and one.failures}
    assert counted[0].by_strategy == wrong
    assert rows_of(section)["All wrong answers"] == [
        str(wrong[one]) for one in ("finetuning", "retrieval", "prompting")
    ]
    assert section.summary == sentences_of(failures_of(report))[0]


def test_a_strategy_without_a_wrong_answer_is_said_to_be_right(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    right = answered(synthetic_trials(n=12)[0], lambda target, row: target)
    assert sentence(synthetic_report(n=12, trials=[right])) == "Prompting is right on all 12 rows."
    one_wrong = answered(synthetic_trials(n=12)[0], lambda target, row: "weather" if row == 0 else target)
    said = sentence(synthetic_report(n=12, trials=[one_wrong]))
    assert said == "Prompting is wrong on 1 of 12 rows. Most often: invented label (1)."


def test_the_mixup_that_stands_out_is_named(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    always = answered(synthetic_trials()[0], lambda target, row: "refund" if target == "delivery" else target)
    said = sentence(synthetic_report(trials=[always]))
    assert said == "Prompting is wrong on 20 of 80 rows. The most common mix-up: “refund” for “delivery” (20)."


def test_labels_mixed_up_both_ways_may_overlap(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    swap = {"refund": "delivery", "delivery": "refund"}
    one_way = {"refund": "delivery"}

    def mixed(ways: dict[str, str], trial: Trial) -> Trial:
        return answered(trial, lambda target, row: ways.get(target, target) if row // 4 % 2 else target)

    def said(*ways: dict[str, str]) -> tuple[str, ...]:
        trials = [mixed(each, trial) for each, trial in zip(ways, (prompting, retrieval), strict=True)]
        return sentences_of(failures_of(synthetic_report(trials=trials)))

    prompting, retrieval, _ = synthetic_trials()
    *_, overlap = said(swap, swap)
    assert "confuse “delivery” with “refund”" in overlap and "look at their rows" in overlap
    assert len(said(one_way, one_way)) == len(said(swap, {})) == 2


def test_labels_are_shown_escaped(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    bad = answered(synthetic_trials()[0], lambda target, row: "<b>|x</b>")
    report = synthetic_report(trials=[bad])
    assert "<b>|x" not in render_html(report) and "“<b>|x" not in render_markdown(report)


def test_a_strategy_that_was_not_judged_has_no_failures(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    failed = Trial("retrieval", "failed", reason="It ran out of memory.")
    report = synthetic_report(trials=[synthetic_trials()[0], failed])
    assert list(failures_of(report)) == ["prompting"] and heads_of(section_of(report, "failures")) == ["Prompting"]
    assert "failures" not in section_names(synthetic_report(trials=[failed]))


def sentence(report: Report) -> str:
    return section_of(report, "failures").summary


def answered(trial: Trial, answer: Callable[[str, int], str]) -> Trial:
    """The trial with other answers, scored anew: `answer` gets the expected label and the number of the row."""
    targets = ("refund", "delivery", "account", "invoice")
    outcomes = []
    for row, outcome in enumerate(trial.outcomes):
        target = targets[int(outcome.example_id.split("-")[1]) % len(targets)]
        text = answer(target, row)
        outcomes.append(replace(outcome, text=text, score=score(Kind.CLASSIFICATION, text, target).value))
    return replace(trial, outcomes=tuple(outcomes))
