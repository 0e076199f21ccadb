"""The verdict under other priorities: the answers of a run are judged anew, and nothing runs."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from math import inf

import streamlit as st

from advisor.charts import volume_sentence
from advisor.pages import frame
from advisor.pages.past_runs import measured_of
from advisor.pages.place import choose_place
from advisor.plan import Priorities
from advisor.report.build import under_priorities
from advisor.schema import Report
from advisor.storage.stored import StoredRun
from advisor.wording import every_text

_VOLUMES = (100, 1_000, 5_000, 10_000, 50_000, 100_000, 1_000_000, 10_000_000)
_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, inf)
_MONTHS = (1, 2, 3, 6, 12, 18, 24, 36, 60)
_ERRORS = (0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 20.0, 100.0)
_DAYS = (1.0, 7.0, 14.0, 30.0, 90.0, 180.0, 365.0, inf)
_KEYS = "if-"
_MOST_POINTS = 20.0
_MOST_AN_HOUR = 5.0


@st.fragment
def show_what_if(run: StoredRun, report: Report) -> None:
    measured = measured_of(run)
    if measured is None:
        return
    with st.expander("Try other priorities", icon=":material/tune:"):
        frame.small("We judge the same answers by other priorities. Nothing runs again, and the report doesn't change.")
        verdict = st.container(key="if-verdict")  # in view above the sliders
        priorities = _choose(report.priorities)
        is_changed = priorities != report.priorities
        st.button("Reset", key="if-reset", icon=":material/undo:", disabled=not is_changed, on_click=_reset)
        then = under_priorities(report, priorities, *measured)
        with verdict:
            _show_verdict(then, report)
        _show_reasons(then)


def _choose(was: Priorities) -> Priorities:
    first, second = st.columns(2, gap="medium")
    points = 100 * was.margin
    margin = first.slider(
        "Points that don't matter",
        0.0,
        max(_MOST_POINTS, points),
        points,
        0.5,
        key="if-margin",
        bind="query-params",
        format="%.1f",
    )
    volume = second.select_slider(
        "Requests a month",
        sorted({*_VOLUMES, was.monthly_volume}),
        was.monthly_volume,
        format_func=lambda number: f"{number:,}",
        key="if-volume",
        bind="query-params",
    )
    price = first.slider(
        f"Machine price per hour ({was.currency})",
        0.0,
        max(_MOST_AN_HOUR, was.machine_per_hour),
        float(was.machine_per_hour),
        0.05,
        key="if-price",
        bind="query-params",
    )
    longest = second.select_slider(
        "Maximum latency (95th percentile)",
        sorted({*_SECONDS, was.max_seconds or inf}),
        was.max_seconds or inf,
        format_func=lambda seconds: "no limit" if seconds == inf else f"{seconds:g} s",
        key="if-seconds",
        bind="query-params",
    )
    months = first.select_slider(
        "Months of use", sorted({*_MONTHS, was.months}), was.months, key="if-months", bind="query-params"
    )
    wrong = second.select_slider(
        f"Price of a wrong answer ({was.currency})",
        sorted({*_ERRORS, was.wrong_answer}),
        was.wrong_answer,
        format_func=lambda price: f"{price:g}" if price else "not counted",
        key="if-wrong",
        bind="query-params",
    )
    retrain, reindex = (
        column.select_slider(
            label,
            sorted({*_DAYS, getattr(was, name) or inf}),
            getattr(was, name) or inf,
            format_func=_every,
            key=key,
            bind="query-params",
        )
        for column, label, name, key in (
            (first, "Task changes", "retrain_days", "if-retrain"),
            (second, "Documents change", "reindex_days", "if-reindex"),
        )
    )
    return replace(
        choose_place(was, _KEYS),
        margin=margin / 100,
        monthly_volume=volume,
        machine_per_hour=price,
        max_seconds=None if longest == inf else longest,
        months=months,
        wrong_answer=wrong,
        retrain_days=None if retrain == inf else retrain,
        reindex_days=None if reindex == inf else reindex,
    )


def _every(days: float) -> str:
    return "never" if days == inf else every_text(days)


def _reset() -> None:
    """Sliders without a value start again at the priorities of the report."""
    for key in [key for key in st.session_state if str(key).startswith(_KEYS)]:
        del st.session_state[key]
    for name in [name for name in st.query_params if name.startswith(_KEYS)]:
        del st.query_params[name]


def _show_verdict(then: Report, report: Report) -> None:
    verdict, before = then.recommendation, report.recommendation
    is_same = (verdict.choice, verdict.level_baseline) == (before.choice, before.level_baseline)
    begins = "Same verdict" if is_same else "New verdict"
    colour = f"var(--{verdict.choice}, var(--baseline))"
    st.html(
        f'<section class="rejudged" style="--mark:{colour}" role="status">'
        f'<p class="then">{begins}: {escape(verdict.headline)}</p>'
        f'<p class="confidence">{escape(verdict.confidence_line)}</p></section>'
    )


def _show_reasons(then: Report) -> None:
    verdict = then.recommendation
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in (*verdict.reasons, *verdict.changes))
    st.html(f'<div class="pairs"><ul>{said}</ul></div><p class="quiet">{escape(volume_sentence(then))}</p>')
