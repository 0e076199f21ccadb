"""The report as one page to keep, send or print: no scripts, nothing loaded from anywhere, everything escaped.

The charts are drawn as SVG by the template; this module says where things stand in them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jinja2

from advisor import charts
from advisor.advice.agreement import rule_groups
from advisor.candidates import baselines, judged, not_measured
from advisor.charts.drawing import apart
from advisor.palette import DARK, LIGHT, css_variables, mark_of
from advisor.report import labels
from advisor.report.answers import answered_rows
from advisor.report.changed_documents import asked_again_of
from advisor.report.curves import curves_of
from advisor.report.figures import (
    P_VALUE_MEANING,
    READING,
    TABLE_MEANING,
    apart_of,
    beyond_preset,
    detectable_of,
    differences_of,
    figures_of,
    reading_of,
    subject_of,
)
from advisor.report.method import method_of
from advisor.report.own_clicks import SEES, own_clicks_of
from advisor.report.provenance import ODDS, computed_of, how_computed
from advisor.report.robustness import LESS_TIDY, LOST_MEANING, less_tidy_of
from advisor.report.score_check import HEADS, SCORE_CHECK, score_check_of
from advisor.report.side_effects import SIDE_EFFECTS, side_effects_of
from advisor.report.wrong_answers import wrong_answers_of
from advisor.schema import Candidate, Report
from advisor.wording import money_text, name_of, score_text, seconds_text
from eval.outcomes import Trial
from eval.task import Example

_NAME_HEIGHT, _NAME_WIDTH = 0.16, 0.4  # of a name and a price, in shares of the chart of score against cost
_MARK_HEIGHT, _MARK_WIDTH = 0.1, 0.04  # of a mark, with what it would cover of a name

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= {"name": name_of, "mark": mark_of, "score": score_text, "seconds": seconds_text}
_TEMPLATES.globals |= {
    "money": money_text,
    "LIGHT": LIGHT,
    "DARK": DARK,
    "LESS_TIDY": LESS_TIDY,
    "LOST_MEANING": LOST_MEANING,
    "SCORE_CHECK": SCORE_CHECK,
    "SCORE_HEADS": HEADS,
    "SIDE_EFFECTS": SIDE_EFFECTS,
    "ODDS": ODDS,
    "READING": READING,
    "SEES": SEES,
    "TABLE_MEANING": TABLE_MEANING,
    "LABELS": labels.TITLE,
    "LABELS_MEANING": labels.MEANING,
}


def render_html(report: Report, trials: Sequence[Trial] = (), examples: Sequence[Example] = ()) -> str:
    """A whole HTML document; with the trials and the test examples, every answer too."""
    shown, verdict = judged(report), report.recommendation
    return _TEMPLATES.get_template("report.html.j2").render(
        report=report,
        verdict=verdict,
        colours=css_variables(),
        subject=subject_of(report),
        reading=reading_of(report),
        judged=shown,
        floors=baselines(report),
        left_out=not_measured(report.baselines),
        beyond=beyond_preset(report),
        choice=next((one for one in shown if one.id == verdict.choice), None),
        sentences={
            "score": charts.score_sentence(report),
            "cost": charts.cost_sentence(report),
            "latency": charts.latency_sentence(report),
            "volume": charts.volume_sentence(report),
        },
        latency=_latency_places(shown),
        apart=apart_of(report),
        costs=_cost_places(shown),
        figures=figures_of(report),
        differences=differences_of(report),
        p_meaning=P_VALUE_MEANING,
        detectable=detectable_of(report),
        rules=rule_groups(report),
        score_check=score_check_of(report),
        own_clicks=own_clicks_of(report),
        wrong=wrong_answers_of(report),
        by_label=labels.by_label_of(report),
        less_tidy=less_tidy_of(report),
        asked_again=asked_again_of(report),
        side_effects=side_effects_of(report),
        more_data=curves_of(report),
        method=method_of(report),
        computed=computed_of(report),
        how_computed=partial(how_computed, report),
        crossings=charts.crossing_sentences(report),
        answers=answered_rows(report.task.kind, trials, examples),
    )


def _latency_places(shown: Sequence[Candidate]) -> list[dict[str, Any]]:
    """For each timed candidate, the start and end of its bar as shares of the chart's width."""
    timed = [(one.strategy, one.latency_seconds) for one in shown if one.latency_seconds]
    longest = max((latency.p95 for _, latency in timed), default=0) or 1.0
    return [
        {
            "strategy": strategy,
            "p50": latency.p50,
            "p95": latency.p95,
            "start": latency.p50 / longest,
            "end": latency.p95 / longest,
        }
        for strategy, latency in timed
    ]


def _cost_places(shown: Sequence[Candidate]) -> list[dict[str, Any]]:
    """For each candidate with a cost, its place on a log axis, from 0 (cheapest) to 1, and where its name begins: right
    of its own mark, and of those that would stand on the name."""
    costs = [(one, one.cost.per_1000) for one in shown if one.cost.per_1000]
    costs.sort(key=lambda pair: pair[0].score.mean)
    if not costs:
        return []
    priced, logs = [one for one, _ in costs], [math.log(cost) for _, cost in costs]
    low, span = min(logs), (max(logs) - min(logs)) or 1.0
    places = [(at - low) / span for at in logs]
    names = apart([one.score.mean for one in priced], _NAME_HEIGHT, most=1.0, places=places, width=_NAME_WIDTH)
    marks = sorted(zip(places, (one.score.mean for one in priced), strict=True))

    def beyond_marks(place: float, height: float) -> float:
        for mark, score in marks:
            if place < mark < place + _MARK_WIDTH and abs(score - height) < _MARK_HEIGHT:
                place = mark
        return place

    return [
        {
            "strategy": one.strategy,
            "score": one.score.mean,
            "low": one.score.low,
            "high": one.score.high,
            "place": place,
            "named_at": named_at,
            "named_from": beyond_marks(place, named_at),
            "text": money_text(one.cost.per_1000, one.cost.currency),
        }
        for one, place, named_at in zip(priced, places, names, strict=True)
    ]
