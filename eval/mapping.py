"""From a table to a task: what its columns mean and what kind of task it is."""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from eval.accepted import accepted_answers
from eval.scoring import read_json
from eval.table import Table
from eval.task import BadInput, Document, Example, Kind, Task, labels_of, normalised
from eval.words import count_words, usual_length

MIN_ROWS = 20
MAX_ANSWER_WORDS = 12  # a longer answer is written text, not a label or a short fact

_INPUT_WORDS = (
    "input", "question", "query", "prompt", "utterance", "message", "text", "request", "ticket", "body", "email",
    "comment", "review", "sentence", "description", "content",
)  # fmt: skip
_TARGET_WORDS = (
    "output", "target", "label", "labels", "category", "intent", "class", "answer", "completion", "reply", "response",
    "expected", "ideal", "gold", "order", "json", "result", "summary", "sentiment", "topic", "tag",
)  # fmt: skip
_MAY_HAVE_SEVERAL = (Kind.ANSWERING, Kind.WRITING)
_SPLIT_NAMES = {"split", "set", "fold", "subset"}
_GROUP_NAMES = {"group", "group_id", "customer_id", "user_id", "conversation_id", "thread_id", "session_id"}
_DOCUMENT_NAMES = {"doc_id", "doc_ids", "document", "documents", "document_id", "document_ids", "source_id"}
_SIDES = {
    "train": "train", "training": "train",
    "dev": "dev", "valid": "dev", "validation": "dev", "val": "dev", "development": "dev",
    "test": "test", "testing": "test", "eval": "test", "evaluation": "test", "holdout": "test", "held-out": "test",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Columns:
    """The column for each role; None if the table has none."""

    input: str
    target: str
    group: str | None = None
    split: str | None = None
    document: str | None = None


@dataclass(frozen=True, slots=True)
class KindGuess:
    """A kind and the reason for it, one sentence with its numbers."""

    kind: Kind
    reason: str


@dataclass(frozen=True, slots=True)
class BuiltTask:
    """A task, the kind its answers look like, and sentences on what was left out or doesn't fit."""

    task: Task
    kind_guess: KindGuess
    left_out: tuple[str, ...] = ()


def guess_columns(table: Table) -> Columns:
    """Guess the columns by name. If no name fits, the longest text is the input and the last column the target."""
    split = next((name for name in table.columns if _plain(name) in _SPLIT_NAMES and _holds_sides(table, name)), None)
    document = next((name for name in table.columns if _plain(name) in _DOCUMENT_NAMES), None)
    group = next((name for name in table.columns if _plain(name) in _GROUP_NAMES and name != document), None)
    special = {split, document, group}
    usable = [name for name in table.columns if name not in special and not _is_identifier(name)]
    if len(usable) < 2:
        usable = [name for name in table.columns if name != split]
    if len(usable) < 2:
        usable = list(table.columns)
    target = _best_named(usable, _TARGET_WORDS)
    source = _best_named([name for name in usable if name != target], _INPUT_WORDS)
    if source is None:
        source = max((name for name in usable if name != target), key=lambda name: sum(map(len, table.column(name))))
    if target is None:
        target = [name for name in usable if name != source][-1]
    chosen = {source, target}
    return Columns(source, target, *(None if name in chosen else name for name in (group, split, document)))


def infer_kind(inputs: Sequence[str], targets: Sequence[str], has_documents: bool) -> KindGuess:
    """The kind of task that `targets` (one for each of `inputs`) look like.

    With documents, a few answers may repeat by chance, so they must repeat more often to count as labels.
    """
    rows = len(targets)
    objects = sum(isinstance(read_json(target), dict) for target in targets)
    if objects >= 0.9 * rows:
        return KindGuess(Kind.EXTRACTION, f"{objects:,} of {rows:,} answers are JSON objects.")
    words = sorted(map(count_words, targets))
    # A repeated row doesn't mean that answers repeat, so each pair counts once.
    pairs = {(normalised(source), target.strip().casefold()) for source, target in zip(inputs, targets, strict=True)}
    uses = Counter(target for _, target in pairs)
    repeated = sum(count for count in uses.values() if count > 1)
    rows_per_label = 5 if has_documents else 2.5
    short = words[int(0.95 * (rows - 1))] <= MAX_ANSWER_WORDS
    if short and len(uses) * rows_per_label <= len(pairs) and repeated >= 0.9 * len(pairs):
        fewest = min(Counter(target.strip().casefold() for target in targets).values())
        each = f"each at least {fewest:,} times" if fewest > 1 else "most of them many times"
        return KindGuess(Kind.CLASSIFICATION, f"The {rows:,} rows have {len(uses):,} different answers, {each}.")
    length, unit = usual_length(targets)
    usual = f"{length:g} {unit}" if length == 1 else f"{length:g} {unit}s"
    if statistics.median(words) <= MAX_ANSWER_WORDS:
        return KindGuess(
            Kind.ANSWERING,
            f"The {rows:,} rows have {len(uses):,} different answers. Half of them have at most {usual}.",
        )
    return KindGuess(
        Kind.WRITING,
        f"The {rows:,} rows have {len(uses):,} different answers. Half of them have at least {usual}.",
    )


def build_task(
    table: Table,
    columns: Columns,
    *,
    kind: Kind | None,
    name: str,
    instruction: str = "",
    documents: Sequence[Document] = (),
) -> BuiltTask:
    """Build the task in `table`. `kind` None takes the kind the answers look like.

    Rows without an input or an answer are left out. In an extraction, so are rows whose answer isn't JSON, because they
    can't be scored. `left_out` lists them. An example's id is "r" and its row number in the file. Without an
    `instruction` the table's own is used. Raises BadInput if a named column is missing, a split value is unknown, fewer
    than `MIN_ROWS` rows can be used, or a classification has only one label.
    """
    _check_columns(table, columns)
    known_documents = {document.id for document in documents}
    examples: list[Example] = []
    without_input: list[int] = []
    without_target: list[int] = []
    for number, row in zip(table.numbers(), table.rows, strict=True):
        cells = dict(zip(table.columns, (cell.strip() for cell in row), strict=True))
        source, target = cells[columns.input], cells[columns.target]
        if not source:
            without_input.append(number)
        elif not target:
            without_target.append(number)
        else:
            examples.append(
                Example(
                    id=f"r{number}",
                    input=source,
                    target=target,
                    group=cells[columns.group] or None if columns.group else None,
                    split=_side(cells[columns.split], number, columns.split) if columns.split else None,
                    document_ids=_document_ids(cells[columns.document], known_documents)
                    if columns.document and documents  # without documents, their ids are useless
                    else (),
                )
            )
    _check_usable(columns, len(examples), len(table.rows))
    left_out = _left_out(without_input, "no input") + _left_out(without_target, "no answer")
    guess = infer_kind([e.input for e in examples], [e.target for e in examples], bool(documents))
    if (kind or guess.kind) in _MAY_HAVE_SEVERAL and (answers := accepted_answers([e.target for e in examples])):
        several = infer_kind([e.input for e in examples], [first for first, *_ in answers], bool(documents))
        if (kind or several.kind) in _MAY_HAVE_SEVERAL:  # a list of labels isn't a list of right answers
            guess = several
            examples = [
                replace(example, target=first, also_right=tuple(others))
                for example, (first, *others) in zip(examples, answers, strict=True)
            ]
            if more := sum(len(each) > 1 for each in answers):
                left_out += (f"{more:,} rows have several answers in column '{columns.target}': any counts as right.",)
    kind = kind or guess.kind
    if kind is Kind.EXTRACTION:
        without_json = {example.id for example in examples if read_json(example.target) is None}
        examples = [example for example in examples if example.id not in without_json]
        left_out += _left_out(sorted(int(identifier[1:]) for identifier in without_json), "no JSON as answer")
        if len(examples) < MIN_ROWS:
            raise BadInput(
                f"Only {len(examples)} of {len(table.rows):,} rows have JSON in column '{columns.target}', and at "
                f"least {MIN_ROWS} are needed to extract fields: choose another kind of task, or fix the answers."
            )
    labels = labels_of(examples) if kind is Kind.CLASSIFICATION else ()
    if len(labels) == 1:
        raise BadInput(
            f"Every row has the same answer ('{labels[0][:60]}') in column '{columns.target}': "
            "a choice needs rows of at least two labels."
        )
    named = {identifier for example in examples for identifier in example.document_ids}
    if documents and named and not named & known_documents:
        left_out += (
            f"Column '{columns.document}' names none of the documents (it has '{min(named)[:60]}', and a document is "
            f"called '{documents[0].id[:60]}'), so we can't check whether retrieval finds the right one.",
        )
    task = Task(name, kind, instruction or table.instruction, tuple(examples), tuple(documents), labels)
    return BuiltTask(task, guess, left_out)


def _plain(column: str) -> str:
    return re.sub(r"[\s-]+", "_", column.strip().casefold())


def _is_identifier(column: str) -> bool:
    return bool({"id", "index", "idx", "uuid", "nr", "date", "timestamp"} & set(_plain(column).split("_")))


def _holds_sides(table: Table, column: str) -> bool:
    return {value.strip().casefold() for value in table.column(column)} <= {"", *_SIDES}


def _best_named(columns: Sequence[str], words: Sequence[str]) -> str | None:
    """The column named by the earliest of `words`, else a column whose name contains it ("ticket_text")."""
    whole = {_plain(column): column for column in reversed(columns)}
    parts = {word: column for column in reversed(columns) for word in _plain(column).split("_")}
    return next((names[word] for names in (whole, parts) for word in words if word in names), None)


def _check_columns(table: Table, columns: Columns) -> None:
    for name in (columns.input, columns.target, columns.group, columns.split, columns.document):
        if name is not None and name not in table.columns:
            raise BadInput(f"There is no column '{name}': choose among {', '.join(table.columns)}.")
    if columns.input == columns.target:
        raise BadInput(f"Column '{columns.input}' is both the input and the answer: choose two different columns.")


def _check_usable(columns: Columns, usable: int, rows: int) -> None:
    if usable * 2 < rows:
        raise BadInput(
            f"{rows - usable:,} of {rows:,} rows have nothing in column '{columns.input}' or '{columns.target}': "
            "choose other columns or fill them."
        )
    if usable < MIN_ROWS:
        raise BadInput(
            f"Only {usable} {'row has' if usable == 1 else 'rows have'} both an input and an answer, and at least "
            f"{MIN_ROWS} are needed to compare anything: add more."
        )


def _side(value: str, number: int, column: str) -> str | None:
    if not value:
        return None
    side = _SIDES.get(value.casefold())
    if side is None:
        raise BadInput(f"Row {number} has '{value[:60]}' in column '{column}': write train, dev or test there.")
    return side


def _document_ids(cell: str, known: set[str]) -> tuple[str, ...]:
    """One id, a JSON list of ids, or ids separated by | or ;."""
    if cell in known or not cell:
        return (cell,) if cell else ()
    if cell.startswith("["):
        try:
            return tuple(str(item) for item in json.loads(cell))
        except ValueError:
            pass
    return tuple(part.strip() for part in re.split(r"[|;]", cell) if part.strip())


def _left_out(numbers: Sequence[int], lack: str) -> tuple[str, ...]:
    if not numbers:
        return ()
    if len(numbers) == 1:
        return (f"Row {numbers[0]} has {lack} and was left out.",)
    named = [str(number) for number in numbers[:5]]
    if len(numbers) > len(named):
        listed = f"the first are {', '.join(named)}"
    else:
        listed = f"rows {', '.join(named[:-1])} and {named[-1]}"
    return (f"{len(numbers):,} rows have {lack} and were left out: {listed}.",)
