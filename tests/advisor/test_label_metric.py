"""A run whose metric counts every label alike: the verdict, the figures and the words follow it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from advisor.decision.recommendation import recommend
from advisor.plan import Priorities
from advisor.report.build import under_priorities
from advisor.schema import Candidate, Curve, Recommendation, Report
from advisor.sections.figures import how_computed
from eval.outcomes import TRAINED_AGAIN, TRAINED_ON, Outcome, Trial
from eval.scoring import MetricName
from eval.scoring.labels import LabelAnswers
from eval.task import Kind, Metric, Split, Task
from tests.reports import candidate_of, section_of

LABELS = ("common", "seldom", "rare")
ROWS = 300
EXPECTED = np.random.default_rng(1).choice(3, ROWS, p=[0.9, 0.07, 0.03])


def trial(strategy: str, *recalls: float, metric: str = MetricName.MACRO_F1, seconds: float = 1.0) -> Trial:
    """It finds each label in so many of its rows, and says that it is the next one in the others."""
    random = np.random.default_rng(len(strategy))
    right = random.random(ROWS) < np.array(recalls)[EXPECTED]
    given = np.where(right, EXPECTED, (EXPECTED + 1) % 3)
    outcomes = tuple(
        Outcome(f"r{row}", strategy, LABELS[got], float(got == label), {}, 50, 2, seconds, expected=LABELS[label])
        for row, (label, got) in enumerate(zip(EXPECTED.tolist(), given.tolist(), strict=True))
    )
    return Trial(strategy, "done", outcomes=outcomes, fit_seconds=10.0, metric=metric)


def decide(*trials: Trial, baselines: tuple[Trial, ...] = (), **priorities: Any) -> Recommendation:
    return recommend(trials, Priorities(**priorities), Kind.CLASSIFICATION, baselines=baselines)


def two(metric: str) -> tuple[Trial, Trial]:
    """The first is right on more rows, and finds the common label alone."""
    return trial("prompting", 1, 0, 0, metric=metric), trial("finetuning", 0.86, 0.9, 0.95, metric=metric, seconds=2)


def test_what_is_taken_follows_the_metric() -> None:
    by_rows, by_labels = decide(*two(MetricName.ACCURACY)), decide(*two(MetricName.MACRO_F1))
    assert (by_rows.choice, by_labels.choice) == ("prompting", "finetuning")
    assert by_labels.confidence == "strong"
    assert decide(*two(MetricName.BALANCED_ACCURACY)).choice == "finetuning"


def test_where_a_wrong_answer_has_a_price_every_wrong_answer_counts_alike() -> None:
    got = decide(*two(MetricName.MACRO_F1), wrong_answer=1.0)
    assert got.choice == "prompting"
    assert any(caveat.startswith("You set a price for a wrong answer") for caveat in got.caveats)


def test_a_baseline_is_held_against_the_metric() -> None:
    """Always the commonest label, which is right on nine rows of ten, is no rival."""
    strategy, baseline = trial("finetuning", 0.9, 0.8, 0.8), trial("majority_label", 1, 0, 0)
    by_labels = decide(strategy, baselines=(baseline,)).baseline
    rows = [replace(one, metric=MetricName.ACCURACY) for one in (strategy, baseline)]
    by_rows = decide(rows[0], baselines=(rows[1],)).baseline
    assert by_labels is not None and by_rows is not None
    assert (by_labels.claim, by_rows.claim) == ("worse", "as good")
    assert by_labels.score == pytest.approx(LabelAnswers.of_outcomes(baseline.metric, baseline.outcomes).score)
    assert by_labels.score < 0.4


def test_a_few_rows_that_decide_are_said_to() -> None:
    few = replace(trial("prompting", 0.9, 0.8, 0.8), outcomes=trial("prompting", 0.9, 0.8, 0.8).outcomes[:60])
    assert sum(one.expected == "rare" for one in few.outcomes) < 5
    (caveat,) = (caveat for caveat in decide(few).caveats if "fewer than 5 test rows" in caveat)
    assert caveat.startswith(("1 of 3 labels has", "2 of 3 labels have"))
    assert not any("fewer than 5 test rows" in caveat for caveat in decide(replace(few, metric="accuracy")).caveats)


def test_a_low_score_of_mostly_right_answers_is_told_as_it_is() -> None:
    got = decide(trial("prompting", 0.97, 0.1, 0.1))
    assert got.headline == "Nothing answers reliably yet. If you need to start now, use prompting."
    (caveat,) = (caveat for caveat in got.caveats if "macro-F1 of only" in caveat)
    assert "rarely finds the labels that have few rows" in caveat
    one = replace(trial("prompting", 0.6, 0.6, 0.6), metric="mine.py:score (12345678)")
    partly = replace(one, outcomes=tuple(replace(each, score=0.4 * each.score) for each in one.outcomes))
    assert any(caveat.startswith("Prompting is wrong on 300 of 300 test rows.") for caveat in decide(partly).caveats)


@pytest.fixture
def trials_of(synthetic_trials: Callable[..., tuple[Trial, ...]]) -> Callable[[str], tuple[Trial, ...]]:
    """The synthetic trials of labels by a metric, with what longer runs ask besides."""

    def make(metric: str) -> tuple[Trial, ...]:
        trials = []
        for one in synthetic_trials():
            rows = one.outcomes
            learned = {TRAINED_ON: rows[:30], f"{TRAINED_AGAIN}1": rows[::-1]} if one.strategy == "finetuning" else {}
            trials.append(replace(one, metric=metric, probes={"typos": rows[:40], **learned}))
        return tuple(trials)

    return make


@pytest.fixture
def report_of(
    synthetic_report: Callable[..., Report],
    synthetic_task: Callable[..., Task],
    trials_of: Callable[[str], tuple[Trial, ...]],
) -> Callable[[str], Report]:
    """Their report."""

    def make(metric: str) -> Report:
        trials = trials_of(metric)
        fewer = {one.strategy: dict.fromkeys((20, 40), replace(one, outcomes=one.outcomes[:40])) for one in trials}
        task = replace(synthetic_task(), metric=Metric(metric))
        return synthetic_report(task=task, trials=trials, preset="standard", fewer=fewer)

    return make


def at(found: Any, *path: str | int) -> Any:
    for step in path:
        found = found[step] if isinstance(step, int) else getattr(found, step)
    return found


def test_every_figure_of_a_report_is_by_the_metric(
    report_of: Callable[[str], Report], trials_of: Callable[[str], tuple[Trial, ...]]
) -> None:
    report = report_of(MetricName.MACRO_F1)
    assert report.task.metric == "macro-F1"
    scores = {one.id: one.score for one in report.candidates if isinstance(one, Candidate)}
    for one in trials_of(MetricName.MACRO_F1):
        found, rows = scores[one.strategy], one.outcomes
        truth = f1_score([each.expected for each in rows], [each.text for each in rows], average="macro")
        assert found.mean == pytest.approx(truth) and found.low < truth < found.high
    for pair in report.comparisons:
        assert pair.difference == pytest.approx(scores[pair.a].mean - scores[pair.b].mean)
        assert pair.test == "swapped answers" and pair.detectable is not None and 0 < pair.detectable < 1
    trained = candidate_of(report, "finetuning")
    assert trained.score_of_each_training == (scores["finetuning"].mean,) * 2
    for path in (("robustness", 0, "plain"), ("side_effects", "gap", "seen", "mean")):
        by_rows = candidate_of(report_of(MetricName.ACCURACY), "finetuning")
        assert at(trained, *path) != pytest.approx(at(by_rows, *path))
    assert report.curves is not None
    curve = next(one for one in report.curves if one.id == "finetuning")
    assert isinstance(curve, Curve) and curve.points[-1].mean == pytest.approx(scores["finetuning"].mean)


def test_other_priorities_are_judged_by_the_same_metric(
    report_of: Callable[[str], Report],
    trials_of: Callable[[str], tuple[Trial, ...]],
    synthetic_split: Callable[[Task], Split],
    synthetic_task: Callable[..., Task],
) -> None:
    report, trials = report_of(MetricName.MACRO_F1), trials_of(MetricName.MACRO_F1)
    same = under_priorities(report, Priorities(), trials, [], synthetic_split(synthetic_task()))
    assert same.recommendation == report.recommendation


def test_the_words_say_how_the_score_is_computed(report_of: Callable[[str], Report]) -> None:
    report = report_of(MetricName.MACRO_F1)
    differences = section_of(report, "differences").how or ""
    assert "2 × TP" in how_computed(report)["Score"]
    assert "The first score minus the second" in differences and "differences row by row" not in differences
    assert "swaps the two answers" in differences
