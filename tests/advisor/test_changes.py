from __future__ import annotations

from advisor.report.changes import compare_data, compare_documents
from eval.task import Document, Example


def rows(*pairs: tuple[str, str]) -> list[Example]:
    return [Example(f"r{number}", source, target) for number, (source, target) in enumerate(pairs)]


def test_rows_are_matched_by_their_normalised_input() -> None:
    before = rows(("Where is it?", "a"), ("How much is it", "b"), ("gone", "c"))
    after = rows(("new", "d"), ("how  MUCH is it?", "changed"), ("where is it", "a"))
    change = compare_data(before, after)
    assert [example.input for example in change.added] == ["new"]
    assert [example.input for example in change.removed] == ["gone"]
    assert [(old.target, new.target) for old, new in change.changed] == [("b", "changed")]
    assert change.unchanged == 1


def test_repeated_inputs_are_matched_with_equal_answers_first() -> None:
    change = compare_data(rows(("x", "a"), ("x", "b")), rows(("x", "b"), ("x", "a"), ("x", "c")))
    assert change.unchanged == 2 and not change.changed and not change.removed
    assert [example.target for example in change.added] == ["c"]


def test_equal_data_has_no_change() -> None:
    same = rows(("x", "a"), ("y", "b"))
    change = compare_data(same, same)
    assert (change.added, change.removed, change.changed, change.unchanged) == ((), (), (), 2)


def test_documents_are_matched_by_their_id() -> None:
    before = [Document("a", "A", "same"), Document("b", "B", "old"), Document("c", "", "gone")]
    after = [Document("a", "A", "same"), Document("b", "B", "new"), Document("d", "D", "come")]
    change = compare_documents(before, after)
    assert (change.added, change.removed, change.changed) == (("D",), ("c",), ("B",))
