"""The instruction, open to read and change, and what each label means: prompting is only as good as these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from advisor.pages import frame
from advisor.pages.draft import Draft
from advisor.plan import LONGEST_MEANING, Meanings, Setup
from advisor.storage.stored import StoredDataset
from advisor.wording import count_text
from eval.mapping.build import instruction_in
from eval.reading.table import Table
from eval.task import Kind
from strategies.drafting import write_instruction

_OPEN_LABELS = 36  # more are behind a fold
_LONGEST_TABLE = 246  # pixels, as high as the table of rows above
_ROW = 35
_WIDEST_LABEL = 200


def edit_instruction(dataset: StoredDataset, table: Table, setup: Setup, draft: Draft) -> Setup:
    """The setup with the instruction and the meanings as written. What the person didn't change isn't kept, so that it
    follows the data."""
    task = draft.task
    automatic = write_instruction(task.kind, task.labels, [row.target for row in draft.split.train])
    of_file = instruction_in(table, setup.columns)
    unchanged = of_file or automatic
    frame.section("Instruction for the model", "Prompting is only as good as this.")
    restored = f"restored-{dataset.id}"  # how often: each time makes another box, with the first text in it
    written = st.text_area(
        "Instruction for the model",
        setup.instruction or unchanged,
        height="content",
        label_visibility="collapsed",
        key=f"instruction-{setup.target}-{hash(unchanged)}-{st.session_state.get(restored, 0)}",
    )
    own = (written or "").strip()
    own = "" if own == unchanged else own
    if own:
        frame.small("You wrote this. Fine-tuning learns from your examples instead.")
        if st.button("Go back to the first text", type="tertiary", key="first-instruction"):
            st.session_state[restored] = st.session_state.get(restored, 0) + 1
            frame.store().save_setup(dataset.id, replace(setup, instruction=""))
            st.rerun()
    else:
        frame.small(_source(draft, bool(of_file)))
    changed = replace(setup, instruction=own)
    return replace(changed, meanings=_edit_meanings(dataset, setup, task.labels)) if task.labels else changed


def _source(draft: Draft, of_file: bool) -> str:
    """Where an instruction comes from that the person didn't write."""
    if of_file:
        return "This is the instruction in your file. Change it here if you know better."
    rows = count_text(len(draft.split.train), "training answer")
    better = "Change it as you would brief a new colleague. Fine-tuning learns from your examples instead."
    match draft.task.kind:
        case Kind.CLASSIFICATION | Kind.MULTI_LABEL:
            return f"We drafted this from the names of your {len(draft.task.labels):,} labels. {better}"
        case Kind.NUMBER:
            return f"We drafted this from the numbers in {rows}. {better}"
        case Kind.EXTRACTION:
            return f"We drafted this from the fields in {rows}. {better}"
        case Kind.ANSWERING:
            return f"We drafted this from the length of {rows}. {better}"
        case Kind.WRITING:
            return f"We drafted this from what {rows} share: form, length and fixed phrases. {better}"


def _edit_meanings(dataset: StoredDataset, setup: Setup, labels: Sequence[str]) -> Meanings:
    """The meanings as edited; those of labels that the steps removed stay, because a step can be undone."""
    if len(labels) > _OPEN_LABELS:
        given = sum(label in labels for label, _ in setup.meanings)
        done = f": {given:,} of {len(labels):,} have one" if given else ""
        with st.expander(f"What each of your {len(labels):,} labels means (optional){done}"):
            return _show_meanings(dataset, setup, labels)
    return _show_meanings(dataset, setup, labels)


def _label_width(labels: Sequence[str]) -> int:
    """In pixels: whole labels where they are short, and room for the meanings on a phone."""
    return min(_WIDEST_LABEL, 24 + 8 * max(map(len, labels)))


def _show_meanings(dataset: StoredDataset, setup: Setup, labels: Sequence[str]) -> Meanings:
    key = f"meanings-{dataset.id}-{setup.target}-{hash(tuple(labels))}"
    if key not in st.session_state:  # the table keeps its edits apart from the rows it was given
        st.session_state[f"{key}-before"] = dict(setup.meanings)
    before = st.session_state[f"{key}-before"]
    frame.small(
        "Optional: say what each label means, in a few words. The model reads it under the instruction. "
        "To write in a cell, select it and type."
    )
    edited = st.data_editor(
        pd.DataFrame({"label": list(labels), "meaning": [before.get(label, "") for label in labels]}),
        hide_index=True,
        disabled=["label"],
        height=min(_LONGEST_TABLE, _ROW * (len(labels) + 1) + 3),
        column_config={
            "label": st.column_config.TextColumn("Label", width=_label_width(labels)),
            "meaning": st.column_config.TextColumn("What it means", width="large", max_chars=LONGEST_MEANING),
        },
        key=key,
        alt="Each label with what it means",
    )
    texts = (" ".join(str(meaning or "").split()) for meaning in edited["meaning"])
    written = dict(zip(labels, texts, strict=True))
    here = [(label, meaning) for label, meaning in written.items() if meaning]
    if here:
        frame.small(f"You explained {len(here):,} of {count_text(len(labels), 'label')}.")
    return (*here, *((label, meaning) for label, meaning in setup.meanings if label not in written))
