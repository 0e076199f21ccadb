"""On a report of written answers: a model behind a server compares the answers, as a judge."""

from __future__ import annotations

from html import escape

import streamlit as st

from advisor.pages import frame
from advisor.pages.blocks import folded
from advisor.pages.key_field import ask_for_key
from advisor.pages.own_clicks import pairs_of_run
from advisor.pages.served_form import ask_for_served
from advisor.pages.silent_worker import show_silent_worker
from advisor.pairing import model_words
from advisor.runs.judging import WRITTEN, pairs_to_judge
from advisor.runs.report_files import compared_models
from advisor.runs.worker import start_worker
from advisor.schema import Report
from advisor.storage.judge_queue import Judging, ask_judge, end_judging, judging_of
from advisor.storage.stored import StoredRun
from advisor.wording import count_text
from eval.blind.pairs import Pair

TITLE = "Ask a judge"
_FINDING = "a language model compares the answers, each pair in both orders"
_SECONDS_BETWEEN_LOOKS = 1.0


def show_ask_judge(run: StoredRun, report: Report) -> None:
    """Nothing where a judge has nothing to compare."""
    if report.task.kind not in WRITTEN or not (pairs := pairs_of_run(run, report)):
        return
    asked = judging_of(frame.store(), run.id)
    with folded(TITLE, _FINDING, asked is not None):
        st.html(
            "<p>The judge reads a test row with two answers, and says which one is better. The report then says which "
            "strategy it prefers and, from your own comparisons, how often it is right.</p>"
        )
        if asked is not None and asked.state != "failed":
            _watch(run)
            return
        if asked is not None and asked.problem:
            frame.problem(asked.problem)
        _offer(run, report, pairs)


def _offer(run: StoredRun, report: Report, pairs: list[Pair]) -> None:
    found = ask_for_served(f"judge-{run.id}")
    if found is None:
        return
    name = found.address.name
    left = pairs_to_judge(frame.store().run_folder(run.id), pairs, report.recommendation.choice, model_words(name))
    if not left:
        frame.small(f"{model_words(name)} has compared all these answers already.")
        return
    frame.small(
        f"It compares {count_text(len(left), 'pair')} of answers, with 2 requests for each: {2 * len(left):,} requests."
    )
    is_own_judge = model_words(name) in compared_models(report)
    if is_own_judge:
        frame.problem(
            f"{model_words(name)} also wrote some of these answers. Models tend to prefer their own answers, so use "
            "another judge."
        )
    if st.button("Ask it all the same" if is_own_judge else "Ask this judge", key="ask-judge"):
        ask_judge(frame.store(), run.id, name)
        start_worker(frame.store())
        st.rerun()


def _watch(run: StoredRun) -> None:
    @st.fragment(run_every=_SECONDS_BETWEEN_LOOKS)
    def look_again() -> None:
        one = judging_of(frame.store(), run.id)
        if one is None or one.state == "failed":
            st.rerun()
        st.html(f'<p role="status">{escape(_standing(one))}</p>')
        if one.total:
            st.progress(one.done / one.total)
        if one.awaits_key:
            frame.small(one.problem or "")
            ask_for_key(one.awaits_key)
        show_silent_worker()
        with st.container(horizontal=True):
            if (
                one.state == "waiting"
                and not frame.store().worker_alive()
                and st.button("Start the worker", key="start-judge", icon=":material/play_arrow:")
            ):
                start_worker(frame.store())
            if st.button("Stop the judge", key="stop-judge"):
                end_judging(frame.store(), run.id)
                st.rerun()

    look_again()


def _standing(one: Judging) -> str:
    name = model_words(one.model)
    if one.awaits_key:
        return f"{name} waits for the key of its server."
    if one.state == "waiting":
        return f"{name} is next, when the machine is free."
    if not one.total:
        return f"{name} is getting ready."
    return f"{name} has compared {one.done:,} of {count_text(one.total, 'pair')}. What is done is kept."
