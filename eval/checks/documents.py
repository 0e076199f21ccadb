"""Documents without text, rows that name a document that isn't there, and answers that no document holds."""

from __future__ import annotations

from collections.abc import Iterable

from eval.checks.finding import Finding, counted, counted_rows, some_of
from eval.scoring.collection import Collection, all_values, values_of
from eval.task import Example, Kind, Task
from eval.words import bare_words

MOST_ROWS = 500  # whose answers are looked for
MOST_CHARACTERS = 1_000_000  # of documents, whose facts take some ten seconds to read
_HELD = 0.7  # share of an answer's facts that documents must hold; below it, covid_faq and xquad_en have no row
_FEW = 0.2


def check_documents(task: Task) -> Iterable[Finding]:
    empty = tuple(document.id for document in task.documents if not document.text.strip())
    if empty:
        yield Finding(
            "empty-documents",
            "warning",
            f"{counted(len(empty), 'document has', 'documents have')} no text: {some_of(empty)}.",
            "Retrieval can't find anything in them. They may be scans without recognised text.",
        )
    known = {document.id for document in task.documents}
    rows = tuple(example.id for example in task.examples if not known.issuperset(example.document_ids))
    if rows and known:
        yield Finding(
            "unknown-documents",
            "warning",
            f"{counted_rows(rows, 'names', 'name')} a document that you didn't upload.",
            "For these rows, we can't check whether retrieval finds the right document.",
            rows=rows,
        )


def check_answers_in_documents(task: Task) -> Iterable[Finding]:
    size = sum(len(document.text) for document in task.documents)
    if task.kind not in (Kind.ANSWERING, Kind.WRITING) or not 0 < size <= MOST_CHARACTERS:
        return
    looked_at = task.examples[:: -(-len(task.examples) // MOST_ROWS)]
    words = {word for one in task.documents for word in bare_words(f"{one.title} {one.text}").split()}
    doubtful = [row for row in looked_at if not words.issuperset(bare_words(row.target).split())]
    if not doubtful:
        return
    collection = Collection(looked_at, task.documents, looked_at)
    rows = tuple(row.id for row in doubtful if _share_held(row, collection) < _HELD)
    if rows:
        some = f" (of {len(looked_at):,} looked at)" if len(looked_at) < len(task.examples) else ""
        yield Finding(
            "answers-nowhere",
            "info" if len(rows) < _FEW * len(looked_at) else "warning",
            f"{counted_rows(rows, 'has', 'have')} an answer whose facts are in no document{some}.",
            "Retrieval can't find these answers. Upload the documents that hold them, or compare strategies with that "
            "in mind.",
            rows=rows,
        )


def _share_held(row: Example, collection: Collection) -> float:
    """The share of the numbers, dates and names of an answer, beyond those of its input, that some document holds. Rare
    words count little, and decide if there is nothing else. 1 if the answer adds nothing to its input."""
    asked = set(all_values(collection.read(row.input)))
    found = total = 0.0
    for fact in collection.read(row.target).facts:
        for value in values_of(fact):
            if value not in asked:
                weight = 1.0 if fact.is_hard else 0.1 * collection.rarity(value)
                total += weight
                found += weight * collection.stands_in_any(value)
    return found / total if total else 1.0
