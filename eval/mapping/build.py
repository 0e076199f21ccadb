"""From a table to a task: which rows are examples, with which answers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from eval.mapping.accepted import accepted_answers
from eval.mapping.answers import doubts, refuse_images, refuse_spans, repaired, without_stop_marks, without_thoughts
from eval.mapping.columns import Columns
from eval.mapping.document_ids import DocumentNames
from eval.mapping.gaps import Gaps, blank_answers, most_common, rows_without
from eval.mapping.kinds import MOSTLY_NUMBERS, KindGuess, infer_kind, labels_for
from eval.mapping.label_sets import NO_LABEL, all_labels, as_answer, as_label_sets, label_sets, marked_labels, writes_no
from eval.mapping.names import TURNS_COLUMN, plain, side_of
from eval.reading.chat import turns_in
from eval.reading.question_sets import distinct
from eval.reading.table import Table
from eval.scoring import read_json
from eval.scoring.closeness import MOST_RATINGS, is_number, number_in, without_highest
from eval.task import BadInput, Document, Example, Kind, Task

MIN_ROWS = 20

_INSTRUCTION_NAMES = {"instruction", "instructions", "system", "system_prompt"}
_WHOLE = re.compile(r"(-?\d+)(?:\.0+)?")
_MAY_HAVE_SEVERAL = (Kind.ANSWERING, Kind.WRITING)


@dataclass(frozen=True, slots=True)
class BuiltTask:
    """A task, the kind its answers look like, sentences on what was left out or doesn't fit, and one on the columns."""

    task: Task
    kind_guess: KindGuess
    left_out: tuple[str, ...] = ()
    columns_used: str = ""


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

    Rows without an input or an answer are left out, and those whose value for the split is unknown. In an extraction,
    so are rows whose answer isn't JSON, because they can't be scored. `left_out` lists them. An example's id is "r" and
    its row number in the file. Without an `instruction` the table's own is used. Raises BadInput if a named column is
    missing, fewer than `MIN_ROWS` rows can be used, most values of the split are unknown, or a classification has only
    one label.
    """
    _check_columns(table, columns)
    if not columns.joined:
        refuse_images(columns.input, table.column(columns.input))
    refuse_spans(columns.target, table.column(columns.input), table.column(columns.target))
    names = DocumentNames(documents)
    shared = _shared_instruction(table, columns)
    examples: list[Example] = []
    gaps = Gaps(blank=blank_answers(table, columns), needs_mark=writes_no(table, columns.marked))
    for number, row in zip(table.numbers(), table.rows, strict=True):
        cells = dict(zip(table.columns, map(str.strip, row), strict=True))
        side = side_of(cells[columns.split], columns.split) if columns.split else None
        if gaps.found(number, cells, columns, side):
            continue
        examples.append(
            Example(
                id=f"r{number}",
                input=_input(cells, columns.inputs),
                target=as_answer(marked_labels(cells, columns.marked)) if columns.marked else cells[columns.target],
                group=cells[columns.group] or None if columns.group else None,
                split=side,
                # without documents, their ids are useless
                document_ids=names.in_cell(cells[columns.document]) if columns.document and documents else (),
                rejected=_rejected(cells[columns.rejected]) if columns.rejected else "",
                turns=turns_in(cells.get(TURNS_COLUMN, "")),
                also_right=(cells[columns.also],) if columns.also and cells[columns.also] else (),
            )
        )
    _check_usable(columns, len(examples), len(table.rows), gaps)
    _check_inputs_differ(examples, columns)
    left_out = table.notes + gaps.sentences(columns)
    if shared:
        left_out += (f"Every row has the same text in column '{shared[0]}', so it is the instruction of the task.",)
    if columns.marked:
        examples, told = _one_label_each(examples)
        left_out += told
    inputs, input_notes = without_stop_marks([example.input for example in examples], "inputs")
    answers, thought_notes = without_thoughts([example.target for example in examples])
    targets, target_notes = repaired(answers)
    target_notes = thought_notes + target_notes
    if input_notes or target_notes or targets[0] != examples[0].target:
        examples = [
            replace(example, input=source, target=target)
            for example, source, target in zip(examples, inputs, targets, strict=True)
        ]
    left_out += input_notes + target_notes
    guess = _guess(examples, columns, documents)
    examples, guess, told = _with_several(examples, columns, kind, guess, documents)
    left_out += told
    kind = kind or guess.kind
    if kind is Kind.MULTI_LABEL and not columns.marked:
        examples, told = _with_label_sets(examples, columns)
        left_out += told
    if kind is Kind.NUMBER:
        examples, told = _with_numbers(examples, columns)
        left_out += told
    left_out += doubts(table, columns, kind, [example.target for example in examples])
    if kind is Kind.EXTRACTION:
        without_json = {example.id for example in examples if read_json(example.target) is None}
        examples = [example for example in examples if example.id not in without_json]
        left_out += rows_without(sorted(int(identifier[1:]) for identifier in without_json), "no JSON as answer")
        if len(examples) < MIN_ROWS:
            raise BadInput(
                f"Only {len(examples)} of {len(table.rows):,} rows have JSON in column '{columns.target}', and at "
                f"least {MIN_ROWS} are needed to extract fields: choose another kind of task, or fix the answers."
            )
    labels = labels_for(kind, examples)
    if len(labels) == 1:
        shown = " ".join(labels[0][:60].split())
        raise BadInput(
            f"Every row has the same answer ('{shown}') in column '{columns.target}': "
            "a choice needs rows of at least two labels."
        )
    named = {identifier for example in examples for identifier in example.document_ids}
    if documents and named and not named & set(names.ids):
        left_out += (
            f"Column '{columns.document}' names none of the documents (it has '{min(named)[:60]}', and a document is "
            f"called '{documents[0].id[:60]}'), so we can't check whether retrieval finds the right one.",
        )
    instruction = instruction or instruction_in(table, columns)
    task = Task(name, kind, instruction, tuple(examples), tuple(documents), labels)
    return BuiltTask(task, guess, left_out, columns.sentence(table))


def _guess(examples: Sequence[Example], columns: Columns, documents: Sequence[Document]) -> KindGuess:
    targets = [example.target for example in examples]
    if columns.marked and (several := sum(";" in target for target in targets)):
        labels = len(all_labels(targets))
        return KindGuess(Kind.MULTI_LABEL, f"{several:,} of {len(targets):,} rows have several of {labels:,} labels.")
    return infer_kind([example.input for example in examples], targets, bool(documents), columns.target)


def _one_label_each(examples: Sequence[Example]) -> tuple[list[Example], tuple[str, ...]]:
    """Rows without a mark, where no row has several, lack their label. Where some have several, a row may have none."""
    if any(";" in example.target for example in examples):
        return list(examples), ()
    kept = [example for example in examples if example.target != NO_LABEL]
    return kept, rows_without([int(one.id[1:]) for one in examples if one.target == NO_LABEL], "no label")


def _with_label_sets(examples: Sequence[Example], columns: Columns) -> tuple[list[Example], tuple[str, ...]]:
    cells = [example.target for example in examples]
    sets = label_sets(cells, may_be_numbers=True) or as_label_sets(cells)
    several = sum(len(labels) > 1 for labels in sets)
    told = (f"{several:,} of {len(sets):,} rows have several labels in column '{columns.target}'.",)
    return [replace(one, target=as_answer(each)) for one, each in zip(examples, sets, strict=True)], told


def _with_numbers(examples: Sequence[Example], columns: Columns) -> tuple[list[Example], tuple[str, ...]]:
    """Ratings without the highest one ("4/5"), whole numbers without ".0", so that 4 and 4.0 are one rating. Rows
    without a number are left out."""
    given = without_highest([example.target for example in examples])
    examples = [
        replace(one, target=target) if target != one.target else one
        for one, target in zip(examples, given, strict=True)
    ]
    plain_values = {number_in(target) for target in given if is_number(target)}
    are_plain = sum(map(is_number, given)) >= MOSTLY_NUMBERS * len(given)
    are_ratings = len(plain_values) <= MOST_RATINGS

    def lacks_number(target: str) -> bool:
        """Where nearly all answers are numbers, one in a text counts only as a rating that others have."""
        value = number_in(target)
        sure = not are_plain or is_number(target) or (are_ratings and value in plain_values)
        return value is None or not sure

    lack = [lacks_number(target) for target in given]
    kept = [one for one, lacks in zip(examples, lack, strict=True) if not lacks]
    if len(kept) < MIN_ROWS:
        raise BadInput(
            f"Only {len(kept)} of {len(examples):,} rows have a number in column '{columns.target}', and at least "
            f"{MIN_ROWS} are needed: choose another kind of task, or fix the answers."
        )
    told = rows_without(
        [int(one.id[1:]) for one, lacks in zip(examples, lack, strict=True) if lacks], "no clear number"
    )
    if all(is_number(one.target) and _WHOLE.fullmatch(one.target) for one in kept):
        return [replace(one, target=_WHOLE.sub(r"\1", one.target)) for one in kept], told
    spellings: dict[float | None, set[str]] = defaultdict(set)
    for one in kept:
        spellings[number_in(one.target)].add(one.target)
    several = next((sorted(texts) for texts in spellings.values() if len(texts) > 1), None)
    if several and len(spellings) <= MOST_RATINGS:
        kept = [replace(one, target=f"{number_in(one.target):.10g}") for one in kept]
        told += (
            f"Column '{columns.target}' writes the same rating in several ways, such as '{several[0]}' and "
            f"'{several[1]}', so we use plain numbers.",
        )
    return kept, told


def _rejected(cell: str) -> str:
    """The first of several rejected answers, without a model's thoughts, and as JSON if ideal answers would be."""
    several = accepted_answers([cell]) if cell.startswith("[") else None
    (text,), _ = without_thoughts([several[0][0] if several and several[0] else cell])
    return repaired([text])[0][0]


