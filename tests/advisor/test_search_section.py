"""How well a search finds answers, on the report: before and after reranking, and what was tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from advisor.as_json import AsJson
from advisor.render.html import render_html
from advisor.render.markdown import render_markdown
from advisor.schema import REPORT, Report
from advisor.sections.blocks import Table
from eval.outcomes import RankQuality, SearchQuality, Trial
from tests.reports import section_names, section_of, sentences_of

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]
BEFORE, AFTER = RankQuality((0.5, 0.75, 0.9), 0.7), RankQuality((0.8, 0.85, 0.9), 0.86)
DEFAULT = {"search": "dense", "reranker": "none"}
BETTER = {"search": "dense and BM25", "reranker": "some-reranker"}


def with_search(
    trials: tuple[Trial, ...], quality: SearchQuality, settings: dict[str, Any] | None = None
) -> tuple[Trial, ...]:
    tried = ({**DEFAULT, "found": 0.7}, {**BETTER, "found": 0.8}, {"passages": 1, "dev_score": 0.5})
    return tuple(
        replace(one, search=quality, choices=tried, settings=settings or BETTER) if one.strategy == "retrieval" else one
        for one in trials
    )


def test_hit_rates_stand_before_and_after_reranking(synthetic_trials: MakeTrials, synthetic_report: MakeReport) -> None:
    quality = SearchQuality("passages", 40, BEFORE, AFTER)
    report = synthetic_report(trials=with_search(synthetic_trials(), quality))
    section = section_of(report, "search")
    assert section.summary == (
        "Retrieval finds a passage with the answer first for 50 % of 40 rows. With the reranker it is 80 %."
    )
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        ["50 %", "75 %", "90 %", "0.70"],
        ["80 %", "85 %", "90 %", "0.86"],
    ]
    assert any("the chosen one 80 %" in sentence for sentence in sentences_of(section))
    assert section.summary in render_markdown(report) and section.summary in render_html(report)
    assert REPORT.read(REPORT.write(report)) == report


@pytest.mark.parametrize("finds", ["passages", "examples"])
def test_without_a_reranker_there_is_one_row(
    finds: Any, synthetic_trials: MakeTrials, synthetic_report: MakeReport
) -> None:
    trials = with_search(synthetic_trials(), SearchQuality(finds, 40, BEFORE), DEFAULT)
    section = section_of(synthetic_report(trials=trials), "search")
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert len(table.rows) == 1 and "among the first 10 for 90 %" in section.summary
    if finds == "passages":
        assert any("None is clearly better" in sentence for sentence in sentences_of(section))


def test_another_embedder_of_examples_is_a_better_search(
    synthetic_trials: MakeTrials, synthetic_report: MakeReport
) -> None:
    ways = [("dense", "small"), ("dense and BM25", "small"), ("BM25", "small"), ("dense", "larger")]
    tried = tuple(
        {"example search": way, "embedder": embedder, "found": found}
        for (way, embedder), found in zip(ways, (0.7, 0.6, 0.5, 0.9), strict=True)
    )
    trials = tuple(
        replace(trial, choices=tried, settings={"examples": 4, "search": "dense", "embedder": "larger"})
        if trial.strategy == "retrieval"
        else trial
        for trial in with_search(synthetic_trials(), SearchQuality("examples", 40, BEFORE))
    )
    said = sentences_of(section_of(synthetic_report(trials=trials), "search"))
    assert any("70 % of the nearest examples" in one and "90 % as chosen" in one for one in said)


def test_a_trial_keeps_it_and_those_of_earlier_versions_have_none(
    synthetic_trials: MakeTrials, synthetic_report: MakeReport
) -> None:
    trial = with_search(synthetic_trials(), SearchQuality("passages", 40, BEFORE, AFTER))[1]
    stored = AsJson[Trial](Trial)
    assert stored.read(stored.write(trial)).search == trial.search
    assert "search" not in section_names(synthetic_report())
