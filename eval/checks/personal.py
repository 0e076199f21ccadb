"""Rows and documents with personal data, keys or passwords."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from eval.checks.finding import Finding, counted
from eval.checks.private import PERSONAL, SECRETS, Private, may_be_private, private_spans
from eval.task import Example, Task

_TRIED_AT_ONCE = 50_000  # rows, to save memory


def check_private(task: Task) -> Iterable[Finding]:
    rows = private_kinds(task.examples)
    documents = [_kinds_in(one.title, one.text) for one in task.documents]
    if secret := _held(rows, documents, SECRETS):
        where, kinds = secret
        yield Finding(
            "secrets",
            "warning",
            f"{where} what looks like a key or a password ({kinds}).",
            "Reports show rows, and a fine-tuned model can repeat its training data. Revoke them where they are used.",
            "Mask before running",
            tuple(row for row, found in rows.items() if found & SECRETS),
        )
    if personal := _held(rows, documents, PERSONAL):
        where, kinds = personal
        yield Finding(
            "personal-data",
            "info",
            f"{where} what looks like personal data ({kinds}).",
            "Reports show rows, and a fine-tuned model can repeat its training data. Leave it where answers need it, "
            "such as the number of a hotline.",
            "Mask before running",
            tuple(row for row, found in rows.items() if found & PERSONAL),
        )


def private_kinds(examples: Sequence[Example]) -> dict[str, frozenset[Private]]:
    """What is private in the rows, by id, without most of those that hold nothing."""
    rows: dict[str, frozenset[Private]] = {}
    for start in range(0, len(examples), _TRIED_AT_ONCE):
        some = examples[start : start + _TRIED_AT_ONCE]
        doubtful = may_be_private(["\n".join(_texts_of(one)) for one in some])
        rows |= {some[at].id: _kinds_in(*_texts_of(some[at])) for at in doubtful}
    return rows


def _texts_of(example: Example) -> tuple[str, ...]:
    return example.input, *example.answers, example.rejected


def _kinds_in(*texts: str) -> frozenset[Private]:
    return frozenset(kind for text in texts for _, _, kind in private_spans(text))


def _held(
    rows: dict[str, frozenset[Private]], documents: Collection[frozenset[Private]], kinds: frozenset[Private]
) -> tuple[str, str] | None:
    """Where something of these kinds is, and how often each; None if nowhere."""
    in_rows, in_documents = (sum(bool(found & kinds) for found in places) for places in (rows.values(), documents))
    counts = Counter(kind for found in (*rows.values(), *documents) for kind in sorted(found & kinds))
    named = ", ".join(f"{kind}: {count:,}" for kind, count in counts.most_common())
    if in_rows and in_documents:
        return f"{counted(in_rows, 'row', 'rows')} and {counted(in_documents, 'document', 'documents')} hold", named
    if in_rows:
        return counted(in_rows, "row holds", "rows hold"), named
    return (counted(in_documents, "document holds", "documents hold"), named) if in_documents else None
