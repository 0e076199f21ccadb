"""Where answers go wrong: how often each thing happened to each strategy, which labels are mixed up, and examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape

import streamlit as st

from advisor.pages.marks import marked_name
from advisor.pages.side_by_side import card, read_answers
from advisor.pages.sources import Sources
from advisor.palette import colour_variable
from advisor.schema import Report
from advisor.sections.answers import AnsweredRow
from advisor.sections.failures import WORDS, Counts, counts_of, failures_of, mixup_text, sentences_of
from advisor.storage.stored import StoredRun
from advisor.wording import count_text
from eval.failures.sorting import Confusion, Failures, Mixup

_MIXUPS_SHOWN = 5


def show_failures(run: StoredRun, report: Report) -> None:
    """Nothing for a report of an earlier version."""
    if not (failures := failures_of(report)):
        return
    st.html(f'<ul class="said">{"".join(f"<li>{escape(sentence)}</li>" for sentence in sentences_of(failures))}</ul>')
    if counted := counts_of(failures):
        most = max(count for each in counted for count in each.by_strategy.values())
        st.html(f'<dl class="failures">{"".join(_counts(each, most) for each in counted)}</dl>')
    if mixups := "".join(_mixups(name, each.confusion) for name, each in failures.items()):
        st.html(f'<h3 class="card-title">Labels most often mixed up</h3><div class="mixups">{mixups}</div>')
    found = read_answers(run, report)
    rows, sources = ({row.example.id: row for row in found[0]}, found[1]) if found else ({}, {})
    for name, each in failures.items():
        if any(one.count for one in each.categories):
            what = "which label for which, and examples" if _has_table(each) else "examples"
            st.html(
                f'<details class="examples"><summary>{marked_name(name)} {what}</summary>'
                f"{_more(name, each, rows, sources)}</details>"
            )


def _counts(counts: Counts, most: int) -> str:
    """A category with a bar for each strategy; all bars of the section have one scale."""
    bars = "".join(
        f'<li style="--mark:{colour_variable(name)}">{marked_name(name)}'
        f'<span class="bar" aria-hidden="true"><i style="width:{100 * count / most:.1f}%"></i></span>'
        f"<b>{count:,}</b></li>"
        for name, count in counts.by_strategy.items()
    )
    return (
        f'<div><dt>{escape(counts.heading)}<span class="quiet small">{escape(counts.meaning)}</span></dt>'
        f"<dd><ul>{bars}</ul></dd></div>"
    )


def _mixups(name: str, confusion: Confusion | None) -> str:
    """The commonest mix-ups of one strategy; "" where there are no labels, or nothing was mixed up twice."""
    mixups = [one for one in confusion.mixups if one.count > 1] if confusion else []
    if not mixups:
        return ""
    items = "".join(
        f"<li><span>{escape(mixup_text(one))}</span><b>{one.count:,}</b></li>" for one in mixups[:_MIXUPS_SHOWN]
    )
    return (
        f'<section><header>{marked_name(name)}<span class="quiet small">expected → given</span></header>'
        f"<ul>{items}</ul></section>"
    )


def _has_table(failures: Failures) -> bool:
    return bool(failures.confusion and failures.confusion.rows)


def _more(name: str, failures: Failures, rows: dict[str, AnsweredRow], sources: Sources) -> str:
    parts = []
    if failures.confusion and failures.confusion.rows:
        parts.append(_table(name, failures.confusion.mixups, failures.confusion.rows))
    for category in failures.categories:
        shown = [rows[id] for id in category.examples if id in rows and name in rows[id].outcomes]
        if shown:
            head = f"{WORDS[category.name].heading}: {len(shown)} of {count_text(category.count, 'answer')}"
            cards = "".join(card(replace(row, outcomes={name: row.outcomes[name]}), sources) for row in shown)
            parts.append(f'<h3 class="card-title">{escape(head)}</h3>{cards}')
    return "".join(parts)


def _table(name: str, mixups: Sequence[Mixup], labels: dict[str, int]) -> str:
    """Expected labels down, given ones across; what is right stands on the diagonal."""
    counts = {(one.expected, one.given): one.count for one in mixups}
    for label, rows in labels.items():
        counts[label, label] = rows - sum(one.count for one in mixups if one.expected == label)
    across = [*labels, *sorted({given for _, given in counts} - labels.keys())]
    heads = "".join(f'<th scope="col"><span>{escape(label)}</span></th>' for label in across)
    body = "".join(
        f'<tr><th scope="row">{escape(label)}</th>'
        + "".join(_cell(counts.get((label, given), 0), rows, label == given) for given in across)
        + "</tr>"
        for label, rows in labels.items()
    )
    return (
        '<p class="quiet small">Expected labels at the left, given ones at the top. What is right is framed.</p>'
        f'<div class="scroll"><table class="confusion" style="--mark:{colour_variable(name)}">'
        f"<tr><td></td>{heads}</tr>{body}</table></div>"
    )


def _cell(count: int, rows: int, is_right: bool) -> str:
    tint = f' style="--share:{100 * count / rows:.0f}%"' if count and rows else ""
    return f"<td{' class=right' if is_right else ''}{tint}>{count or ''}</td>"
