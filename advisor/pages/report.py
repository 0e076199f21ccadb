"""Report: first how the run is doing, then its verdict and the evidence under it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import altair as alt
import streamlit as st

from advisor import charts
from advisor.candidates import Sentences, judged
from advisor.pages import frame
from advisor.pages.changed_data import ask_for_changed_data
from advisor.pages.marks import definitions, marked_name, show_title
from advisor.pages.own_clicks import after_clicks, compare_answers, show_warning
from advisor.pages.past_runs import followed_by, report_of
from advisor.pages.probes import show_probes
from advisor.pages.rule_list import show_agreement
from advisor.pages.running import WAITING_STATES, show_running, show_steps
from advisor.pages.side_by_side import show_answers
from advisor.pages.verdict_card import show_verdict
from advisor.pages.what_if import show_what_if
from advisor.pages.wrong_answers import show_wrong_answers
from advisor.palette import DARK, LIGHT, Theme
from advisor.report import labels
from advisor.report.curves import TITLE, curves_of
from advisor.report.figures import (
    P_VALUE_MEANING,
    TABLE_MEANING,
    apart_of,
    beyond_preset,
    detectable_of,
    differences_of,
    figures_of,
    floors_of,
    subject_of,
)
from advisor.report.method import method_of
from advisor.report.provenance import computed_of, how_computed
from advisor.report.score_check import HEADS, SCORE_CHECK, score_check_of
from advisor.runs.worker import start_worker
from advisor.schema import Report
from advisor.storage.stored import StoredRun
from advisor.wording import in_sentence

_DOWNLOADS = {
    "report.html": ("Page (HTML)", "text/html"),
    "report.md": ("Text (Markdown)", "text/markdown"),
    "report.json": ("Data (JSON)", "application/json"),
    "outcomes.csv": ("Answers (CSV)", "text/csv"),
    "clicks.csv": ("Your clicks (CSV)", "text/csv"),
}
_THEMES = {"dark": DARK, "light": LIGHT}


def show_unfinished(run: StoredRun) -> None:
    """A run that ended without a verdict: why, and what to do."""
    frame.heading("Cancelled" if run.state == "cancelled" else "No result", run.reason or "You stopped this run.")
    show_steps(run)
    show_retries(run)
    if st.button("Compare again", type="primary", icon=":material/replay:"):
        frame.go("Compare", dataset=run.dataset_id, follows=run.id)


def show_retries(run: StoredRun) -> None:
    """Strategies that failed or were cancelled can be tried once more; the results of the others stay.

    A retry takes all that were cancelled along, so they have one button.
    """
    steps = frame.store().steps(run.id)
    labels = {step.strategy: f"Try {in_sentence(step.strategy)} again" for step in steps if step.state == "failed"}
    cancelled = [step.strategy for step in steps if step.state == "cancelled"]
    if cancelled:
        labels[cancelled[0]] = f"Go on with {' and '.join(in_sentence(strategy) for strategy in cancelled)}"
    for strategy, label in labels.items():
        if st.button(label, key=strategy):
            frame.store().retry_step(run.id, strategy)
            start_worker(frame.store())
            st.rerun()


def show_evidence(report: Report) -> None:
    show_title(report, "Score")
    show_chart(report, charts.score_chart, charts.score_sentence)
    show_differences(report)
    show_title(report, "Score against cost")
    show_chart(report, charts.cost_chart, charts.cost_chart_sentence)
    cost_side, time_side = st.columns(2, gap="medium")
    with cost_side:
        show_title(report, "Cost as volume grows")
        show_chart(report, charts.volume_chart, charts.volume_sentence)
        show_pairs(charts.crossing_sentences(report))
    with time_side:
        show_title(report, "Time per answer")
        show_chart(report, charts.latency_chart, charts.latency_sentence)
        for sentence in apart_of(report):
            frame.small(sentence)
    frame.section("All figures")
    show_table(report)
    show_labels(report)


def show_differences(report: Report) -> None:
    """Every pair of strategies, with what chance could have made of it."""
    if report.comparisons:
        show_pairs(differences_of(report))
        frame.small(f"{P_VALUE_MEANING} {detectable_of(report) or ''}")


def show_pairs(sentences: Sentences) -> None:
    """One for each pair of strategies; those without the strategy taken are folded away."""
    of_choice, others = (
        f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in part)}</ul>" for part in sentences
    )
    folded = f"<details><summary>Other pairs</summary>{others}</details>" if sentences.others else ""
    st.html(f'<div class="pairs quiet small">{of_choice}{folded}</div>')


def show_table(report: Report) -> None:
    """All figures of all candidates, for those who would rather read than look."""
    heads = "".join(f'<th scope="col">{marked_name(one.strategy)}</th>' for one in judged(report))
    rows = "".join(
        f'<tr><th scope="row">{_explained(report, heading)}</th>'
        f"{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
        for heading, cells in figures_of(report)
    )
    st.html(f'<div class="scroll"><table class="figures-table"><tr><td></td>{heads}</tr>{rows}</table></div>')
    frame.small(TABLE_MEANING)
    if floors := floors_of(report):
        frame.small(floors)


def show_labels(report: Report) -> None:
    """How well each label is found; nothing where answers are no labels."""
    if (found := labels.by_label_of(report)) is None:
        return
    heads = "".join(f'<th scope="col">{marked_name(name)}</th>' for name in found.names)
    rows = "".join(
        f'<tr><th scope="row">{escape(row.label)}</th><td>{row.rows:,}</td>'
        f"{''.join(f'<td>{cell}</td>' for cell in row.cells)}</tr>"
        for row in found.rows
    )
    with st.expander(labels.TITLE):
        head = f'<tr><th scope="col">Label</th><th scope="col">Test rows</th>{heads}</tr>'
        st.html(f'<div class="scroll"><table class="figures-table">{head}{rows}</table></div>')
        frame.small(labels.MEANING)


def _explained(report: Report, heading: str) -> str:
    how = how_computed(report, heading)
    return f'<abbr title="{escape(how)}">{escape(heading)}</abbr>' if how else escape(heading)


def show_chart(
    report: Report,
    draw: Callable[[Report, Theme], alt.LayerChart | None],
    say: Callable[[Report], str],
) -> None:
    """A chart with its sentence, which also is what a screen reader gets."""
    theme = _THEMES[st.context.theme.type or "light"]
    chart, sentence = draw(report, theme), say(report)
    if chart is not None:
        st.altair_chart(chart, width="stretch", alt=sentence)
    st.html(f'<p class="quiet">{escape(sentence)}</p>')


def show_more_data(report: Report) -> None:
    """What more rows would bring; nothing for a report of an earlier version."""
    if (more := curves_of(report)) is None:
        return
    show_title(report, TITLE)
    st.html(f'<p class="lead">{escape(more.answer)}</p>')
    if more.rows:
        show_chart(report, charts.curve_chart, lambda _: more.reading)
        st.html(f'<ul class="said">{"".join(f"<li>{escape(sentence)}</li>" for sentence in more.sentences)}</ul>')
        frame.small(more.method)


def show_score_check(report: Report) -> None:
    """Whether the score tells right answers from wrong ones; nothing for labels and fields."""
    if (checked := score_check_of(report)) is None:
        return
    show_title(report, SCORE_CHECK)
    st.html(f'<p class="lead">{escape(checked.finding)}</p>')
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in HEADS)
    rows = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'
        for first, *cells in checked.rows
    )
    st.html(f'<div class="scroll"><table class="figures-table"><tr>{heads}</tr>{rows}</table></div>')
    frame.small(checked.how)


def show_method(report: Report) -> None:
    show_title(report, "How it was measured")
    st.html(definitions(method_of(report)))
    if computed := computed_of(report):
        with st.expander("How each figure is computed", icon=":material/calculate:"):
            st.html(definitions(computed))
    for warning in report.warnings:
        frame.small(warning)


def show_downloads(run: StoredRun) -> None:
    with st.container(horizontal=True, key="downloads"):
        for name, (label, mime) in _DOWNLOADS.items():
            path = frame.store().run_folder(run.id) / name
            if path.exists():
                st.download_button(
                    label,
                    path.read_bytes(),
                    f"threeways-{run.id}{path.suffix}",
                    mime,
                    on_click="ignore",
                    icon=":material/download:",
                    key=name,
                )


def show_done(run: StoredRun, report: Report) -> None:
    report = after_clicks(run, report)
    frame.small(subject_of(report))
    if run.state != "done":
        frame.small("This run was stopped. What was measured before stands.")
    show_warning(run, report)
    show_verdict(report)
    if judged(report):
        show_what_if(run, report)
    with st.container(horizontal=True, key="again", vertical_alignment="center"):
        if st.button("Run again with changed data", type="primary", icon=":material/upload_file:"):
            ask_for_changed_data(run)
        show_retries(run)
        follows = followed_by(run)
        if follows and frame.store().report(follows) is not None:
            st.page_link(
                frame.page_path("History"),
                label="See what changed since the run before",
                query_params={"run": follows, "with": run.id},
            )
    if judged(report):
        show_evidence(report)
        show_score_check(report)
        compare_answers(run, report)
        show_wrong_answers(frame.store(), run, report)
        show_probes(report)
        show_more_data(report)
        if beyond := beyond_preset(report):
            show_title(report, "Not measured", beyond)
        show_title(report, "Answers side by side")
        show_answers(frame.store(), run)
    show_agreement(report)
    show_method(report)
    show_downloads(run)


run = frame.run_in_address()
if run.state in WAITING_STATES:
    frame.heading(run.name)
    show_running(run)
elif (report := report_of(run)) is not None and (run.state == "done" or judged(report)):
    show_done(run, report)
elif run.state == "done":
    frame.stop_with("Another version of Threeways wrote this report. Its files can still be read in its folder.")
else:
    show_unfinished(run)
