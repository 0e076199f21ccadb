"""The verdict under other priorities: the answers of a run are judged anew, and nothing runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from html import escape
from math import inf

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from advisor.charts import volume_sentence
from advisor.pages import frame
from advisor.pages.past_runs import Measured, measured_of
from advisor.pages.place import choose_place, starting_place
from advisor.palette import colour_variable
from advisor.plan import Priorities
from advisor.report.build import under_priorities
from advisor.schema import Report
from advisor.sections import early_stops
from advisor.storage.stored import StoredRun
from advisor.wording import every_text

_VOLUMES = (100, 1_000, 5_000, 10_000, 50_000, 100_000, 1_000_000, 10_000_000)
_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, inf)
_MONTHS = (1, 2, 3, 6, 12, 18, 24, 36, 60)
_ERRORS = (0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 20.0, 100.0)
_DAYS = (1.0, 7.0, 14.0, 30.0, 90.0, 180.0, 365.0, inf)
_KEYS = "if-"
_RESET = f"{_KEYS}reset"
_MOST_POINTS = 20.0
_MOST_AN_HOUR = 5.0


@st.fragment
def show_what_if(run: StoredRun, report: Report) -> None:
    frame.check_seen(run.id)
    measured = measured_of(run)
    if measured is None:
        return
    is_open = _bring_back(run.id)
    with st.expander("Try other priorities", expanded=is_open, icon=":material/tune:"):
        frame.small("We judge the same answers by other priorities. Nothing runs again, and the report doesn't change.")
        verdict = st.container(key="if-verdict")  # in view above the sliders
        priorities = _choose(report.priorities)
        is_changed = priorities != report.priorities
        _remember(run.id, is_changed)
        st.button(
            "Reset",
            key=_RESET,
            icon=":material/undo:",
            disabled=not is_changed,
            on_click=_reset,
            args=(report.priorities,),
        )
        then = _judged_by(frame.store().home.as_posix(), run.id, run.ended_at, priorities, report, measured)
        with verdict:
            _show_verdict(then, report)
        _show_reasons(then, report)


@st.cache_resource(show_spinner=False, max_entries=50)
def _judged_by(
    home: str, run_id: str, ended_at: float | None, priorities: Priorities, _report: Report, _measured: Measured
) -> Report:
    """The others are the key. It takes a third of the time of a report's page, which every click draws again."""
    return under_priorities(_report, priorities, *_measured)


def _bring_back(run_id: str) -> bool:
    """Where the address has no values, those that were set before the person went to another page. Returns whether to
    show them: once open, the fold stays so, or a reset would close it."""
    is_in_address = any(name.startswith(_KEYS) for name in st.query_params)
    kept = st.session_state.get(f"what-if-{run_id}", {})
    for key, value in kept.items() if not is_in_address else ():
        st.session_state.setdefault(key, value)
    was_open = f"what-if-open-{run_id}"
    st.session_state[was_open] = st.session_state.get(was_open, False) or is_in_address or bool(kept)
    return bool(st.session_state[was_open])


def _remember(run_id: str, is_changed: bool) -> None:
    keys = [str(key) for key in st.session_state if str(key).startswith(_KEYS) and key != _RESET]
    st.session_state[f"what-if-{run_id}"] = {key: st.session_state[key] for key in keys} if is_changed else {}


def _starting(was: Priorities) -> dict[str, float]:
    """Where each slider begins, by the end of its key; no limit and never are infinite."""
    return {
        "margin": 100 * was.margin,
        "volume": was.monthly_volume,
        "price": float(was.machine_per_hour),
        "seconds": was.max_seconds or inf,
        "months": was.months,
        "wrong": was.wrong_answer,
        "retrain": was.retrain_days or inf,
        "reindex": was.reindex_days or inf,
    }


def _choose(was: Priorities) -> Priorities:
    first, second = st.columns(2, gap="medium")
    starts = _starting(was)

    def slide(column: DeltaGenerator, name: str, label: str, most: float, step: float, form: str | None) -> float:
        return column.slider(
            label, 0.0, max(most, starts[name]), starts[name], step, form, key=f"{_KEYS}{name}", bind="query-params"
        )

    def pick(
        column: DeltaGenerator, name: str, label: str, options: Iterable[float], words: Callable[[float], str]
    ) -> float:
        values = sorted({*options, starts[name]})
        return column.select_slider(label, values, starts[name], words, key=f"{_KEYS}{name}", bind="query-params")

    margin = slide(first, "margin", "Points that don't matter", _MOST_POINTS, 0.5, "%.1f")
    volume = pick(second, "volume", "Requests a month", _VOLUMES, "{:,}".format)
    price = slide(first, "price", f"Machine price per hour ({was.currency})", _MOST_AN_HOUR, 0.05, None)
    longest = pick(second, "seconds", "Maximum latency (95th percentile)", _SECONDS, _at_most)
    months = pick(first, "months", "Months of use", _MONTHS, str)
    wrong = pick(second, "wrong", f"Price of a wrong answer ({was.currency})", _ERRORS, _priced)
    retrain = pick(first, "retrain", "Task changes", _DAYS, _every)
    reindex = pick(second, "reindex", "Documents change", _DAYS, _every)
    return replace(
        choose_place(was, _KEYS),
        margin=margin / 100,
        monthly_volume=int(volume),
        machine_per_hour=price,
        max_seconds=None if longest == inf else longest,
        months=int(months),
        wrong_answer=wrong,
        retrain_days=None if retrain == inf else retrain,
        reindex_days=None if reindex == inf else reindex,
    )


def _at_most(seconds: float) -> str:
    return "no limit" if seconds == inf else f"{seconds:g} s"


def _priced(price: float) -> str:
    return f"{price:g}" if price else "not counted"


def _every(days: float) -> str:
    return "never" if days == inf else every_text(days)


def _reset(was: Priorities) -> None:
    """Back to the priorities of the report; a value that is the default also leaves the address."""
    starts = {f"{_KEYS}{name}": value for name, value in _starting(was).items()} | starting_place(was, _KEYS)
    st.session_state.update({key: value for key, value in starts.items() if key in st.session_state})


def _show_verdict(then: Report, report: Report) -> None:
    verdict, before = then.recommendation, report.recommendation
    is_same = (verdict.choice, verdict.level_baseline) == (before.choice, before.level_baseline)
    begins = "Same verdict" if is_same else "New verdict"
    colour = colour_variable(verdict.choice)
    st.html(
        f'<section class="rejudged" style="--mark:{colour}" role="status">'
        f'<p class="then">{begins}: {escape(verdict.headline)}</p>'
        f'<p class="confidence">{escape(verdict.confidence_line)}</p></section>'
    )


def _show_reasons(then: Report, report: Report) -> None:
    verdict = then.recommendation
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in (*verdict.reasons, *verdict.changes))
    stopped = early_stops.sentences(report)  # by the priorities that the run had
    fewer = "".join(f'<p class="quiet">{escape(sentence)}</p>' for sentence in stopped)
    st.html(f'<div class="pairs"><ul>{said}</ul></div><p class="quiet">{escape(volume_sentence(then))}</p>{fewer}')
