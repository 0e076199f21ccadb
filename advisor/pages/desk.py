"""The data desk: what the check found, what the person changed, and where to change more. Every change is a step."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from advisor.pages import frame
from advisor.pages.draft import Draft, read_upload
from advisor.pages.marks import plain
from advisor.pages.row_browser import browse_rows, open_browser, shown
from advisor.pages.steps import keep_steps
from advisor.plan import Setup
from advisor.render.cleaned import MASKED_TOO, cleaned_csv, masked_by
from advisor.runs.label_check import LabelCheck, Suspect, is_looking, label_check, start_looking
from advisor.storage.stored import StoredDataset
from eval.checks import Finding
from eval.mapping.steps import EditRow, Fix, answer_cell, shortened, step_words
from eval.task import Kind

_EXAMPLE_ROWS = 100
_STEPS_A_PAGE = 8
_SUSPECTS_A_PAGE = 5
_SECONDS_BETWEEN_LOOKS = 1
_LABEL_CHARACTERS = 40
_NO_WRONG_LABELS = "We looked for wrong labels and found none."


def show_desk(dataset: StoredDataset, setup: Setup, draft: Draft) -> None:
    frame.section("Data check")
    if not draft.findings:
        st.html('<p class="quiet">We found nothing that would mislead the comparison.</p>')
    for finding in draft.findings:
        _show_finding(dataset, setup, draft, finding)
    if draft.task.kind is Kind.CLASSIFICATION:
        _offer_label_check(dataset, setup, draft)
    show_steps(dataset, setup, draft)
    browse_rows(dataset, setup, draft)


def show_steps(dataset: StoredDataset, setup: Setup, draft: Draft | None) -> None:
    """The person's changes, the last one first, each with its undo. `draft` is None if they leave no task."""
    if not setup.steps:
        return
    frame.section("Your changes", "They apply in this order, the last one on top. Your file is unchanged.")
    count = len(setup.steps)
    pages = -(-count // _STEPS_A_PAGE)
    page = st.pagination(pages, key=f"steps-page-{pages}") if pages > 1 else 1
    positions = list(reversed(range(count)))[(page - 1) * _STEPS_A_PAGE : page * _STEPS_A_PAGE]
    with st.container(key="changes", gap=None):
        for position in positions:
            words, action = st.columns([8, 1], vertical_alignment="center", gap="small")
            with words, st.container(gap=None):
                st.text(f"{position + 1}. {shown(step_words(setup.steps[position]))}")
                if draft is not None and (effect := _effect(setup, draft.changed, position)):
                    frame.small(effect)
            if action.button("Undo", key=f"undo-{position}", width="stretch"):
                keep_steps(dataset, setup, (*setup.steps[:position], *setup.steps[position + 1 :]))
    with st.container(horizontal=True, key="actions-on-changes"):
        if draft is not None:
            table, _ = read_upload(dataset.id)
            st.download_button(
                "Download the cleaned file",
                lambda: cleaned_csv(table, setup, draft.read, draft.task).encode("utf-8-sig"),
                f"{dataset.name.rpartition('.')[0]} cleaned.csv",
                "text/csv",
                icon=":material/download:",
                on_click="ignore",
            )
        if st.button("Undo all", key="undo-all"):
            keep_steps(dataset, setup, ())
    if masked_by(setup.steps):
        frame.small(MASKED_TOO)


def _effect(setup: Setup, changed: Sequence[int | None], position: int) -> str:
    count = changed[position]
    if count is None:
        return "No effect: its row is not in this file."
    if not count:
        return "No effect: there was nothing to change."
    return f"{count:,} changed or removed." if isinstance(setup.steps[position], Fix) else ""


def _show_finding(dataset: StoredDataset, setup: Setup, draft: Draft, finding: Finding) -> None:
    with st.container(border=True, key=f"finding-{finding.id}"):
        if finding.mend is None:
            words = st.container()
        else:
            words, action = st.columns([4, 1.4], vertical_alignment="center", gap="medium")
            if action.button(finding.mend, key=f"mend-{finding.id}", width="stretch"):
                keep_steps(dataset, setup, (*setup.steps, Fix(finding.id)))
        _say(finding, words)
        if finding.rows:
            with st.expander(f"Show the rows ({len(finding.rows):,})", type="compact"):
                meant = set(finding.rows)
                rows = [example for example in draft.task.examples if example.id in meant][:_EXAMPLE_ROWS]
                st.dataframe(
                    {
                        "row": [example.id.removeprefix("r") for example in rows],
                        "input": [shown(example.input) for example in rows],
                        "ideal answer": [shown(answer_cell(example)) for example in rows],
                    },
                    hide_index=True,
                )
                st.button(
                    "Edit these rows", key=f"edit-{finding.id}", type="tertiary", on_click=open_browser,
                    args=(finding.id,),
                )  # fmt: skip


def _offer_label_check(dataset: StoredDataset, setup: Setup, draft: Draft) -> None:
    """It takes a while, so it runs only when somebody asks for it, and its result is kept."""
    store = frame.store()
    if is_looking(store, dataset.id):
        _wait_for_label_check(dataset)
        return
    found = label_check(store, dataset.id, setup)
    if found is not None and found.problem is None:
        _show_suspects(dataset, setup, draft, found)
        return
    if found is not None:
        frame.problem(found.problem or "")
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Look for wrong labels", key="look", icon=":material/search:"):
            start_looking(store, dataset.id, setup)
            st.rerun()
        frame.small("We compare each row with similar rows. It takes seconds to a minute.")


def _wait_for_label_check(dataset: StoredDataset) -> None:
    @st.fragment(run_every=_SECONDS_BETWEEN_LOOKS)
    def look_again() -> None:
        if is_looking(frame.store(), dataset.id):
            frame.small("Looking for wrong labels. If a comparison is running, this waits for its end.")
        else:
            st.rerun()

    look_again()


def _show_suspects(dataset: StoredDataset, setup: Setup, draft: Draft, found: LabelCheck) -> None:
    """The suspicious rows whose label is still the same, each with the label that would fit."""
    examples = {example.id: example for example in draft.task.examples}
    left = [one for one in found.suspects if one.id in examples and examples[one.id].target == one.label]
    if found.finding is None or not left:
        with st.container(horizontal=True, vertical_alignment="center"):
            frame.small("We looked for wrong labels. None are left." if found.suspects else _NO_WRONG_LABELS)
            _offer_another_look(dataset, setup)
        return
    with st.container(border=True, key="finding-wrong-labels"):
        _say(found.finding)
        settled = len(found.suspects) - len(left)
        if settled:
            frame.small(f"You changed {settled:,} of them. These are left:")
        pages = -(-len(left) // _SUSPECTS_A_PAGE)
        page = st.pagination(pages, key=f"suspects-page-{pages}") if pages > 1 else 1
        with st.container(key="suspects", gap=None):
            for one in left[(page - 1) * _SUSPECTS_A_PAGE : page * _SUSPECTS_A_PAGE]:
                words, action = st.columns([4, 1.4], vertical_alignment="center", gap="small")
                with words, st.container(gap=None):
                    frame.small(f"Row {one.id.removeprefix('r')}, now {one.label}")
                    st.text(shown(examples[one.id].input))
                label = f"Use {shortened(one.suggestion, _LABEL_CHARACTERS)}"
                if action.button(plain(label), key=f"take-{one.id}", width="stretch"):
                    keep_steps(dataset, setup, (*setup.steps, _taken(one)))
        with st.container(horizontal=True):
            if len(left) > 1 and st.button(f"Use all {len(left):,} suggestions", key="take-all", type="tertiary"):
                keep_steps(dataset, setup, (*setup.steps, *map(_taken, left)))
            _offer_another_look(dataset, setup)


def _offer_another_look(dataset: StoredDataset, setup: Setup) -> None:
    """With better labels, the rest is judged better."""
    if setup.steps and st.button("Look again", key="look-again", type="tertiary"):
        start_looking(frame.store(), dataset.id, setup)
        st.rerun()


def _say(finding: Finding, place: DeltaGenerator | None = None) -> None:
    (place or st).html(
        f'<p class="finding {finding.severity}"><b>{escape(finding.what)}</b></p>'
        f'<p class="quiet small">{escape(finding.why)}</p>'
    )


def _taken(one: Suspect) -> EditRow:
    return EditRow(one.row, None, one.suggestion)
