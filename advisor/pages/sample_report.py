"""The sample report: the way to it from Start, and the notice on every report that wasn't measured in this home."""

from __future__ import annotations

from datetime import datetime
from html import escape
from importlib import import_module
from threading import Thread

import streamlit as st

from advisor.pages import frame
from advisor.schema import Report
from advisor.storage.packed import open_sample
from advisor.storage.stored import StoredRun
from eval.task import BadInput

_SLOW_TO_IMPORT = ("advisor.render.html", "advisor.runs.report_files")  # charts and statistics, which a report needs


def offer_sample() -> None:
    """What a person will get, and one click to see it."""
    _import_early()
    with st.container(horizontal=True, key="see-sample", vertical_alignment="center"):
        st.html(
            "<p>You get a report that recommends one of them and says how sure that is, with every answer.</p>",
            width="content",
        )
        is_wanted = st.button("See a sample report", icon=":material/description:", key="sample-report")
    if not is_wanted:
        return
    try:
        run = open_sample(frame.store().machine)  # everyone can read it, and nobody owns it
    except BadInput as wrong:
        frame.problem(str(wrong))
        return
    frame.go("Report", run=run.id, dataset=run.dataset_id)


@st.cache_resource(show_spinner=False)
def _import_early() -> None:
    """While a person reads the first page, so that the first report doesn't wait for its modules."""
    Thread(target=lambda: [import_module(name) for name in _SLOW_TO_IMPORT], daemon=True).start()


def show_origin(run: StoredRun, report: Report) -> None:
    """Where a run was measured, if that wasn't here."""
    if not run.is_own:
        st.html(f'<p class="origin" role="note">{escape(origin_sentence(run, report))}</p>')


def origin_sentence(run: StoredRun, report: Report) -> str:
    day = f"{datetime.fromisoformat(report.created_at):%-d %B %Y}"
    if run.origin == "sample":
        return (
            f"This is a sample report: questions on a company's handbook, measured on {day}. Its times and costs are "
            f"those of another machine: {report.device}."
        )
    return (
        f"Somebody shared this report with you. It was measured on {day}. Its times and costs are those of another "
        f"machine: {report.device}."
    )
