"""Odd files that people really have: for each, what is read is what `tests/cases/expected.json` says.

There, `should` is the behaviour that was asked for, in words. `read` is what is read: columns, kind, rows, and every
sentence about it that a person is shown.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.checks import check_task
from eval.mapping.build import build_task
from eval.mapping.columns import guess_columns
from eval.reading.documents import FoundDocuments, read_documents
from eval.reading.table import read_table
from eval.task import BadInput, Task, normalised
from tests.scored import score

CASES = Path(__file__).parents[1] / "cases"
EXPECTED: dict[str, dict[str, Any]] = json.loads((CASES / "expected.json").read_text())


def what_is_read(file: str, documents: str | None) -> dict[str, Any]:
    """What a person is shown of an upload, without what is empty."""
    found = FoundDocuments([])
    shown: dict[str, Any] = {}
    try:
        table = read_table(file, (CASES / file).read_bytes())
    except BadInput as refusal:
        return {"refused": str(refusal)}
    if documents:
        try:
            found = read_documents(documents, (CASES / documents).read_bytes())
            first = found.documents[0]
            shown["documents"] = [len(found.documents), first.id, first.title, first.text[:80]]
            shown["said of documents"] = list(found.notes)
        except BadInput as refusal:
            shown["documents refused"] = str(refusal)
    columns = guess_columns(table, found.documents)
    shown["columns"] = columns.sentence(table)
    try:
        built = build_task(table, columns, kind=None, name="case", documents=found.documents)
    except BadInput as refusal:
        return shown | {"refused": str(refusal)}
    task = built.task
    example = task.examples[0]
    shown |= {
        "kind": task.kind.value,
        "rows": len(task.examples),
        "labels": list(task.labels[:6]),
        "instruction": task.instruction,
        "first row": [example.input, *example.answers],
        "its documents": list(example.document_ids),
        "rejected": example.rejected,
        "said": list(built.left_out),
        "findings": [finding.what for finding in check_task(task)],
    }
    return {key: value for key, value in shown.items() if value}


@pytest.mark.parametrize("file", EXPECTED)
def test_a_file_is_read_as_it_should_be(file: str) -> None:
    assert what_is_read(file, EXPECTED[file]["documents"]) == EXPECTED[file]["read"]


@pytest.mark.parametrize("file", [file for file, case in EXPECTED.items() if case["fault"] == "normalised-too-much"])
def test_inputs_that_differ_in_a_sign_are_different(file: str) -> None:
    task = _task(file)
    assert len({normalised(example.input) for example in task.examples}) == len(task.examples)


def test_a_number_with_a_lost_decimal_point_is_wrong() -> None:
    task = _task("answers_numbers_scored_as_digits.csv")
    assert score(task.kind, "1.5 €", "1.50 €").value == 1
    assert score(task.kind, "15 €", "1.50 €").value == 0


def _task(file: str) -> Task:
    table = read_table(file, (CASES / file).read_bytes())
    return build_task(table, guess_columns(table), kind=None, name="case").task
