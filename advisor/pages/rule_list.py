"""The rules of thumb on a page: each with its source, and beside what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import streamlit as st

from advisor.advice.agreement import Agreement, rule_groups
from advisor.advice.rules import LEANING_WORDS, SOURCES, Rule
from advisor.schema import Report

_SIGNS: dict[Agreement, str] = {"agrees": "right", "disagrees": "wrong", "cannot tell": ""}


def show_agreement(report: Report) -> None:
    """Each rule that applies to the task of a report, and whether the measurement agrees."""
    groups = rule_groups(report)
    if not groups:
        return
    st.html('<p class="quiet">General advice for tasks like yours, and whether your results agree.</p>')
    pairs = "".join(
        f'<dt class="judged {_SIGNS[one.agreement]}">{escape(one.heading)}</dt>'
        f'<dd>{escape(" ".join(one.facts))} <span class="quiet">{escape(one.measured)}</span></dd>'
        for one in groups
    )
    st.html(f'<dl class="method">{pairs}</dl>')


def rule_items(rules: Sequence[Rule]) -> str:
    """A list of rules: when, why, which way it leans and who says so."""
    return "".join(
        f"<li><b>{escape(rule.when)}</b> {escape(rule.why)} "
        f'<span class="quiet small leaning">{escape(sentence_of_leaning(rule))} {sources(rule.sources)}</span></li>'
        for rule in rules
    )


def sentence_of_leaning(rule: Rule) -> str:
    words = LEANING_WORDS[rule.leans_to]
    return f"{words[:1].upper()}{words[1:]}."


def sources(letters: Iterable[str]) -> str:
    """The letters of the sources, each with its title on hover."""
    return "".join(f'<abbr title="{escape(SOURCES[letter])}">[{letter}]</abbr>' for letter in letters)


def show_sources() -> None:
    titles = "".join(f"<li>[{letter}] {escape(title)}</li>" for letter, title in SOURCES.items())
    st.html(f'<ul class="sources quiet small">{titles}</ul>')
