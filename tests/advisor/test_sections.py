"""Sections are data: one that is added appears in every form, and every form shows all of each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from advisor import charts
from advisor.candidates import judged
from advisor.palette import DARK, LIGHT, mark_of
from advisor.render.html import render_html
from advisor.render.json_file import render_json
from advisor.render.markdown import escaped, render_markdown
from advisor.render.static_charts import chart_svg
from advisor.schema import REPORT, Report
from advisor.sections.blocks import (
    Block,
    Bullets,
    Cell,
    Chart,
    Definitions,
    Folded,
    Head,
    Row,
    Section,
    Table,
    Text,
)
from advisor.sections.contents import SECTIONS, sections_of
from advisor.sections.method import _method
from eval.outcomes import Trial
from eval.task import Kind

MakeReport = Callable[..., Report]


def demonstration(report: Report) -> Section | None:
    """A section as somebody would add it: all kinds of block, from the report's own figures."""
    best, *_ = judged(report)
    return Section(
        "demonstration",
        "What a | newcomer <added>",
        "All *in* one line.",
        (
            Text("The finding."),
            Chart("What to see.", partial(charts.score_chart, report)),
            Bullets(("First.", "Second."), ("Third.",)),
            Table((Head("Score", best.strategy),), (Row("All rows", (Cell("1.00", ".9 to 1"),), "Every one."),)),
            Folded("Few need it", (Definitions((("Word", "Its meaning"),)), Text("Small print.", "small"))),
        ),
        how="By hand.",
    )


def test_a_section_that_is_added_stands_in_every_form(synthetic_report: MakeReport) -> None:
    report, made_by = synthetic_report(), (*SECTIONS, demonstration)
    page, text = render_html(report, made_by=made_by), render_markdown(report, made_by)
    stored = json.loads(render_json(report, made_by))
    for said in (
        "All *in* one line.",
        "The finding.",
        "What to see.",
        "Third.",
        "1.00",
        ".9 to 1",
        "Every one.",
        "Few need it",
        "Its meaning",
        "By hand.",
    ):
        assert said in page and escaped(said) in text and said in json.dumps(stored["sections"])
    assert "<h2>What a | newcomer &lt;added&gt;:</h2> All *in* one line.</summary>" in page
    assert "## What a \\| newcomer \\<added\\>: All" in text
    assert stored["sections"][-1]["id"] == "demonstration"
    assert REPORT.of(stored) == report


@pytest.mark.parametrize("kind", Kind)
def test_every_section_of_a_report_stands_in_every_form(synthetic_report: MakeReport, kind: Kind) -> None:
    report = synthetic_report(kind, preset="quick")
    page, text = render_html(report), render_markdown(report)
    found = sections_of(report)
    assert len({section.id for section in found}) == len(found) > 10
    for section in found:
        assert f'<section id="{section.id}"' in page and f"## {escaped(section.full_heading)}\n" in text
        assert section.summary and escaped(section.summary) in text
        assert section.how is None or escaped(section.how) in text
    for block in (block for section in found for block in section.blocks):
        assert all(escaped(words) in text for words in _words(block))


def test_a_chart_is_drawn_on_light_paper_and_on_dark_in_the_colours_of_the_strategies(
    synthetic_report: MakeReport,
) -> None:
    report = synthetic_report()
    chart = Chart("", partial(charts.score_chart, report))
    light, dark = (chart_svg(chart, theme) for theme in (LIGHT, DARK))
    assert light is not None and dark is not None
    assert all(mark_of(one.strategy).colour.lower() in light.lower() for one in judged(report))
    assert LIGHT.ink.lower() in light.lower() and DARK.ink.lower() in dark.lower()
    assert chart_svg(Chart("", lambda theme: None)) is None


def test_charts_of_one_document_share_no_id(synthetic_report: MakeReport) -> None:
    page = render_html(synthetic_report())
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids)) and set(re.findall(r"url\(#([^)]+)\)", page)) <= set(ids)
    assert page.count("<svg") == 4


def _words(block: Block) -> list[str]:
    match block:
        case Text(text, _):
            return [text]
        case Bullets(sentences, further, _):
            return [*sentences, *further]
        case Table(_, rows, _):
            return [cell.text for row in rows for cell in row.cells]
        case Definitions(pairs):
            return [said for _, said in pairs]
        case Chart(sentence, _):
            return [sentence]
        case Folded(_, blocks):
            return [words for each in blocks for words in _words(each)]


def test_the_methods_say_why_a_model_is_slow(
    synthetic_report: MakeReport, synthetic_trials: Callable[..., tuple[Trial, ...]]
) -> None:
    why = "Our engine doesn't compute networks of the type “mamba”."
    trials = tuple(replace(one, slow_because=why) for one in synthetic_trials())
    model = dict(_method(synthetic_report(trials=trials)))["Model"]
    assert model.endswith(f"It runs on the code of transformers, which is slower than our engine. {why}")
    assert "transformers" not in dict(_method(synthetic_report()))["Model"]
