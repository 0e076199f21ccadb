"""The files of a report to download. One that people read says where it was measured, if that wasn't here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from advisor.pages import frame
from advisor.pages.own_clicks import after_clicks
from advisor.pages.past_runs import Measured, measured_of
from advisor.pages.sample_report import origin_sentence
from advisor.render.html import render_html
from advisor.render.markdown import render_markdown
from advisor.render.pdf import find_browser, render_pdf
from advisor.schema import REPORT, Report
from advisor.storage.own_marks import readable_marks
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun

_DOWNLOADS = {
    "report.html": ("Page (HTML)", "text/html"),
    "report.md": ("Text (Markdown)", "text/markdown"),
    "report.json": ("Data (JSON)", "application/json"),
    "outcomes.csv": ("Answers (CSV)", "text/csv"),
    "clicks.csv": ("Your clicks (CSV)", "text/csv"),
    "marks.csv": ("Your marks (CSV)", "text/csv"),
}

_ABOUT_THE_PERSON = ("clicks.csv", "marks.csv")
_READ: dict[str, Callable[..., str]] = {"report.html": render_html, "report.md": render_markdown}


def show_downloads(run: StoredRun, report: Report) -> None:
    """Streamlit makes the files in a thread that knows nobody, so they get the store of the person who asks."""
    store, measured = frame.store(), measured_of(run)
    can_print = find_browser() is not None
    with st.container(horizontal=True, key="downloads"):
        if can_print:
            _offer_pdf(store, run, report, measured)
        for name, (label, mime) in _DOWNLOADS.items():
            if name in _ABOUT_THE_PERSON and not store.owns(run.id):
                continue
            path = store.run_folder(run.id) / name
            if path.exists():
                st.download_button(
                    label,
                    partial(file_of, store, run, report, measured, name),
                    f"threeways-{run.id}{path.suffix}",
                    mime,
                    on_click="ignore",
                    icon=":material/download:",
                    key=name,
                )
    if not can_print:
        frame.small(
            "To get a PDF, download the page (HTML) and print it. To download a PDF here, install Chromium, Chrome or "
            "Edge on the machine that runs Threeways."
        )


def file_of(store: Store, run: StoredRun, report: Report, measured: Measured | None, name: str) -> bytes:
    """A file with the marks that were made since the page was drawn; for a reader of a shared run, without any."""
    report = after_clicks(store, run, report, measured)
    if name in _READ and not (run.is_own and store.owns(run.id)):
        return _written(_READ[name], store, run, report, measured).encode()
    if name == "report.json" and not store.owns(run.id):
        return REPORT.write(report, indent=2).encode()
    return (store.run_folder(run.id) / name).read_bytes()


def _offer_pdf(store: Store, run: StoredRun, report: Report, measured: Measured | None) -> None:
    """It is made when somebody asks for it, which takes some seconds."""
    st.download_button(
        "Document (PDF)",
        partial(pdf_of, store, run, report, measured),
        f"threeways-{run.id}.pdf",
        "application/pdf",
        on_click="ignore",
        icon=":material/download:",
        help="This takes some seconds. If it fails, download the page (HTML) and print it to PDF.",
        key="report.pdf",
    )


def pdf_of(store: Store, run: StoredRun, report: Report, measured: Measured | None) -> bytes:
    report = after_clicks(store, run, report, measured)
    return render_pdf(_written(render_html, store, run, report, measured))


def _written(
    render: Callable[..., str], store: Store, run: StoredRun, report: Report, measured: Measured | None
) -> str:
    """The report with its answers, the person's marks on them, and where it was measured, if that wasn't here."""
    trials, test = ((*measured.trials, *measured.baselines), measured.split.test) if measured else ((), ())
    marks = readable_marks(store.own_run_folder(run.id)) if store.owns(run.id) else ()
    origin = "" if run.is_own else origin_sentence(run, report)
    return render(report, trials=trials, examples=test, marks=marks, origin=origin)
