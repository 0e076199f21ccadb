"""What each strategy answers once facts in the documents have changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from advisor.candidates import judged
from advisor.schema import Freshness, Report, WithoutDocuments
from advisor.sections.blocks import Block, Bullets, Cell, Row, Section, Table, of_strategies, small
from advisor.wording import count_text, in_milliseconds, in_sentence, list_text, name_of, seconds_text
from eval.outcomes import NEW_FACT
from eval.statistics.inference import Interval

TITLE = "When facts in the documents change"
COUNTS_NOTE = "Under each count is the 95 % CI of its percentage."
EXAMPLES_KEPT = 20
LONGEST_QUOTED = 120  # characters
Probed = TypeVar("Probed", Freshness, WithoutDocuments)
Way = tuple[Callable[[Probed], Interval | None], str, str]  # its count, its heading, its meaning
_WAYS: tuple[Way[Freshness], ...] = (
    (lambda one: one.before, "Right at first", "The same questions, before the documents changed."),
    (lambda one: one.new, "New fact", "What the documents say now."),
    (lambda one: one.old, "Old fact", "What they said before."),
    (lambda one: one.neither, "Neither", "Any other answer, or none."),
)


def section(report: Report) -> Section | None:
    """None for a report of an earlier version, or of a task without documents."""
    found = {one.id: one.freshness for one in judged(report) if one.freshness}
    if not found:
        return None
    # The strategy that follows best comes first; the others keep their order.
    ordered = sorted(found, key=lambda name: -found[name].new.mean)
    sentences = (*(_follows(name, found[name]) for name in ordered), *_example(found), *_indexing(found))
    asked = count_text(max(each.n for each in found.values()), "test question")
    note = (
        f"We replaced the answers to {asked} in the documents with those to other rows of the same pattern. Then we "
        "asked the same questions again, without training anything."
    )
    table = Table(of_strategies(list(found), name_of), rows_of_ways(found, _WAYS))
    blocks: tuple[Block, ...] = (Bullets(sentences), table, *small(note, COUNTS_NOTE))
    best = ordered[0]
    return Section("freshness", TITLE, _follows(best, found[best]), blocks, _HOW, _heading(best, found[best]))


def _heading(name: str, found: Freshness) -> str:
    if not count_of(found.new):
        return f"{TITLE}: no strategy gives the new fact"
    return f"{TITLE}: {in_sentence(name)} gives the new one in {count_of(found.new)} of {found.n:,} answers"


_HOW = (
    "An answer counts for the fact that it scores higher against, from a score of .5 on: lines changed_facts of "
    "probes.jsonl, with the new facts in trial.json. Right at first: answers to the same rows in outcomes.csv that "
    "score .5 or more. Indexing what had changed: refresh_seconds in trial.json. CI: Wilson's interval for a "
    "proportion."
)


def rows_of_ways(found: Mapping[str, Probed], ways: Sequence[Way[Probed]]) -> tuple[Row, ...]:
    """A row for each way of answering that was counted: its heading and meaning, and a cell for each strategy."""
    return tuple(
        Row(heading, tuple(_cell(count(each)) for each in found.values()), meaning)
        for count, heading, meaning in ways
        if any(count(each) is not None for each in found.values())
    )


def count_of(share: Interval) -> int:
    return round(share.mean * share.n)


def _cell(share: Interval | None) -> Cell:
    if share is None:
        return Cell("–")
    return Cell(f"{count_of(share)} of {share.n:,}", f"{100 * share.low:.0f} to {100 * share.high:.0f} %")


def _follows(name: str, found: Freshness) -> str:
    new, old = count_of(found.new), count_of(found.old)
    said = f"{name_of(name)} gives the new fact in {new} of {found.n:,} answers and the old one in {old}"
    if found.trained and found.refresh_seconds is None:
        return f"{said}, until it is trained again."
    return f"{said}."


def _indexing(found: Mapping[str, Freshness]) -> list[str]:
    in_ms = in_milliseconds(*(each.refresh_seconds for each in found.values()))
    taken = [
        f"{seconds_text(each.refresh_seconds, in_ms)} for {in_sentence(name)}"
        for name, each in found.items()
        if each.refresh_seconds is not None
    ]
    return [f"Indexing what had changed took {list_text(taken)}."] if taken else []


def _example(found: Mapping[str, Freshness]) -> list[str]:
    """The one of those kept on which most strategies say something else, one of them the new fact if any does."""
    asked = list(zip(*(each.examples for each in found.values()), strict=False))
    if not asked:
        return []
    one = max(asked, key=lambda answers: (any(a.told == NEW_FACT for a in answers), len({a.told for a in answers})))
    said = ", ".join(f"{in_sentence(name)} {_quoted(a.answer)}" for name, a in zip(found, one, strict=True))
    input, old, new = map(_quoted, (one[0].input, one[0].old, one[0].new))
    return [f"Example: {input}. The documents changed from {old} to {new}. The answers: {said}."]


def _quoted(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        return "nothing"
    return f"“{text}”" if len(text) <= LONGEST_QUOTED else f"“{text[: LONGEST_QUOTED - 1]}…”"
