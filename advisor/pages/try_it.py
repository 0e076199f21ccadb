"""Try it: a new input, answered by every strategy of a finished run side by side; and fitted strategies to download.

The page only writes the input into the queue and shows what the worker's child has answered so far, so leaving it loses
nothing.
"""

from __future__ import annotations

import io
import time
from functools import partial
from html import escape

import streamlit as st

from advisor.pages import frame
from advisor.pages.blocks import folded
from advisor.pages.key_field import ask_for_key
from advisor.pages.marks import marked_name, plain
from advisor.pages.sent_prompt import show_prompt
from advisor.pages.side_by_side import read_answers
from advisor.pages.sources import Sources, sources_html
from advisor.palette import colour_variable
from advisor.render.fitted_zip import can_download, unpacked_bytes, write_fitted_zip
from advisor.runs.trying import NOTHING_SAVED, strategies_to_try, tryable
from advisor.runs.worker import start_worker
from advisor.schema import Report
from advisor.storage.stored import StoredRun
from advisor.storage.tries import Stage, TriedAnswer, Try, add_try, new_try, read_try, tries_of, waiting_tries
from advisor.wording import count_text, in_sentence, memory_text, name_of, seconds_text, share_text
from eval.task import BadInput
from strategies.registry import BASELINES

TITLE = "Try it"
_SECONDS_BETWEEN_LOOKS = 0.5
_LONGEST_TITLE = 70  # characters of an input in a list
_MOST_BYTES = 300_000_000  # of a ZIP that the page makes in memory
_COLUMNS = {1: 1, 2: 2, 4: 2}  # for so many strategies; else 3
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
    _ask(run)
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
        _show(shown, sources)
    else:
        _watch(shown, sources)


def _ask(run: StoredRun) -> None:
    with st.form("try-it", border=False):
        text = st.text_area("A new input", key="try-input", height=100, placeholder="Write it as in your data.")
        is_asked = st.form_submit_button("Answer with every strategy", icon=":material/play_arrow:")
    if not is_asked:
        return
    try:
        one = new_try(run.id, text, strategies_to_try(frame.store(), run))
        add_try(frame.store(), one)
    except BadInput as wrong:
        frame.problem(str(wrong))
        return
    except OSError as wrong:
        frame.problem(f"The input can't be stored ({wrong.strerror}): free some space, and try again.")
        return
    with st.spinner("Starting the worker"):
        start_worker(frame.store())


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
        _show(now, sources)

    look()


def _standing(one: Try, alive: bool) -> str:
    """What happens to a try at the moment, or what it waits for."""
    seconds = max(0.0, time.time() - one.since)
    if not alive:
        return "The input is waiting, because the program that answers it (the worker) has stopped."
    if one.state == "running":
        return (
            f"{_stage_words(one.stage, one.strategy)} ({seconds:.0f} s). "
            f"{len(one.answers)} of {count_text(len(one.strategies), 'answer')} so far."
        )
    return f"{_queue_words(one)} Waiting for {seconds:.0f} s. You can leave this page: the answers are kept."


def _stage_words(stage: Stage, strategy: str) -> str:
    match stage:
        case "starting":
            return "Starting the process that holds the model"
        case "loading":
            return f"Loading {in_sentence(strategy)}"
        case "answering":
            return f"Answering with {in_sentence(strategy)}"


def _queue_words(one: Try) -> str:
    store = frame.store()
    runs = [run for run in store.runs() if run.state in _WAITING_STATES and not run.awaits_key]
    before = [try_id for _, try_id in waiting_tries(store)].index(one.id) if _is_waiting(one) else 0
    place = "This input is next." if not before else f"{count_text(before, 'other input')} will be answered before it."
    running = next((run for run in runs if run.state == "running"), None)
    if running is not None and len(runs) > 1:
        queued = count_text(len(runs) - 1, "queued run")
        return f"The comparison of {running.title} is running. It and {queued} go first. {place}"
    if running is not None:
        return f"The comparison of {running.title} is running and goes first. {place}"
    if runs:
        return f"{count_text(len(runs), 'queued run')} will go first. {place}"
    if store.requested_speed():
        return f"This machine is being timed first, which takes about ten seconds. {place}"
    return place


