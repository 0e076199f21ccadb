"""Data: what the columns mean, what an answer is, how the rows are split, and what the data check found."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from advisor.pages import frame
from advisor.pages.data_changes import show_data_change
from advisor.pages.desk import show_desk, show_steps
from advisor.pages.documents import look_through
from advisor.pages.draft import Draft, draft_of, read_upload, setup_of, suggested_metric
from advisor.pages.instruction import edit_instruction
from advisor.pages.marks import plain, split_bar
from advisor.pages.own_clicks import compare_corrupted
from advisor.pages.row_browser import shown
from advisor.pages.whole_row import chosen_row, show_whole_row
from advisor.plan import Setup
from advisor.report.changes import compare_data, compare_documents
from advisor.storage.stored import StoredDataset
from advisor.wording import KIND_NAMES, count_text
from eval.mapping.steps import Fix
from eval.reading.encodings import ENCODINGS
from eval.reading.table import Table
from eval.scoring import meaning_of
from eval.scoring.metric import CHOICES
from eval.task import BadInput, Kind

_PREVIEW_ROWS = 100


def choose_columns(dataset: StoredDataset, table: Table, setup: Setup) -> Setup:
    """The setup with the columns as chosen. Another choice forgets the fixes and the metric, another target the
    instruction too. Changes to rows stay: they apply where their rows are."""
    columns = list(table.columns)
    # The keys hold the dataset, as another sheet has other columns. Without a key, a second choice would be lost:
    # what was saved after the first makes another widget.
    own = dataset.id
    input_side, target_side = st.columns(2, gap="medium")
    with input_side:
        source = st.selectbox("Input: what comes in", columns, index=columns.index(setup.input), key=f"input-{own}")
    with target_side:
        target = st.selectbox(
            "Ideal answer: what should come out", columns, index=columns.index(setup.target), key=f"target-{own}"
        )
    with st.expander("More columns (optional)", expanded=bool(setup.joined)):
        joined = st.multiselect(
            "More input",
            [name for name in columns if name not in (source, target)],
            [name for name in setup.joined if name not in (source, target)],
            help="Columns that belong to the input, such as the context of a question. Each follows with its name.",
            key=f"joined-{own}-{source}-{target}",
        )
        marked = st.multiselect(
            "More labels",
            [name for name in columns if name not in (source, target, *joined)],
            [name for name in setup.marked if name not in (source, target, *joined)] if target in setup.marked else [],
            help="Columns that say yes or no for one label each, like that of the ideal answer.",
            key=f"marked-{own}-{source}-{target}",
        )
        sides = st.columns(3, gap="medium")
        with sides[0]:
            group = _optional_column(
                "Group",
                columns,
                setup.group,
                own,
                "Rows with the same value, such as the messages of one customer, stay in one part of the split.",
            )
        with sides[1]:
            split = _optional_column(
                "Split",
                columns,
                setup.split,
                own,
                "Your own split: each cell is train, dev (to choose settings) or test.",
            )
        with sides[2]:
            document = _optional_column(
                "Document", columns, setup.document, own, "The ID of the document that contains the answer."
            )
    chosen = replace(
        setup,
        input=source,
        target=target,
        group=group,
        split=split,
        document=document,
        joined=tuple(joined),
        marked=tuple(name for name in columns if name in (target, *marked)) if marked else (),
    )
    if chosen == setup:
        return setup
    instruction, meanings = (setup.instruction, setup.meanings) if target == setup.target else ("", ())
    steps = tuple(step for step in setup.steps if not isinstance(step, Fix))
    return replace(chosen, steps=steps, kind=None, metric=None, required=(), instruction=instruction, meanings=meanings)


def _optional_column(label: str, columns: list[str], chosen: str | None, own: str, meaning: str) -> str | None:
    options = [None, *columns]
    return st.selectbox(
        label,
        options,
        index=options.index(chosen) if chosen in options else 0,
        format_func=lambda name: "None" if name is None else name,
        help=meaning,
        key=f"{label}-{own}",
    )


def choose_reading(dataset: StoredDataset, table: Table) -> None:
    """Another sheet or encoding of the same file. Each is a dataset of its own, from which one can switch back."""
    store = frame.store()
    now = store.reading(dataset.id)
    chosen = now
    if len(table.sheets) > 1:
        rows = dict(table.sheets)
        with st.popover(f"Sheet: {plain(now.sheet)}" if now.sheet else "Read another sheet"):
            sheets = [*rows, ""]  # "" last: what we would choose
            sheet = st.radio(
                "Sheet",
                sheets,
                index=sheets.index(now.sheet),
                format_func=lambda name: f"{plain(name)} ({rows[name]:,} rows)" if name else "Choose for me",
                key=f"sheet-{dataset.id}",
            )
            chosen = replace(now, sheet=sheet)
    if table.encoding:
        with st.popover(f"Read as {table.encoding}: change"):
            names = sorted(set(ENCODINGS.values()) - {table.encoding})
            encoding = st.selectbox("Encoding", names, index=None, key=f"encoding-{dataset.id}")
            chosen = replace(chosen, encoding=encoding or now.encoding)
    if chosen == now:
        return
    try:
        after = store.keep_upload(store.upload_as(dataset.id, chosen))
    except BadInput as wrong:
        frame.problem(str(wrong))
        return
    frame.go("Data", dataset=after.id)


def show_preview(dataset: StoredDataset, table: Table, setup: Setup) -> None:
    """The first rows of the file. A click on a row shows it whole below."""
    first = [setup.input, setup.target]
    order = [*first, *(name for name in table.columns if name not in first)]
    first_rows = table.rows[:_PREVIEW_ROWS]
    cells = {name: [shown(row[table.columns.index(name)]) for row in first_rows] for name in order}
    roles = {setup.input: "input", setup.target: "ideal answer"}
    labels = {name: f"{name} ({roles[name]})" if name in roles else name for name in order}
    chosen = st.dataframe(
        {labels[name]: values for name, values in cells.items()},
        hide_index=True,
        height=246,
        column_config={labels[setup.input]: st.column_config.TextColumn(width="large")},
        key=f"preview-{dataset.id}-{setup.input}-{setup.target}",
        on_select="rerun",
        selection_mode="single-cell",  # a row's own box is easily missed
        alt=f"The first {len(first_rows)} rows of the file",
    )
    at = chosen_row(chosen["selection"])
    if at is None or at >= len(first_rows):
        frame.small("Click a row to read it whole.")
    else:
        show_whole_row(table, at, labels)


def choose_kind(setup: Setup, draft: Draft) -> Setup:
    """The kind that was inferred, with its reason, until the person takes another."""
    guess = draft.kind_guess
    kind = st.segmented_control(
        "What is an answer?",
        list(Kind),
        default=draft.task.kind,
        required=True,
        format_func=KIND_NAMES.__getitem__,
        key=f"kind-{setup.input}-{setup.target}-{guess.kind}",  # another guess starts anew, as a choice of nobody's
        label_visibility="collapsed",
    )
    if kind is guess.kind:
        frame.small(guess.reason)
    else:
        frame.small(f"You chose this. Your file looks like “{KIND_NAMES[guess.kind].lower()}”. {guess.reason}")
    changed = replace(setup, kind=None if kind is guess.kind else kind)
    return changed if changed == setup else replace(changed, metric=None, required=())


def choose_metric(setup: Setup, draft: Draft, suggested: str) -> Setup:
    """The metric that the data suggests, until the person takes another."""
    kind = draft.task.kind
    offered = [name.value for name in CHOICES[kind]]
    chosen = setup.metric if setup.metric in offered else suggested
    if len(offered) > 1:
        chosen = st.selectbox(
            "How answers are scored",
            offered,
            index=offered.index(chosen),
            format_func=lambda name: f"{name[:1].upper()}{name[1:]}",
            key=f"metric-{setup.input}-{setup.target}-{kind}-{suggested}",  # other data, another choice
            width=320,
        )
    frame.small(f"{meaning_of(chosen)} {_why_metric(chosen, suggested)}")
    if setup.required:
        frame.small(
            f"Every answer must contain {count_text(len(setup.required), 'phrase')} that you set on the command line."
        )
    changed = replace(setup, metric=None if chosen == suggested else chosen)
    return changed if changed == setup else replace(changed, required=())


def _why_metric(chosen: str, suggested: str) -> str:
    return "This is the default for your data." if chosen == suggested else f"The default for your data is {suggested}."


def show_split(draft: Draft) -> None:
    frame.section("How the rows are split")
    sizes = len(draft.split.train), len(draft.split.dev), len(draft.split.test)
    st.html(split_bar(*sizes))
    for note in (*draft.left_out, *draft.split.notes):
        frame.small(note)


def show_what_changed(draft: Draft) -> None:
    """Under "run again with changed data": how this file differs from that of the run it follows."""
    followed = st.query_params.get("follows")
    if not followed:
        return
    try:
        run = frame.store().run(followed)
        if not frame.store().owns(run.id):
            return  # somebody else's data
        before = draft_of(run.dataset_id, run.name, run.plan.setup).task
    except BadInput:
        return  # the run is gone, or of another version: there is nothing to set this file against
    frame.section("What changed since the previous run")
    after = draft.task
    show_data_change(
        compare_data(before.examples, after.examples), compare_documents(before.documents, after.documents)
    )


def show_data() -> None:
    dataset = frame.dataset_in_address()
    table, documents = read_upload(dataset.id)
    size = f"{count_text(len(table.rows), 'row')} in {count_text(len(table.columns), 'column')}"
    with_documents = f", with {count_text(len(documents), 'document')}" if documents else ""
    frame.heading(
        dataset.name,
        f"{size}{with_documents}. Check that we read it as you meant it. You don't have to change anything.",
    )
    saved = setup_of(dataset)
    frame.section("What the columns mean")
    choose_reading(dataset, table)
    setup = choose_columns(dataset, table, saved)
    show_preview(dataset, table, setup)
    try:
        draft = draft_of(dataset.id, dataset.name, setup)
        frame.section("What an answer is")
        setup = choose_kind(setup, draft)
        draft = draft_of(dataset.id, dataset.name, setup)
        setup = choose_metric(setup, draft, suggested_metric(dataset.id, dataset.name, replace(setup, metric=None)))
        setup = edit_instruction(dataset, table, setup, draft)
    except BadInput as wrong:
        frame.problem(str(wrong))
        for note in table.notes:
            frame.small(note)
        show_steps(dataset, setup, None)
        st.button("Choose what to compare", type="primary", key="choose", disabled=True)
        return
    if setup != dataset.setup:
        frame.store().save_setup(dataset.id, setup)
    show_what_changed(draft)
    look_through(documents, draft)
    show_split(draft)
    show_desk(dataset, setup, draft)
    compare_corrupted(dataset, setup, draft)
    if st.button(
        "Choose what to compare", type="primary", key="choose", icon=":material/arrow_forward:", icon_position="right"
    ):
        frame.go("Compare", **frame.address("dataset", "follows"))


show_data()
