"""Scores that count every label alike, held against scikit-learn, and the rates of each label."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_recall_fscore_support

from eval.outcomes import Outcome
from eval.scoring import MetricName, Scorer
from eval.scoring.labels import LabelAnswers, rates_by_label
from eval.task import Example, Kind, Metric


def outcome(row: int, expected: str | None, given: str, error: str | None = None) -> Outcome:
    return Outcome(f"r{row}", "prompting", given, float(given == expected), {}, 1, 1, error=error, expected=expected)


@pytest.mark.parametrize("seed", range(20))
def test_the_scores_are_those_of_scikit_learn(seed: int) -> None:
    """Some labels are given that no row has, and some are never given."""
    random = np.random.default_rng(seed)
    expected = random.choice(list("abcde"), 40, p=[0.6, 0.2, 0.1, 0.07, 0.03]).tolist()
    given = [label if random.random() < 0.6 else str(random.choice(list("bcxyz"))) for label in expected]
    outcomes = [outcome(row, *pair) for row, pair in enumerate(zip(expected, given, strict=True))]

    def score(metric: MetricName) -> float:
        return LabelAnswers.of_outcomes(metric, outcomes).score

    present = sorted(set(expected))
    assert score(MetricName.MACRO_F1) == pytest.approx(f1_score(expected, given, labels=present, average="macro"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of labels given that no row has
        assert score(MetricName.BALANCED_ACCURACY) == pytest.approx(balanced_accuracy_score(expected, given))
        rates = precision_recall_fscore_support(expected, given, labels=present)
    for found, label, precision, recall, rows in zip(
        rates_by_label(outcomes), present, rates[0], rates[1], rates[3], strict=True
    ):
        assert (found.label, found.rows) == (label, rows) and found.recall == pytest.approx(recall)
        assert found.precision == (pytest.approx(precision) if label in given else None)


def test_a_label_that_no_row_has_costs_only_the_recall_of_the_right_one() -> None:
    answers = LabelAnswers(MetricName.MACRO_F1, ("a", "a", "b"), ("a", "x", "b"))
    assert answers.score == pytest.approx((2 * 1 / (2 * 1 + 0 + 1) + 1) / 2)


def test_a_row_without_an_answer_got_no_label() -> None:
    (found,) = rates_by_label([outcome(0, "a", "a"), outcome(1, "a", "", error="The prompt is too long.")])
    assert (found.rows, found.recall, found.precision) == (2, 0.5, 1.0)


def test_labels_are_told_apart_as_rows_are_scored() -> None:
    rates = rates_by_label([outcome(0, "café ", "cafe\u0301"), outcome(1, "tea", " café")])
    assert [(one.label, one.recall, one.precision) for one in rates] == [("café ", 1.0, 0.5), ("tea", 0.0, None)]


def test_answers_that_are_no_labels_have_no_rates() -> None:
    assert rates_by_label([outcome(0, None, "a text")]) == ()
    assert rates_by_label([]) == ()


def test_settings_are_chosen_by_the_score_of_all_answers() -> None:
    """Always the commonest label is right more often, and finds only one label."""
    rows = [Example(f"r{row}", "a text", "rare" if row < 2 else "common") for row in range(10)]
    commonest, both = ["common"] * 10, ["rare", "rare", *["common"] * 5, *["rare"] * 3]

    def overall(metric: MetricName, texts: list[str]) -> float:
        return Scorer(Kind.CLASSIFICATION, Metric(metric), ()).overall(texts, rows)

    assert overall(MetricName.ACCURACY, commonest) == 0.8 > overall(MetricName.ACCURACY, both) == 0.7
    assert overall(MetricName.BALANCED_ACCURACY, commonest) == 0.5
    assert overall(MetricName.BALANCED_ACCURACY, both) == pytest.approx((1 + 5 / 8) / 2)
    assert overall(MetricName.MACRO_F1, both) > overall(MetricName.MACRO_F1, commonest)


def test_a_row_of_several_right_labels_counts_as_one_of_the_first() -> None:
    rows = [Example("r0", "a text", "refund", also_right=("return",)), Example("r1", "a text", "repair")]
    scorer = Scorer(Kind.CLASSIFICATION, Metric(MetricName.MACRO_F1), ())
    assert scorer.overall(["return", "repair"], rows) == 1
    assert scorer.overall(["return", "return"], rows) == 0.5
