"""History: every run in one table, to search, sort, tick, rename, delete and compare."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from advisor.pages import frame
from advisor.pages.marks import mark, plain
from advisor.pages.past_runs import lost_of, summarised
from advisor.pages.run_actions import MOST_COMPARED, show_actions
from advisor.pages.run_choice import chosen_runs, forget_deleted, is_comparing, tick
from advisor.pages.sharing import sharing_tags
from advisor.sections.run_list import LARGEST_FIRST, ORDERS, Line, line_of, matching, moment, ordered, origin_tags
from advisor.storage.stored import StoredRun
from advisor.wording import count_text
from eval.task import BadInput

_RUNS_A_PAGE = 20
_ALL = "All data"
_WIDTHS = [0.35, 2.9, 8.6]
_CELL_WIDTHS = [2.8, 2.5, 0.85, 1.75, 1.2]  # also in style.css
_ORDER, _FALLING = "history-order", "history-falling"


def show_history(runs: Sequence[StoredRun]) -> None:
    lines = [line_of(run, summary := summarised(run), "" if summary else lost_of(run)) for run in runs]
    frame.heading(
        "History",
        _lead(),
    )
    chosen = [run for run in runs if run.id in chosen_runs()]
    is_new = not 2 <= len(chosen) <= MOST_COMPARED  # else comparing these is the main thing to do
    if st.button("Compare new data", type="primary" if is_new else "secondary", icon=":material/add:"):
        frame.go("Start")
    text, data = _choose_filter(lines)
    st.session_state.setdefault(_ORDER, "Date")
    found = ordered(matching(lines, text, data), st.session_state[_ORDER], st.session_state.setdefault(_FALLING, True))
    if not found:
        st.html('<p class="quiet">No run matches this search.</p>')
    else:
        _show_table(found, len(lines))
    show_actions(chosen)


def _lead() -> str:
    actions = "Tick runs of the same data to compare them, or one to name it, run it again or delete it."
    if frame.store().person is None:
        return f"All comparisons on this machine. {actions}"
    return f"Your comparisons, and those that others share. {actions}"


def _choose_filter(lines: Sequence[Line]) -> tuple[str, str | None]:
    """What to search for, and the file whose runs to show; at first, that of the run one came from."""
    search, choice = st.columns([2, 1], gap="small")
    text = search.text_input("Search", key="history-text", placeholder="Name, data, model, tag, verdict or note")
    names = list(dict.fromkeys(line.run.name for line in lines))
    wanted = st.query_params.get("data") or _data_one_came_from()
    options = [_ALL, *names]
    data = choice.selectbox(
        "Data",
        options,
        index=options.index(wanted) if wanted in options else 0,
        key="history-data",
        on_change=lambda: st.query_params.update({"data": st.session_state["history-data"]}),
    )
    return text, None if data == _ALL else data


def _data_one_came_from() -> str | None:
    try:
        return frame.store().run(st.query_params["run"]).name if "run" in st.query_params else None
    except BadInput:  # the run was deleted
        return None


def _show_table(lines: Sequence[Line], total: int) -> None:
    pages = -(-len(lines) // _RUNS_A_PAGE)
    with st.container(key="runs", gap=None):
        _show_heads()
        area = st.container(gap=None)
    page = st.pagination(pages, key=f"runs-page-{pages}") if pages > 1 else 1
    with area:
        for line in lines[(page - 1) * _RUNS_A_PAGE : page * _RUNS_A_PAGE]:
            _show_line(line)
    frame.small(
        f"{len(lines):,} of {count_text(total, 'run')}." if len(lines) < total else count_text(total, "run") + "."
    )


def _show_heads() -> None:
    with st.container(key="run-heads"):
        _, name, rest = st.columns(_WIDTHS, gap="small")
        places = [name, *rest.columns(_CELL_WIDTHS, gap="small")]
    for order, place in zip(ORDERS, places, strict=True):
        is_it, falling = order == st.session_state[_ORDER], st.session_state[_FALLING]
        place.button(
            order,
            key=f"sort-{order}",
            type="tertiary",
            icon=(":material/arrow_downward:" if falling else ":material/arrow_upward:") if is_it else None,
            icon_position="right",
            help=f"Sort by {order.lower()}",
            on_click=_sort_by,
            args=(order,),
        )


def _sort_by(order: str) -> None:
    """A second click on the same head turns the order round."""
    is_same = st.session_state[_ORDER] == order
    st.session_state[_FALLING] = not st.session_state[_FALLING] if is_same else order in LARGEST_FIRST
    st.session_state[_ORDER] = order


def _show_line(line: Line) -> None:
    run = line.run
    with st.container(key=f"run-{run.id}"):
        box, name, rest = st.columns(_WIDTHS, gap="small")
    tick(run, box)
    with name, st.container(gap=None):
        st.page_link(frame.page_path("Report"), label=plain(run.title), query_params={"run": run.id})
        under = [run.name] if run.given_name else []
        tags = "".join(
            f'<span class="tag">{escape(tag)}</span>' for tag in (*origin_tags(run), *sharing_tags(run), *run.tags)
        )
        said = " · ".join(escape(each) for each in (*under, line.kind) if each)
        note = f'<p class="quiet small note">{escape(run.note)}</p>' if run.note else ""
        st.html(f'<p class="quiet small">{said}</p>{f"<p>{tags}</p>" if tags else ""}{note}')
    rest.html(_cells(line))


def _cells(line: Line) -> str:
    named = line.summary.strategy if line.summary else None
    strategy = f"{mark(named)} {escape(line.strategy)}" if named else ""
    cells = (
        _cell(line.verdict, line.under_verdict),
        f"<div>{f'<p><b>{line.score}</b> {strategy}</p>{_under(line.score_range)}' if line.score else ''}</div>",
        _cell(line.rows),
        _cell(line.model, f"{line.effort} effort" if line.effort else ""),
        _cell(*moment(line.run.created_at).split(", ")),
    )
    return f'<div class="run-cells">{"".join(cells)}</div>'


def _cell(text: str, under: str = "") -> str:
    return f"<div>{f'<p>{escape(text)}</p> ' if text else ''}{_under(under)}</div>"


def _under(text: str) -> str:
    return f'<p class="quiet small">{escape(text)}</p>' if text else ""


runs = frame.store().runs()
if not runs:
    frame.heading("History")
    frame.stop_with("You haven't compared anything yet.", label="Start with your data or a sample")
forget_deleted(runs)
if is_comparing():
    from advisor.pages.run_comparison import show_comparison  # charts take a while to import

    show_comparison([run for run in runs if run.id in chosen_runs()])
else:
    show_history(runs)
