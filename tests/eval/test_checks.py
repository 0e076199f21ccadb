"""Each finding appears where its flaw is, only there, and its mend takes it away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eval.checks import check_task, mend_task
from eval.splitting.duplicates import inputs_of
from eval.task import BadInput, Document, Kind, Task
from tests.checked_tasks import clean, findings, sentences, task_of


@pytest.mark.parametrize("kind", [Kind.CLASSIFICATION, Kind.ANSWERING, Kind.WRITING])
def test_of_clean_data_only_its_size_is_said(kind: Kind) -> None:
    assert list(findings(task_of(clean(), kind))) == ["power"]


FLAWED: dict[str, tuple[Task, tuple[str, ...]]] = {
    "duplicates": (task_of([*clean(), (clean()[0][0].upper() + "!", "right")]), ("r122",)),
    "conflicts": (task_of([*clean(), (clean()[0][0], "left")]), ("r2", "r122")),
    "label-spelling": (task_of([*clean(), *((text, "Left ") for text in sentences(130)[120:])]),
                       tuple(f"r{i}" for i in range(122, 132))),
    "rare-labels": (task_of([*clean(), (sentences(121)[120], "up")]), ("r122",)),
}  # fmt: skip


@pytest.mark.parametrize("identifier", FLAWED)
def test_a_flaw_is_found_and_mended(identifier: str) -> None:
    task, rows = FLAWED[identifier]
    finding = findings(task)[identifier]
    assert finding.rows == rows
    assert finding.mend
    mended = mend_task(task, identifier)
    assert identifier not in findings(mended)
    assert mend_task(mended, identifier) == mended
    if mended.kind is Kind.CLASSIFICATION:
        assert mended.labels == ("left", "right")


def test_mends_keep_what_they_should() -> None:
    assert len(mend_task(FLAWED["duplicates"][0], "duplicates").examples) == 120
    assert len(mend_task(FLAWED["conflicts"][0], "conflicts").examples) == 119
    assert len(mend_task(FLAWED["label-spelling"][0], "label-spelling").examples) == 130


@pytest.mark.parametrize(
    ("identifier", "task", "rows"),
    [
        ("near-duplicates", task_of([*clean(), (" ".join(reversed(clean()[0][0].split())), "right")]), ("r2", "r122")),
        ("long-inputs", task_of([*clean(), ("long word " * 751, "left")]), ("r122",)),
        ("label-in-input", task_of([(f"{text} {label}", label) for text, label in clean()]),
         tuple(f"r{i}" for i in range(2, 122))),
        ("imbalance", task_of([(text, "right" if i < 100 else "left") for i, (text, _) in enumerate(clean())]), ()),
    ],
)  # fmt: skip
def test_a_risk_without_a_mend_is_said(identifier: str, task: Task, rows: tuple[str, ...]) -> None:
    finding = findings(task)[identifier]
    assert finding.rows == rows
    assert finding.mend is None


def test_few_rows_say_how_vague_the_score_will_be() -> None:
    finding = findings(task_of(clean(64)))["few-rows"]
    assert "64 rows, about 16 of them test rows" in finding.what
    assert "within about 24 points" in finding.why  # 1.96 x 0.5 / sqrt(16)


def test_answers_that_differ_are_no_conflict_in_writing() -> None:
    pairs = [(text, f"A reply to {text}.") for text in sentences(120)]
    finding = findings(task_of([*pairs, (pairs[0][0], "Another reply.")], Kind.WRITING))["conflicts"]
    assert (finding.severity, finding.mend) == ("info", None)


def test_documents_without_text_and_ids_without_a_document() -> None:
    task = task_of(clean())
    first = replace(task.examples[0], document_ids=("a", "x"))
    documents = (Document("a", "A", "text"), Document("b", "B", " "))
    found = findings(replace(task, examples=(first, *task.examples[1:]), documents=documents))
    assert "1 document has no text: b." in found["empty-documents"].what
    assert found["unknown-documents"].rows == ("r2",)


def test_serious_findings_come_first() -> None:
    pairs = [*clean(), *clean()[:1], *((text, "Left") for text in sentences(130)[120:])]
    severities = [finding.severity for finding in check_task(task_of(pairs))]
    assert severities == sorted(severities, key=["serious", "warning", "info"].index)
    assert severities[0] == "serious"


def test_a_mend_that_leaves_nothing_to_compare_is_refused() -> None:
    with pytest.raises(BadInput, match="would leave 12 rows"):
        mend_task(task_of(clean(12) * 2), "duplicates")
    with pytest.raises(BadInput, match="no fix called 'magic'"):
        mend_task(task_of(clean()), "magic")


def test_near_duplicates_say_how_much_text_was_compared() -> None:
    pairs = [*clean(), (" ".join(reversed(clean()[0][0].split())), "right")]
    compared = "In so much text, we compare words, not letters."
    assert compared not in findings(task_of(pairs))["near-duplicates"].why
    long = [(f"{text} {' '.join(f'w{at}x{i}' for i in range(5_000))}", label) for at, (text, label) in enumerate(pairs)]
    long.append((f"{long[0][0]} so", "right"))
    assert findings(task_of(long))["near-duplicates"].why.endswith(compared)


def test_after_an_edit_the_private_rows_are_found_and_equal_inputs_are_known() -> None:
    task = task_of([*clean(), ("I am jo@doe.org", "left"), ("I am one of many", "left")])
    *others, private, last = task.examples
    assert findings(task)["personal-data"].rows == (private.id,)
    edited = replace(task, examples=(*others, private, replace(last, input="I am jo@doe.org now")))
    assert findings(edited)["personal-data"].rows == (private.id, last.id)
    relabelled = replace(edited, examples=(replace(others[0], target="left"), *edited.examples[1:]))
    assert inputs_of(relabelled.examples) is inputs_of(edited.examples)
    masked = mend_task(relabelled, "personal-data").examples
    assert [one.input for one in masked[-2:]] == ["I am [e-mail]", "I am [e-mail] now"]
    assert masked[:-2] == relabelled.examples[:-2] and "personal-data" not in findings(replace(task, examples=masked))
