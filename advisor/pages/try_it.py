"""Try it: a new input, answered by every strategy of a finished run side by side; and fitted strategies to download.

The page only writes the input into the queue and shows what the worker's child has answered so far, so leaving it loses
nothing.
"""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from functools import partial
from html import escape

import streamlit as st

from advisor.pages import frame
from advisor.pages.blocks import folded
from advisor.pages.marks import plain
from advisor.pages.sharing import ANOTHER, title_for_all
from advisor.pages.side_by_side import read_answers
from advisor.pages.silent_worker import show_silent_worker
from advisor.pages.sources import Sources
from advisor.pages.tried_answers import show_answers
from advisor.pairing import strategy_of
from advisor.render.fitted_zip import can_download, unpacked_bytes, write_fitted_zip
from advisor.runs.adapter_off import no_adapter
from advisor.runs.trying import NOTHING_SAVED, strategies_to_try, tryable, with_adapter
from advisor.runs.worker import start_worker
from advisor.schema import Report
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.tries import Try, add_try, new_try, read_try, tries_of, waiting_tries
from advisor.wording import count_text, in_sentence, memory_text, name_of
from eval.task import BadInput
from strategies.registry import BASELINES, DECLARATIONS

TITLE = "Try it"
_SECONDS_BETWEEN_LOOKS = 0.5
_LONGEST_TITLE = 70  # characters of an input in a list
_MOST_BYTES = 300_000_000  # of a ZIP that the page makes in memory
_WAITING_STATES = ("running", "queued", "interrupted")


def show_try_it(run: StoredRun, report: Report) -> None:
    with folded(TITLE, "Answer a new input with every strategy of this run, or download a strategy."):
        _show_tries(run, report)
        _show_downloads(run)


@st.fragment
def _show_tries(run: StoredRun, report: Report) -> None:
    found = tryable(frame.store(), run)
    if not any(one.problem is None for one in found):
        frame.small(NOTHING_SAVED)
        return
    for one in found:
        if one.problem:
            frame.small(one.problem)
    _ask(run, [one.strategy for one in found if one.problem is None])
    tries = tries_of(frame.store(), run.id)
    if not tries:
        return
    shown = tries[0]
    if len(tries) > 1:
        titles = {one.id: _title(one) for one in tries}
        newest = tries[0].id  # in the key, so that a new input is shown at once
        chosen = st.selectbox("Inputs you tried", list(titles), format_func=titles.__getitem__, key=f"tried-{newest}")
        shown = next((one for one in tries if one.id == chosen), shown)
    sources = _sources_of(run, report)
    if shown.state == "done":
        show_answers(shown, sources)
    else:
        _watch(shown, sources)


def _ask(run: StoredRun, answering: Sequence[str]) -> None:
    with st.form("try-it", border=False):
        text = st.text_area("A new input", key="try-input", height=100, placeholder="Write it as in your data.")
        is_also_off = _offer_adapter_off(answering)
        is_asked = st.form_submit_button("Answer with every strategy", icon=":material/play_arrow:")
    if not is_asked:
        return
    try:
        strategies = strategies_to_try(frame.store(), run)
        one = new_try(run.id, text, strategies, with_adapter(strategies) if is_also_off else ())
        add_try(frame.store(), one)
    except BadInput as wrong:
        frame.problem(str(wrong))
        return
    except OSError as wrong:
        frame.problem(f"The input can't be stored ({wrong.strerror}): free some space, and try again.")
        return
    with frame.waiting("Starting the worker"):
        start_worker(frame.store())


def _offer_adapter_off(answering: Sequence[str]) -> bool:
    """Whether to ask again with adapters switched off. Says which trained strategies have none."""
    without = [why for name in answering if name not in BASELINES and _is_trained(name) and (why := no_adapter(name))]
    is_also_off = False
    if with_adapter(answering):
        is_also_off = st.checkbox(
            "Also with the adapter switched off",
            key="try-adapter-off",
            help="The model answers the same prompt again without the trained adapter, as before training. So you see "
            "what training changed.",
        )
    if without:
        frame.small(" ".join(without))
    return is_also_off


def _is_trained(name: str) -> bool:
    return DECLARATIONS[strategy_of(name)].changes_weights


