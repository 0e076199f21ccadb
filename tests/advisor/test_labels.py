"""Precision and recall of each label, which every report of labels shows, whatever its metric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sklearn.metrics import precision_recall_fscore_support

from advisor.render.html import render_html
from advisor.render.markdown import render_markdown
from advisor.schema import Report
from advisor.wording import score_text
from eval.outcomes import EarlyStop, Trial
from eval.task import Kind
from tests.reports import heads_of, rows_of, section_names, section_of

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]


def test_every_strategy_has_its_rates_by_label(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    section = section_of(synthetic_report(), "labels")
    names = ("Adapter fine-tuning", "Retrieval", "Prompting")
    measured = [f"{name} {measure}" for name in names for measure in ("precision", "recall")]
    assert heads_of(section) == ["Test rows", *measured]
    rows = next(one.outcomes for one in synthetic_trials() if one.strategy == "finetuning")
    expected, given = [one.expected for one in rows], [one.text for one in rows]
    labels = sorted({label for label in expected if label})
    assert list(rows_of(section)) == labels
    for at, (count, *finetuning) in enumerate(rows_of(section).values()):
        precision, recall, _, tested = precision_recall_fscore_support(expected, given, labels=labels)
        assert count == str(tested[at])
        assert finetuning[:2] == [score_text(precision[at]), score_text(recall[at])]


def test_rows_are_counted_where_all_were_answered(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    whole = section_of(synthetic_report(), "labels")
    prompting, retrieval, finetuning = synthetic_trials()
    settled = replace(finetuning, outcomes=finetuning.outcomes[:30], stopped=EarlyStop("settled"))
    part = section_of(synthetic_report(trials=(prompting, retrieval, settled)), "labels")
    counts = {label: cells[0] for label, cells in rows_of(part).items()}
    assert counts == {label: cells[0] for label, cells in rows_of(whole).items()}
    assert "stopped early" in str(part.blocks) and "stopped early" not in str(whole.blocks)


def test_the_label_that_is_found_least_is_named(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    *others, finetuning = synthetic_trials()
    rows = [one for one in finetuning.outcomes if one.expected == "refund"]
    recall = score_text(sum(one.score for one in rows) / len(rows))
    assert f"finds “refund” least often (recall {recall})" in section_of(synthetic_report(), "labels").summary
    perfect = replace(
        finetuning, outcomes=tuple(replace(one, text=one.expected or "", score=1.0) for one in finetuning.outcomes)
    )
    summary = section_of(synthetic_report(trials=(*others, perfect)), "labels").summary
    assert summary == "Adapter fine-tuning finds every row of all 4 labels."


def test_answers_that_are_no_labels_have_none(synthetic_report: MakeReport) -> None:
    assert "labels" not in section_names(synthetic_report(Kind.EXTRACTION))


def test_labels_are_shown_as_they_are(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
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
    assert "&lt;b&gt;|" in page and "<b>|" not in page
    assert "| \\<b\\>\\| | 20 |" in text
