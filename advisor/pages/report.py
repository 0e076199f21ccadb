"""Report: first how the run is doing, then its verdict and the evidence under it."""

from __future__ import annotations

from html import escape

import streamlit as st

from advisor.candidates import judged
from advisor.pages import frame
from advisor.pages.answer_choice import is_choosing
from advisor.pages.ask_judge import show_ask_judge
from advisor.pages.blocks import folded, folded_until_opened, show_how, show_section
from advisor.pages.changed_data import ask_for_changed_data
from advisor.pages.downloads import show_downloads
from advisor.pages.failures import show_failures
from advisor.pages.opening import show_opening
from advisor.pages.own_clicks import after_clicks, compare_answers, show_warning
from advisor.pages.past_runs import followed_by, measured_of, report_of
from advisor.pages.rule_list import show_agreement
from advisor.pages.run_choice import comparison_address
from advisor.pages.running import WAITING_STATES, show_running, show_steps
from advisor.pages.sample_report import show_origin
from advisor.pages.served_costs import show_stopped
from advisor.pages.sharing import show_sharing
from advisor.pages.side_by_side import show_answers
from advisor.pages.try_it import show_try_it
from advisor.pages.what_if import show_what_if
from advisor.runs.worker import start_worker
from advisor.schema import Report
from advisor.sections import answers
from advisor.sections.blocks import Section
from advisor.sections.contents import sections_of
from advisor.sections.opening import subject_of
from advisor.storage.run_files import why_no_report
from advisor.storage.stored import StoredRun
from advisor.wording import in_sentence

_ENDED = {"cancelled": "Cancelled", "stopped": "Stopped at its limit"}


def show_unfinished(run: StoredRun) -> None:
    """A run that ended without a verdict: why, and what to do."""
    frame.heading(_ENDED.get(run.state, "Failed"), run.reason or "You stopped this run.")
    show_sharing(run)
    show_steps(run)
    if run.state == "stopped" and run.is_own and frame.store().owns(run.id):
        show_stopped(run)
    if not frame.store().owns(run.id):
        return
    with st.container(horizontal=True, key="actions"):
        goes_on = run.state == "stopped"  # with a higher limit, which is the next thing to do
        if st.button("Compare again", type="secondary" if goes_on else "primary", icon=":material/replay:"):
            frame.go("Compare", dataset=run.dataset_id, follows=run.id)
        show_retries(run)


def show_retries(run: StoredRun) -> None:
    """Strategies that failed or were cancelled can be tried once more; the results of the others stay. Nothing is added
    to a run that was measured elsewhere.

    A retry takes all that were cancelled along, so they have one button.
    """
    if run.state == "stopped" or not run.is_own:
        return  # a stopped one would stop again at once
    steps = frame.store().steps(run.id)
    labels = {step.strategy: f"Try {in_sentence(step.strategy)} again" for step in steps if step.state == "failed"}
    if cancelled := next((step.strategy for step in steps if step.state == "cancelled"), None):
        labels[cancelled] = "Continue this run"
    for strategy, label in labels.items():
        if st.button(label, key=strategy):
            frame.store().retry_step(run.id, strategy)
            start_worker(frame.store())
            st.rerun()


def show_done(run: StoredRun, report: Report) -> None:
    report, is_mine = after_clicks(frame.store(), run, report, measured_of(run)), frame.store().owns(run.id)
    show_origin(run, report)
    show_sharing(run)
    _show_name(run)
    frame.small(subject_of(report))
    if run.state == "stopped":
        frame.small(run.reason or "")
        if is_mine and run.is_own:
            show_stopped(run)
    elif run.state != "done":
        frame.small("This run was stopped. What was measured before stands.")
    show_warning(run, report)
    show_opening(report)
    if judged(report):
        show_what_if(run, report)
    with st.container(horizontal=True, key="again", vertical_alignment="center"):
        if run.origin == "sample" or not is_mine:
            if st.button("Compare your own data", type="primary", icon=":material/add:"):
                frame.go("Start")
        elif st.button("Run again with changed data", type="primary", icon=":material/upload_file:"):
            ask_for_changed_data(run)
        if is_mine:
            show_retries(run)
        follows = followed_by(run) if is_mine else None
        if follows and frame.store().report(follows) is not None:
            st.page_link(
                frame.page_path("History"),
                label="See what changed since the run before",
                query_params=comparison_address((follows, run.id)),
            )
    with st.container(key="parts", gap=None):
        if is_mine:
            show_try_it(run, report)
        sections = sections_of(report)
        for section in (one for one in sections if one.place != "beside the chart"):
            show_part(run, report, section)
        if all(section.id != "failures" for section in sections):  # a report of an earlier version
            show_own_answers(run, report)
    show_downloads(run, report)


def _show_name(run: StoredRun) -> None:
    """What the person calls this run, their tags and their note; nothing if they said nothing."""
    named = " · ".join(filter(None, (run.given_name, *run.tags)))
    if named:
        st.html(f'<p class="given-name"><b>{escape(named)}</b></p>')
    if run.note:
        frame.small(run.note)


def show_part(run: StoredRun, report: Report, section: Section) -> None:
    """A section, or what is shown in its place where a person can do something with it."""
    match section.id:
        case "own-clicks" | "own-marks":
            return  # with the comparison itself, and with the answers
        case "failures":
            if frame.store().owns(run.id):
                compare_answers(run, report)
                show_ask_judge(run, report)
            with folded(section.title, section.finding):
                show_failures(run, report)
                show_how(section.how)
            show_own_answers(run, report)
        case "rules":
            with folded(section.title, section.finding):
                show_agreement(report)
                show_how(section.how)
        case _:
            show_section(section)


@st.fragment
def show_own_answers(run: StoredRun, report: Report) -> None:
    """Only once it is opened: all its answers with their buttons are half of the page."""
    frame.check_seen(run.id)
    fold = folded_until_opened(answers.TITLE, answers.finding_of(report), "answers-fold", is_choosing())
    with fold:
        if fold.open:
            show_answers(run, report)
            show_how(answers.HOW)


run = frame.run_in_address()
if run.state in WAITING_STATES:
    frame.heading(run.title)
    show_running(run)
elif (report := report_of(run)) is not None and (run.state == "done" or judged(report)):
    show_done(run, report)
elif run.state == "done":
    frame.stop_with(why_no_report(frame.store().run_folder(run.id)), "History", "Open History")
else:
    show_unfinished(run)
