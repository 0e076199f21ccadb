"""What each strategy answers when the documents don't hold the answer."""

from __future__ import annotations

from collections.abc import Mapping

from advisor.candidates import judged
from advisor.schema import Report, WithoutDocuments
from advisor.sections.blocks import Block, Bullets, Section, Table, of_strategies, small
from advisor.sections.freshness import COUNTS_NOTE, Way, count_of, rows_of_ways
from advisor.wording import count_text, in_sentence, name_of

TITLE = "When the documents don't hold the answer"
_MOSTLY = 0.5  # of the answers are made up
_ADMITTED: Way[WithoutDocuments] = (
    lambda one: one.admitted,
    "Says it doesn't know",
    "Or refuses, or says nothing. We recognise English wordings only.",
)
_WAYS: tuple[Way[WithoutDocuments], ...] = (
    _ADMITTED,
    (lambda one: one.right, "Right anyway", "The expected answer, though nothing it read holds it."),
    (lambda one: one.invented, "Answers wrongly", "Any other answer."),
)
_WAYS_OF_TEXTS: tuple[Way[WithoutDocuments], ...] = (
    _ADMITTED,
    (lambda one: one.invented, "Writes an answer anyway", "We can't tell whether a reader would accept it."),
)


def section(report: Report) -> Section | None:
    """None for a report of an earlier version, or of a task without documents."""
    found = {one.id: one.without_documents for one in judged(report) if one.without_documents}
    if not found:
        return None
    reading = {name: each for name, each in found.items() if each.reads}
    are_texts = any(each.right is None for each in found.values())
    sentences = [_reads(name, each) for name, each in reading.items()]
    if not are_texts and any(each.invented.mean >= _MOSTLY for each in reading.values()):
        sentences.append("An answer that sounds sure may still be in none of your documents.")
    sentences += [_reads_nothing(name) for name in found if name not in reading]
    table = Table(of_strategies(list(found), name_of), rows_of_ways(found, _WAYS_OF_TEXTS if are_texts else _WAYS))
    blocks: tuple[Block, ...] = (Bullets(tuple(sentences)), table, *small(_asked(found), COUNTS_NOTE))
    return Section("without-documents", TITLE, sentences[0], blocks, _HOW, _heading(reading))


def _heading(reading: Mapping[str, WithoutDocuments]) -> str:
    if not reading:
        return f"{TITLE}: no strategy reads documents"
    name, found = next(iter(reading.items()))
    return f"{TITLE}: {in_sentence(name)} says so in {count_of(found.admitted)} of {found.n:,} answers"


_HOW = (
    "Answers to some test rows, the same for all strategies: lines taken_out of probes.jsonl, or outcomes.csv for what "
    "reads no documents. An answer that matches a list of refusals says it doesn't know: "
    "eval/failures/refusals.py of the program. CI: Wilson's interval for a proportion."
)


def _asked(found: Mapping[str, WithoutDocuments]) -> str:
    rows = count_text(max(each.n for each in found.values()), "test question")
    return f"We asked {rows} again after taking out the documents that hold the answer."


def _reads(name: str, found: WithoutDocuments) -> str:
    admitted, invented = count_of(found.admitted), count_of(found.invented)
    if found.right is None:
        return (
            f"{name_of(name)} says that it doesn't know in {admitted} of {found.n:,} answers. It writes an answer "
            f"anyway in {invented}."
        )
    said = f"{name_of(name)} says that it doesn't know in {admitted} of {found.n:,} answers. It is wrong in {invented}"
    return f"{said} and right anyway in {right}." if (right := count_of(found.right)) else f"{said}."


def _reads_nothing(name: str) -> str:
    return f"{name_of(name)} reads no documents, so its answers to the same test questions count."
