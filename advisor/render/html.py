"""The report as one page to keep, send or print: no scripts, nothing loaded from anywhere, everything escaped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from advisor.candidates import judged
from advisor.palette import DARK, LIGHT, css_variables
from advisor.render.static_charts import ink_and_paper, inline_svg
from advisor.schema import Report
from advisor.sections.answers import answered_rows
from advisor.sections.blocks import Chart
from advisor.sections.contents import SECTIONS, MakeSection, sections_of
from advisor.sections.figures import subject_of
from advisor.sections.provenance import ODDS, how_computed
from advisor.sections.verdict import first_figures
from advisor.wording import name_of
from eval.outcomes import Trial
from eval.task import Example


def _svg(chart: Chart, place: str) -> Markup | None:
    """Vega escapes every word that it draws."""
    drawn = inline_svg(chart, place)
    return Markup(drawn) if drawn else None


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["name"] = name_of
_TEMPLATES.filters["kind"] = lambda block: type(block).__name__
_TEMPLATES.filters["svg"] = _svg
_TEMPLATES.globals["chart_colours"] = Markup(ink_and_paper())
_TEMPLATES.globals |= {"LIGHT": LIGHT, "DARK": DARK}


def render_html(
    report: Report,
    trials: Sequence[Trial] = (),
    examples: Sequence[Example] = (),
    made_by: Sequence[MakeSection] = SECTIONS,
) -> str:
    """A whole HTML document; with the trials and the test examples, every answer too."""
    shown, verdict = judged(report), report.recommendation
    return _TEMPLATES.get_template("report.html.j2").render(
        report=report,
        verdict=verdict,
        colours=css_variables(),
        subject=subject_of(report),
        sections=sections_of(report, made_by),
        judged=shown,
        choice=next((one for one in shown if one.id == verdict.choice), None),
        first_figures=first_figures(report),
        how_odds=how_computed(report, ODDS),
        how_differences=how_computed(report, "Differences"),
        how_answers=how_computed(report, "Answers side by side"),
        answers=answered_rows(report.task.kind, trials, examples),
    )
