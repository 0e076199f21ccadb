"""Which passages are right for which row: they hold its answer, or are of the document that the row names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eval.task import Document, Example, normalised
from strategies.search.passages import Passage, flattened, stands_in

# An answer that stands in more documents than these, such as "no", says little about where it was taken from.
MOST_DOCUMENTS, MOST_DOCUMENTS_SHARE = 3, 0.02


@dataclass(frozen=True, slots=True)
class Sought:
    """What a search should find for one row: a passage of one of the documents with one of the answers, or just of one
    of the documents if there are no `answers`."""

    row: Example
    document_ids: frozenset[str]
    answers: tuple[str, ...]

    def is_in(self, passage: Passage) -> bool:
        if passage.document_id not in self.document_ids:
            return False
        if not self.answers:
            return True
        text = flattened(passage.text)
        return any(stands_in(answer, text) for answer in self.answers)


def sought_by(rows: Iterable[Example], documents: Sequence[Document]) -> list[Sought]:
    """What each row seeks. Rows are left out whose answer stands nowhere if they name no document, and those that are
    the title of a document: any search finds that."""
    texts = {document.id: flattened(document.text) for document in documents}
    titles = {normalised(document.title) for document in documents}
    most = max(MOST_DOCUMENTS, MOST_DOCUMENTS_SHARE * len(documents))
    found = []
    for row in rows:
        if normalised(row.input) in titles:
            continue
        answers = tuple(flattened(answer) for answer in row.answers if answer.strip())
        named = [id for id in row.document_ids if id in texts]
        holding = [id for id in named or texts if any(stands_in(answer, texts[id]) for answer in answers)]
        if named:
            found.append(Sought(row, frozenset(holding or named), answers if holding else ()))
        elif 0 < len(holding) <= most:
            found.append(Sought(row, frozenset(holding), answers))
    return found
