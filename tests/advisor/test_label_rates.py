"""Precision and recall of each label, which every report of labels shows, whatever its metric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sklearn.metrics import precision_recall_fscore_support

from advisor.render.html import render_html
from advisor.render.markdown import render_markdown
from advisor.schema import Report
from advisor.sections.labels import MEANING, TITLE, by_label_of
from advisor.wording import score_text
from eval.outcomes import Trial
from eval.task import Kind


def test_every_strategy_has_its_rates_by_label(
    synthetic_report: Callable[..., Report], synthetic_trials: Callable[..., tuple[Trial, ...]]
) -> None:
    found = by_label_of(synthetic_report())
    assert found is not None and found.names == ("finetuning", "retrieval", "prompting")
    rows = next(one.outcomes for one in synthetic_trials() if one.strategy == "finetuning")
    expected, given = [one.expected for one in rows], [one.text for one in rows]
    labels = sorted({label for label in expected if label})
    for at, row in enumerate(found.rows):
        precision, recall, _, count = precision_recall_fscore_support(expected, given, labels=labels)
        assert (row.label, row.rows) == (labels[at], count[at])
        assert row.cells[0] == f"{score_text(precision[at])}, {score_text(recall[at])}"


def test_answers_that_are_no_labels_have_none(synthetic_report: Callable[..., Report]) -> None:
    assert by_label_of(synthetic_report(Kind.EXTRACTION)) is None
    assert TITLE not in render_html(synthetic_report(Kind.EXTRACTION))


def test_the_table_is_folded_and_shows_labels_as_they_are(
    synthetic_report: Callable[..., Report], synthetic_trials: Callable[..., tuple[Trial, ...]]
) -> None:
    def renamed(one: Trial) -> Trial:
        rows = [
            replace(each, expected="<b>|", text="<b>|" if each.score else each.text)
            if each.expected == "refund"
            else each
            for each in one.outcomes
        ]
        return replace(one, outcomes=tuple(rows))

    report = synthetic_report(trials=tuple(map(renamed, synthetic_trials())))
    page, text = render_html(report), render_markdown(report)
    assert "<td>&lt;b&gt;|</td><td>20</td>" in page and "<b>|" not in page
    assert f">{TITLE}</h2>" in page and MEANING in page
    assert "<details><summary>All 4 labels</summary>\n\n| Label | Test rows | Fine-tuning |" in text
    assert "| \\<b\\>\\| | 20 |" in text
