"""Two answers at a time, on sides that chance decides: nothing says who wrote them or how they score until the person
stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import streamlit as st

from advisor.pages import frame
from advisor.pages.marks import cut_off_tag
from advisor.sections.own_clicks import OwnClicks
from advisor.storage.clicks import read_clicks, write_clicks
from advisor.wording import count_text, score_text
from eval.blind.pairs import PAIRS, Choice, Click, Pair, next_pair
from eval.blind.verdict import FEWEST_CLICKS, Judged, agreement, judge
from eval.task import BadInput

_LABELS = {
    Choice.LEFT: "Left is better",
    Choice.RIGHT: "Right is better",
    Choice.BOTH: "Both are right",
    Choice.NEITHER: "Neither is right",
}
_AGREES = {1.0: "yes", 0.5: "a tie", 0.0: "no"}


@dataclass(frozen=True, slots=True)
class BlindComparison:
    """What a person is asked, and where their clicks are kept. `id` is that of the run or dataset; `folder` raises
    BadInput once it isn't the person's any more; `pairs` are made when they are first needed; `name` gives the words
    for a writer once the person has stopped."""

    id: str
    folder: Callable[[], Path]
    pairs: Callable[[], Sequence[Pair]]
    seed: int
    prefer: tuple[str | None, ...]
    name: Callable[[str], str]


def is_open(comparison_id: str) -> bool:
    """Whether the person is comparing: until they stop, no page shows what their clicks say."""
    return bool(st.session_state.get(_state(comparison_id)))


def was_opened(comparison_id: str) -> bool:
    """Whether the person has compared answers since the page was opened, so that what came of it stays in view."""
    return _state(comparison_id) in st.session_state


@st.fragment
def compare_blind(asked: BlindComparison, found: Callable[[], OwnClicks | None]) -> None:
    """One pair after another; `found` is what the clicks say once the person has stopped."""
    if problem := st.session_state.pop(f"{_state(asked.id)}-problem", None):
        frame.problem(problem)
    try:
        clicks = read_clicks(asked.folder())
        if not is_open(asked.id):
            _show_closed(asked, clicks, found)
            return
        pairs = asked.pairs()
    except BadInput as wrong:
        frame.problem(str(wrong))
        return
    pair = next_pair(pairs, {click.key for click in clicks}, asked.seed, asked.prefer)
    if pair is None:
        _set_open(asked, False)
        st.rerun()  # the whole page, whose verdict and files follow the clicks
    _show_pair(asked, pair, clicks, pairs)


def show_found(found: OwnClicks) -> None:
    """What the clicks say, in sentences and a table."""
    warning = f"<p><b>{escape(found.warning)}</b></p>" if found.warning else ""
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in found.sentences)
    st.html(f'{warning}<ul class="said">{said}</ul>')
    if found.rows:
        heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in found.heads)
        rows = "".join(
            f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'
            for name, *cells in found.rows
        )
        st.html(f'<div class="scroll"><table class="figures-table"><tr>{heads}</tr>{rows}</table></div>')
        if found.note:
            frame.small(found.note)


def _show_closed(asked: BlindComparison, clicks: Sequence[Click], found: Callable[[], OwnClicks | None]) -> None:
    judged = judge(asked.pairs(), clicks) if clicks else []
    done = len({one.pair.key for one in judged})
    if clicks and (said := found()):
        show_found(said)
    if 0 < done < FEWEST_CLICKS:
        frame.small(f"You compared {count_text(done, 'pair')}. After {FEWEST_CLICKS} we can say what your clicks mean.")
    if not judged or next_pair(asked.pairs(), {click.key for click in clicks}, asked.seed, asked.prefer):
        st.button(
            "Continue comparing" if judged else "Start comparing",
            icon=":material/compare_arrows:",
            key="blind-start",
            on_click=_set_open,
            args=(asked, True),
        )
    if done >= FEWEST_CLICKS:
        with st.expander("Show who wrote which answer, and where the score disagrees"):
            widths = {name: st.column_config.TextColumn(width="medium") for name in ("Left", "Right", "Input")}
            st.dataframe(_revealed(asked, judged), hide_index=True, column_config=widths)


def _show_pair(asked: BlindComparison, pair: Pair, clicks: Sequence[Click], pairs: Sequence[Pair]) -> None:
    keys = {each.key for each in pairs}
    done, total = len(keys & {click.key for click in clicks}), min(PAIRS, len(keys))
    sides = "".join(
        f"<section><h3>{side}{cut_off_tag(answer.cut_off)}</h3>"
        f'<p class="text" tabindex="0">{escape(answer.text) or "(no answer)"}</p></section>'
        for side, answer in (("Left", pair.left), ("Right", pair.right))
    )
    # The expected answer is folded away: who knows what is right should judge by that, not by a likeness to this text.
    st.html(
        f'<article class="blind"><p class="quiet small" role="status">{done} of {total} compared</p>'
        f'<div class="bar" aria-hidden="true"><i style="width:{100 * done / total:.0f}%"></i></div>'
        f'<h3>Input</h3><p class="text" tabindex="0">{escape(pair.input)}</p>'
        f"<details><summary>Show the expected answer</summary>"
        f'<p class="text">{escape(pair.expected)}</p></details>'
        f'<div class="sides">{sides}</div></article>'
    )
    with st.container(horizontal=True, key="blind-choices"):
        for number, (choice, label) in enumerate(_LABELS.items(), 1):
            st.button(label, key=f"blind-{choice}", shortcut=str(number), on_click=_click, args=(asked, pair, choice))
    with st.container(horizontal=True, key="blind-ways"):
        st.button(
            "Undo the last click",
            type="tertiary",
            key="blind-undo",
            disabled=not any(click.asked_in == asked.id for click in clicks),
            on_click=_undo,
            args=(asked,),
        )
        if st.button("Stop here", type="tertiary", key="blind-stop"):
            _set_open(asked, False)
            st.rerun()


def _revealed(asked: BlindComparison, judged: Sequence[Judged]) -> dict[str, list[str]]:
    """Each two texts once; those on which the score disagrees come first."""
    once = {one.pair.key: one for one in judged}.values()
    found = [(one, share.mean if (share := agreement([one])) else None) for one in once]
    found.sort(key=lambda each: 2.0 if each[1] is None else each[1])
    return {
        "The score agrees": ["" if agrees is None else _AGREES[agrees] for _, agrees in found],
        "You said": [_LABELS[one.choice] for one, _ in found],
        "Left by": [f"{asked.name(one.pair.left.writer)}, {score_text(one.pair.left.score)}" for one, _ in found],
        "Right by": [f"{asked.name(one.pair.right.writer)}, {score_text(one.pair.right.score)}" for one, _ in found],
        "Left": [one.pair.left.text for one, _ in found],
        "Right": [one.pair.right.text for one, _ in found],
        "Input": [one.pair.input for one, _ in found],
    }


def _click(asked: BlindComparison, pair: Pair, choice: Choice) -> None:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    click = Click(pair.input, pair.left.text, pair.right.text, choice, at, asked.id)
    _keep(asked, lambda clicks: [*(one for one in clicks if one.key != click.key), click])


def _undo(asked: BlindComparison) -> None:
    def without_last(clicks: Sequence[Click]) -> list[Click]:
        last = next((one for one in reversed(clicks) if one.asked_in == asked.id), None)
        return [one for one in clicks if one is not last]

    _keep(asked, without_last)


def _keep(asked: BlindComparison, change: Callable[[Sequence[Click]], list[Click]]) -> None:
    """What cannot be read is said by the page; what cannot be written is said once."""
    with suppress(BadInput):
        try:
            write_clicks(asked.folder(), change(read_clicks(asked.folder())))
        except OSError as wrong:
            st.session_state[f"{_state(asked.id)}-problem"] = (
                f"Your click can't be saved in {asked.folder()} ({wrong.strerror}). Make room there, then click again."
            )


def _state(comparison_id: str) -> str:
    return f"comparing-{comparison_id}"


def _set_open(asked: BlindComparison, opened: bool) -> None:
    st.session_state[_state(asked.id)] = opened
