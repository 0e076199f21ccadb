from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from advisor.render.html import render_html
from advisor.render.markdown import render_markdown
from advisor.schema import Report
from advisor.sections.opening import subject_of
from advisor.wording import score_text
from eval.outcomes import Trial
from eval.task import Kind, Split, Task
from tests.reports import candidate_of

MakeReport = Callable[..., Report]
_VOID = {"meta", "br", "hr", "img", "input", "link", "source"}


class _Balance(HTMLParser):
    """Fails where a tag is closed that was not the last one opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("kind", list(Kind))
def test_the_page_stands_alone_and_is_well_formed(synthetic_report: MakeReport, kind: Kind) -> None:
    page = render_html(synthetic_report(kind))
    reader = _Balance()
    reader.feed(page)
    assert reader.open == []
    assert {"html", "svg", "table"} <= reader.seen
    assert not reader.seen & {"script", "img", "link", "iframe"}
    assert not re.search(r"(?:https?:)?//\w", re.sub(r' xmlns(?::xlink)?="[^"]+"', "", page))
    assert "prefers-color-scheme: dark" in page and "@media print" in page


def test_it_says_what_the_recommendation_says(synthetic_report: MakeReport) -> None:
    report = synthetic_report()
    page = render_html(report)
    verdict = report.recommendation
    for sentence in (verdict.headline, verdict.confidence_line, *verdict.reasons):
        assert sentence in page
    assert verdict.choice is not None
    mean = candidate_of(report, verdict.choice).score.mean
    assert all(said in page for said in (f">{score_text(mean)}</b>", "2 rows appear twice.", "r-synthetic"))


def test_words_of_others_are_escaped(
    synthetic_report: MakeReport,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> None:
    bad = '<img src="x" onerror="alert(1)">'
    task = replace(synthetic_task(), name=bad)
    trials = tuple(
        replace(trial, outcomes=tuple(replace(outcome, text=bad) for outcome in trial.outcomes))
        for trial in synthetic_trials()
    )
    page = render_html(synthetic_report(task=task, model=bad, warnings=[bad]), trials, synthetic_split(task).test)
    assert bad not in page
    assert page.count("&lt;img src=") > 240


def test_a_name_from_right_to_left_leaves_the_number_after_it_in_its_place(
    synthetic_report: MakeReport, synthetic_task: Callable[..., Task]
) -> None:
    for name, shown in (("تصنيف", "\u2068تصنيف\u2069"), ("客服问题分类", "客服问题分类")):
        subject = subject_of(synthetic_report(task=replace(synthetic_task(), name=name)))
        assert subject.startswith(f"{shown} · one of several labels · 80 test rows")


def test_a_failed_strategy_is_named_with_its_reason(
    synthetic_report: MakeReport, synthetic_trials: Callable[..., tuple[Trial, ...]]
) -> None:
    prompting, retrieval, _ = synthetic_trials()
    failed = Trial("finetuning", "failed", reason="The machine ran out of memory.")
    assert "Adapter fine-tuning failed, so it has no score. The machine ran out of memory." in render_html(
        synthetic_report(trials=(prompting, retrieval, failed))
    )


def test_a_run_in_which_all_failed_is_still_a_page(synthetic_report: MakeReport) -> None:
    report = synthetic_report(trials=(Trial("prompting", "failed", reason="It stopped."),))
    page = render_html(report)
    assert report.recommendation.headline in page and "<svg" not in page
    for said in (page, render_markdown(report)):
        assert "order of the costs" not in said and "Would more data help?" not in said
