"""Which answers a strategy prefers that learned from rejected ones, on the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from advisor.as_json import AsJson
from advisor.render.html import render_html
from advisor.render.markdown import render_markdown
from advisor.schema import REPORT, Report
from advisor.sections.blocks import Table
from eval.outcomes import Preferred, Trial
from tests.reports import section_names, section_of

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]


def test_the_share_of_chosen_answers_stands_with_its_range(
    synthetic_trials: MakeTrials, synthetic_report: MakeReport
) -> None:
    trials = tuple(
        replace(one, preferred=Preferred(40, 36, 30, 20)) if one.strategy == "finetuning" else one
        for one in synthetic_trials()
    )
    report = synthetic_report(trials=trials)
    section = section_of(report, "preferences")
    assert section.summary == (
        "Adapter fine-tuning prefers the chosen answer in 90 % of 40 test rows with a rejected one (95 % CI 77 % to "
        "96 %)."
    )
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert [[cell.text for cell in row.cells] for row in table.rows] == [["90 %", "75 %", "50 %"]]
    assert section.summary in render_markdown(report) and section.summary in render_html(report)
    assert REPORT.read(REPORT.write(report)) == report
    stored = AsJson[Trial](Trial)
    assert [stored.read(stored.write(one)).preferred for one in trials] == [one.preferred for one in trials]
    assert "preferences" not in section_names(synthetic_report())