def _input(cells: Mapping[str, str], columns: Sequence[str]) -> str:
    """One column's text, or the texts of several with their names."""
    if len(columns) == 1:
        return cells[columns[0]]
    return "\n".join(f"{name}: {cells[name]}" for name in columns if cells[name])


def instruction_in(table: Table, columns: Columns) -> str:
    """The instruction that the file itself gives for all its rows, or ""."""
    shared = _shared_instruction(table, columns)
    return table.instruction or (shared[1] if shared else "")


def _shared_instruction(table: Table, columns: Columns) -> tuple[str, str] | None:
    """A column that is no input and holds the same instruction in every row, and the instruction."""
    for name in table.columns:
        if plain(name) in _INSTRUCTION_NAMES and name not in columns.used:
            texts = {text.strip() for text in table.column(name)}
            if len(texts) == 1 and (text := texts.pop()):
                return name, text
    return None


def _check_columns(table: Table, columns: Columns) -> None:
    for name in columns.used:
        if name not in table.columns:
            raise BadInput(f"There is no column '{name}': choose among {', '.join(table.columns)}.")
    if columns.target in columns.inputs:
        raise BadInput(f"Column '{columns.target}' is both the input and the answer: choose two different columns.")


def _check_usable(columns: Columns, usable: int, rows: int, gaps: Gaps) -> None:
    if len(gaps.unknown) * 2 > rows:
        raise BadInput(
            f"{len(gaps.unknown):,} of {rows:,} rows have a value in column '{columns.split}' that isn't train, dev or "
            f"test ({most_common(gaps.unknown.values())}): correct these values, or choose no column for the split."
        )
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


