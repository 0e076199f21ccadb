"""The answers to an input that was tried: a card for each strategy, with the likeliest labels, the sources and the
prompt."""

from __future__ import annotations

from html import escape

import streamlit as st

from advisor.pages import frame
from advisor.pages.key_field import ask_for_key
from advisor.pages.marks import marked_name
from advisor.pages.sent_prompt import show_prompt
from advisor.pages.sources import Sources, sources_html
from advisor.palette import colour_variable
from advisor.storage.tries import TriedAnswer, Try
from advisor.wording import count_text, seconds_text, share_text
from strategies.registry import BASELINES

_COLUMNS = {1: 1, 2: 2, 4: 2}  # for so many strategies; else 3


def show_answers(one: Try, sources: Sources) -> None:
    """The input and the answers so far; when all are there, how long they took."""
    st.html(f'<div class="tried-input"><h3>Input</h3><p class="text">{escape(one.input)}</p></div>')
    strategies = [answer for answer in one.answers if answer.strategy not in BASELINES and not answer.adapter_off]
    switched_off = {answer.strategy: answer for answer in one.answers if answer.adapter_off}
    baselines = [answer for answer in one.answers if answer.strategy in BASELINES]
    count = len([name for name in one.strategies if name not in BASELINES])
    width = _COLUMNS.get(count, 3)
    for first in range(0, len(strategies), width):
        columns = st.columns(width)
        for column, answer in zip(columns, strategies[first : first + width], strict=False):
            with column, st.container(border=True):
                cards = _card(one, answer, sources)
                if answer.strategy in switched_off:
                    cards += _card_without_adapter(answer, switched_off[answer.strategy])
                st.html(f'<div class="given tried">{cards}</div>')
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


def _card_without_adapter(own: TriedAnswer, off: TriedAnswer) -> str:
    """What the strategy answers with its adapter switched off, and whether training changed that."""
    name = "<b>Adapter switched off</b>"
    if off.problem:
        return f'<section><header>{name}</header><p class="text problem">{escape(off.problem)}</p></section>'
    changed = "The same answer." if off.text == own.text else "Training changed this answer."
    said = "" if own.problem else f'<p class="quiet small">{changed}</p>'
    return (
        f'<section><header>{name}<span class="quiet">{escape(_time_of(off))}</span></header>'
        f'<p class="text answer">{escape(off.text or "(nothing)")}</p>{said}{_likely(off)}</section>'
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