def _watch(one: Try, sources: Sources) -> None:
    """Looks again every moment until all have answered."""

    @st.fragment(run_every=_SECONDS_BETWEEN_LOOKS)
    def look() -> None:
        now = read_try(frame.store(), one.run_id, one.id)
        if now is None or now.state == "done":
            st.rerun()
        alive = frame.store().worker_alive()
        st.html(f'<p role="status">{escape(_standing(now, alive))}</p>')
        if not alive and st.button("Start the worker", icon=":material/play_arrow:", key="start-worker"):
            start_worker(frame.store())
            st.rerun(scope="fragment")
        show_silent_worker()
        show_answers(now, sources)

    look()


def _standing(one: Try, alive: bool) -> str:
    """What happens to a try at the moment, or what it waits for."""
    seconds = max(0.0, time.time() - one.since)
    if not alive:
        return "The input is waiting, because the program that answers it (the worker) has stopped."
    if one.state == "running":
        return (
            f"{_stage_words(one)} ({seconds:.0f} s). "
            f"{len(one.answers)} of {count_text(len(one.asked), 'answer')} so far."
        )
    return f"{_queue_words(one)} Waiting for {seconds:.0f} s. You can leave this page: the answers are kept."


def _stage_words(one: Try) -> str:
    name = f"{in_sentence(one.strategy)}, its adapter switched off" if one.is_off else in_sentence(one.strategy)
    match one.stage:
        case "starting":
            return "Starting the process that holds the model"
        case "loading":
            return f"Loading {name}"
        case "answering":
            return f"Answering with {name}"


def _queue_words(one: Try) -> str:
    store = frame.store()
    runs = [run for run in store.machine.runs() if run.state in _WAITING_STATES and not run.awaits_key]
    before = [try_id for _, try_id in waiting_tries(store)].index(one.id) if _is_waiting(one) else 0
    place = "This input is next." if not before else f"{count_text(before, 'other input')} will be answered before it."
    running = next((run for run in runs if run.state == "running"), None)
    if running is not None and len(runs) > 1:
        queued = count_text(len(runs) - 1, "queued run")
        return f"{_comparison(running)} is running. It and {queued} go first. {place}"
    if running is not None:
        return f"{_comparison(running)} is running and goes first. {place}"
    if runs:
        return f"{count_text(len(runs), 'queued run')} will go first. {place}"
    if store.requested_speed():
        return f"This machine is being timed first, which takes about ten seconds. {place}"
    return place


def _comparison(running: StoredRun) -> str:
    title = title_for_all(running)
    return "Another comparison" if title == ANOTHER else f"The comparison of {title}"


def _is_waiting(one: Try) -> bool:
    return any(try_id == one.id for _, try_id in waiting_tries(frame.store()))


def _sources_of(run: StoredRun, report: Report) -> Sources:
    found = read_answers(run, report)
    return found[1] if found else {}


def _title(one: Try) -> str:
    words = " ".join(one.input.split())
    short = words if len(words) <= _LONGEST_TITLE else f"{words[:_LONGEST_TITLE]}…"
    return short if one.state == "done" else f"{short} (not answered yet)"


def _show_downloads(run: StoredRun) -> None:
    store = frame.store()
    answering = [one.strategy for one in tryable(store, run) if one.problem is None]
    strategies = [name for name in answering if can_download(store, run, name)]
    if not strategies:
        return
    st.html('<h3 class="tried-head">Download a fitted strategy</h3>')
    frame.small(
        "Each ZIP holds the instruction and settings, the index or the trained weights, and a program that answers "
        "without Threeways. Its README names the base model, which you need as well. Baselines need no base model."
    )
    with st.container(horizontal=True, key="fitted-downloads"):
        for name in strategies:
            size = unpacked_bytes(store, run, name)
            if size > _MOST_BYTES:
                frame.small(
                    f"{name_of(name)} has {memory_text(size)}, which is too much for this page. Run: "
                    f"python -m advisor download {run.id} {name} {name}.zip"
                )
                continue
            st.download_button(
                f"{plain(name_of(name))} ({_size_text(size)})",
                partial(_zip_of, store, run, name),
                f"threeways-{run.id}-{name}.zip",
                "application/zip",
                on_click="ignore",
                icon=":material/download:",
                key=f"fitted-{name}",
            )


def _size_text(size: int) -> str:
    return memory_text(size) if size >= 1_000_000 else f"{max(1, round(size / 1000))} kB"


def _zip_of(store: Store, run: StoredRun, strategy: str) -> bytes:
    """Streamlit calls it in a thread that knows nobody."""
    content = io.BytesIO()
    write_fitted_zip(store, run, strategy, content)
    return content.getvalue()