def _check_inputs_differ(examples: Sequence[Example], columns: Columns) -> None:
    same = examples[0].input
    if all(example.input == same for example in examples):
        shown = " ".join(same[:60].split())
        where = " and ".join(f"'{name}'" for name in columns.inputs)
        raise BadInput(
            f"Every row has the same input ('{shown}') in column{'s' if columns.joined else ''} {where}, so "
            "nothing can tell the rows apart: choose another column as the input."
        )


def _with_several(
    examples: list[Example], columns: Columns, kind: Kind | None, guess: KindGuess, documents: Sequence[Document]
) -> tuple[list[Example], KindGuess, tuple[str, ...]]:
    """The examples with every right answer of a cell or of a further column, the kind of the first answers, and
    sentences on that. A list of labels isn't a list of right answers."""
    cells = [example.target for example in examples]
    answers = accepted_answers(cells) or ([(cell,) for cell in cells] if columns.also else None)
    if answers is None or (kind or guess.kind) not in _MAY_HAVE_SEVERAL:
        return [replace(example, also_right=()) for example in examples] if columns.also else examples, guess, ()
    found = []
    for example, first in zip(examples, answers, strict=True):
        further = (accepted_answers(example.also_right) or [example.also_right])[0]
        target, *others = distinct([*first, *further]) if first else [""]
        found.append(replace(example, target=target, also_right=tuple(others)))
    kept = [example for example in found if example.target]
    several = _guess(kept, columns, documents)
    if several.kind is Kind.NUMBER:  # how close a number is to the first of several says little
        several = replace(several, kind=Kind.ANSWERING)
    if (kind or several.kind) not in _MAY_HAVE_SEVERAL:
        return [replace(example, also_right=()) for example in examples], guess, ()
    empty = [int(example.id[1:]) for example in found if not example.target]
    more = sum(bool(example.also_right) for example in kept)
    listed = f"{more:,} rows have several answers in column '{columns.also or columns.target}': any counts as right."
    return kept, several, (*rows_without(empty, "no answer (an empty list)"), *((listed,) if more else ()))
