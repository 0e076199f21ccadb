"""The report as one page to keep, send or print: no scripts, nothing loaded from anywhere, everything escaped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from advisor.candidates import preferred
from advisor.palette import DARK, LIGHT, colour_variable, css_variables
from advisor.render.static_charts import NARROW, WIDTH, ink_and_paper, inline_svg
from advisor.schema import Report
from advisor.sections import answers
from advisor.sections.blocks import Chart, lead_of
from advisor.sections.contents import SECTIONS, MakeSection, sections_of
from advisor.sections.opening import opening_of
from advisor.storage.own_marks import OwnMark
from advisor.wording import name_of, sentences_in
from eval.mapping.accepted import any_of
from eval.outcomes import Trial
from eval.task import Example

_OPENING = "opening"  # where the first chart stands, beside the sentences
_MOST_BESIDE = 8  # answers in columns of their own
_LONG = 80  # characters of an answer: on paper, more than this would stand in narrow columns


def _svg(chart: Chart, place: str) -> Markup | None:
    """Vega escapes every word that it draws."""
    drawn = inline_svg(chart, place, NARROW if place == _OPENING else WIDTH)
    return Markup(drawn) if drawn else None


def _css_string(text: str) -> Markup:
    """In quotes, for a style sheet; whatever could end the string or the sheet is escaped by its number."""
    escaped = (sign if sign.isalnum() or sign == " " else f"\\{ord(sign):x} " for sign in text)
    return Markup("'{}'").format("".join(escaped))


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["name"] = name_of
_TEMPLATES.filters["colour"] = colour_variable
_TEMPLATES.filters["sentences"] = sentences_in
_TEMPLATES.filters["kind"] = lambda block: type(block).__name__
_TEMPLATES.filters["any_of"] = any_of
_TEMPLATES.filters["lead"] = lead_of
_TEMPLATES.filters["svg"] = _svg
_TEMPLATES.filters["css_string"] = _css_string
_TEMPLATES.globals["chart_colours"] = Markup(ink_and_paper())
_TEMPLATES.globals |= {"LIGHT": LIGHT, "DARK": DARK}


def render_html(
    report: Report,
    trials: Sequence[Trial] = (),
    examples: Sequence[Example] = (),
    made_by: Sequence[MakeSection] = SECTIONS,
    marks: Sequence[OwnMark] = (),
    origin: str = "",
) -> str:
    """A whole HTML document; with the trials, baselines included, and the test examples, the answers too, and the
    person's marks on them. `origin` is the sentence on where a report comes from that wasn't measured here."""
    rows = answers.answered_rows(report, trials, examples, marks)
    shown = preferred(report)
    return _TEMPLATES.get_template("report.html.j2").render(
        report=report,
        origin=origin,
        colours=css_variables(),
        opening=opening_of(report),
        sections=sections_of(report, made_by),
        shown=shown,
        answers_title=answers.TITLE,
        how_answers=answers.HOW,
        answers=rows,
        long_answers=sum(len(row.example.target) for row in rows) > _LONG * len(rows) or len(shown) > _MOST_BESIDE,
    )
