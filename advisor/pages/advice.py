"""Advice: six questions, and what the rules of thumb say to the answers, before anything is measured."""

from __future__ import annotations

from html import escape

import streamlit as st

from advisor.advice.circumstances import circumstances_of
from advisor.advice.first_advice import Advice, advise
from advisor.advice.questions import QUESTIONS, UNKNOWN, Question, seen_in_data, with_answers
from advisor.advice.rules import RULES, Rule
from advisor.pages import frame
from advisor.pages.draft import draft_of, setup_of, suggested_metric
from advisor.pages.marks import marked_name
from advisor.pages.rule_list import rule_items, show_sources, sources
from advisor.schema import Circumstances
from advisor.storage.stored import StoredDataset
from advisor.wording import name_of, words_of
from eval.task import BadInput


def facts_of(dataset: StoredDataset | None) -> Circumstances:
    """What the data say; nothing where there are none, or where their columns are not settled yet."""
    if dataset is None:
        return Circumstances()
    try:
        setup = setup_of(dataset)
        draft = draft_of(dataset.id, dataset.name, setup)
        metric = draft.task.metric.name if draft.task.metric else suggested_metric(dataset.id, dataset.name, setup)
    except BadInput:
        return Circumstances()
    return circumstances_of(draft.task, draft.split, metric)


def ask(facts: Circumstances) -> None:
    """The six questions, answered as the address has them, else as the data do; every change goes to the address."""
    for pair in (QUESTIONS[:2], QUESTIONS[2:4], QUESTIONS[4:]):
        for column, question in zip(st.columns(2), pair, strict=True):
            with column:
                ask_one(question, facts)


def ask_one(question: Question, facts: Circumstances) -> None:
    words = {UNKNOWN: "I don't know yet", **{answer.id: answer.words for answer in question.answers}}
    from_data = question.answer_to(facts)
    given = st.query_params.get(question.field, from_data)
    ids = list(words)
    key = f"answer-{question.field}"

    def keep() -> None:
        """Before the page runs anew, so that the steps at the top lead on with this answer too."""
        chosen = st.session_state[key]
        if chosen != from_data:
            st.query_params[question.field] = chosen
        elif question.field in st.query_params:
            del st.query_params[question.field]

    chosen = st.selectbox(
        question.words,
        ids,
        index=ids.index(given if given in words else from_data),
        format_func=words.__getitem__,
        key=key,
        filter_mode=None,
        on_change=keep,
    )
    if chosen == from_data and (seen := seen_in_data(question, facts)):
        frame.small(f"From your data: {seen}.")


def show_card(advice: Advice) -> None:
    steps = '<span class="then" aria-label="then">→</span>'.join(marked_name(step) for step in advice.steps)
    way = f'<p class="small way">{steps}</p>' if steps else ""
    meant = "".join(
        f'<p class="small"><b>{escape(name_of(step))}.</b> {escape(words_of(step).explanation)}</p>'
        for step in advice.steps
    )
    colour = f"var(--{advice.steps[0]})" if advice.steps else "var(--baseline)"
    st.html(
        f'<section class="verdict advice" style="--mark:{colour}" role="status">{way}'
        f'<h2 class="sentence">{escape(advice.headline)}</h2>'
        f'<p class="confidence">{escape(advice.standing)}</p>{meant}'
        '<p class="quiet">This is advice from rules of thumb. Only a run on your own data can measure what works.</p>'
        "</section>"
    )


def show_reasons(advice: Advice) -> None:
    parts = (
        ("What to do first", "ol", [escape(sentence) for sentence in advice.first]),
        ("What to collect", "ul", [escape(sentence) for sentence in advice.collect]),
        (
            "What to watch out for",
            "ul",
            [f"{escape(one.sentence)} {sources(one.sources)}" for one in advice.cautions],
        ),
    )
    shown = "".join(
        f'<div><h2 class="card-title">{title}</h2><{tag}>{"".join(f"<li>{item}</li>" for item in items)}</{tag}></div>'
        for title, tag, items in parts
        if items
    )
    st.html(f'<div class="becauses">{shown}</div>')


def show_rules(advice: Advice, known: Circumstances) -> None:
    frame.section("The rules behind this advice")
    for title, rules in (
        ("Rules that favour this", advice.speaking_for),
        ("Rules that favour something else", advice.speaking_otherwise),
    ):
        show_list(title, rules)
    with st.expander(f"All {len(RULES)} rules and their sources"):
        show_list("Rules that may apply", advice.open)
        show_list("Rules that don't apply", [rule for rule in RULES if rule.applies(known) is False])
        show_sources()


def show_list(title: str, rules: tuple[Rule, ...] | list[Rule]) -> None:
    if rules:
        st.html(f'<h3 class="card-title">{title}</h3><ul class="rules">{rule_items(rules)}</ul>')


def show_way_on(dataset: StoredDataset | None) -> None:
    if dataset is None:
        if st.button("Upload data to measure it", type="primary", key="measure", icon=":material/upload_file:"):
            frame.go("Start")
    elif st.button("Compare the strategies", type="primary", key="measure", icon=":material/arrow_forward:"):
        frame.go("Compare", **frame.address("dataset", "follows"))


def show_advice() -> None:
    dataset = frame.dataset_in_address() if "dataset" in st.query_params else None
    facts = facts_of(dataset)
    named = f" We filled in what {dataset.name} shows." if dataset else ""
    frame.heading("First advice", f"Answer as many of the six questions as you can.{named}")
    card = st.container()  # above the questions it depends on
    ask(facts)
    known = with_answers(facts, st.query_params.to_dict())
    advice = advise(known)
    with card:
        show_card(advice)
    show_reasons(advice)
    show_way_on(dataset)
    show_rules(advice, known)


show_advice()
