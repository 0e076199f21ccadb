"""Documents without text, and rows that name a document that isn't there."""

from __future__ import annotations

from collections.abc import Iterable

from eval.checks.finding import Finding, counted, counted_rows, some_of
from eval.task import Task


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