def _is_waiting(one: Try) -> bool:
    return any(try_id == one.id for _, try_id in waiting_tries(frame.store()))


def _show(one: Try, sources: Sources) -> None:
    st.html(f'<div class="tried-input"><h3>Input</h3><p class="text">{escape(one.input)}</p></div>')
    strategies = [answer for answer in one.answers if answer.strategy not in BASELINES]
    baselines = [answer for answer in one.answers if answer.strategy in BASELINES]
    count = len([name for name in one.strategies if name not in BASELINES])
    width = _COLUMNS.get(count, 3)
    for first in range(0, len(strategies), width):
        columns = st.columns(width)
        for column, answer in zip(columns, strategies[first : first + width], strict=False):
            with column, st.container(border=True):
                st.html(f'<div class="given tried">{_card(one, answer, sources)}</div>')
                if answer.prompt:
                    with st.expander(f"Prompt sent ({count_text(answer.tokens_in, 'token')})"):
                        show_prompt(answer.prompt)
    if baselines:
        cards = "".join(_card(one, answer, sources) for answer in baselines)
        st.html(
            f'<h3 class="tried-head">Baselines, without a language model</h3><div class="given tried">{cards}</div>'
        )
    if one.state == "done":
        frame.small(_took(one))
        for host in dict.fromkeys(answer.awaits_key for answer in one.answers if answer.awaits_key):
            ask_for_key(host)
            frame.small("Then ask again.")


def _card(one: Try, answer: TriedAnswer, sources: Sources) -> str:
    name = marked_name(answer.strategy)
    if answer.problem:
        return f'<section><header>{name}</header><p class="text problem">{escape(answer.problem)}</p></section>'
    return (
        f'<section><header>{name}<span class="quiet">{escape(_time_of(answer))}</span></header>'
        f'<p class="text answer">{escape(answer.text or "(nothing)")}</p>{_likely(answer)}'
        f"{sources_html(answer.sources, sources, one.input)}</section>"
    )


def _time_of(answer: TriedAnswer) -> str:
    if answer.loading_seconds is None:
        return seconds_text(answer.seconds)
    return f"{seconds_text(answer.seconds)} (after {seconds_text(answer.loading_seconds)} of loading)"


def _likely(answer: TriedAnswer) -> str:
    """The likeliest labels with their probabilities, as bars."""
    if not answer.likely:
        return ""
    colour = colour_variable(answer.strategy)
    rows = "".join(
        f"<li><span>{escape(one.label)}</span><span>{_percent(one.share)}</span>"
        f'<div class="bar" aria-hidden="true"><i style="width:{one.share:.1%};--mark:{colour}"></i></div></li>'
        for one in answer.likely
    )
    others = answer.labels - len(answer.likely)
    more = f'<p class="quiet small">{count_text(others, "other label")} less likely.</p>' if others else ""
    return f'<ul class="likely" aria-label="Probability of each label">{rows}</ul>{more}'


def _percent(share: float) -> str:
    return "under 1 %" if share < 0.01 else share_text(share)


def _sources_of(run: StoredRun, report: Report) -> Sources:
    found = read_answers(run, report)
    return found[1] if found else {}


def _took(one: Try) -> str:
    seconds = f"All answers were there after {seconds_text(one.since - one.created_at)}."
    if any(answer.loading_seconds is not None for answer in one.answers):
        seconds += " The first answer after loading takes longer than the next ones."
    if any(answer.likely for answer in one.answers):
        seconds += (
            " Probabilities of a language model are the label scores that the strategy compares, scaled to add up to "
            "100 %. They aren't calibrated."
        )
    return seconds


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
                partial(_zip_of, run, name),
                f"threeways-{run.id}-{name}.zip",
                "application/zip",
                on_click="ignore",
                icon=":material/download:",
                key=f"fitted-{name}",
            )


def _size_text(size: int) -> str:
    return memory_text(size) if size >= 1_000_000 else f"{max(1, round(size / 1000))} kB"


def _zip_of(run: StoredRun, strategy: str) -> bytes:
    content = io.BytesIO()
    write_fitted_zip(frame.store(), run, strategy, content)
    return content.getvalue()
