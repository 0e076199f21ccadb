"""The rows that a comparison would use, as a CSV file with the columns of the upload."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence

from advisor.render.export import inert
from eval.columns import Columns
from eval.decoding import number
from eval.label_sets import as_answer, labels_in, marked_labels
from eval.steps import answer_cell
from eval.table import Table
from eval.task import Kind, Task


def cleaned_csv(table: Table, columns: Columns, read: Task, cleaned: Task) -> str:
    """One row per example of `cleaned`, with a header. Cells that no step changed stay as they were in `table`; rows
    that were left out or dropped are missing. `read` is the task before any step.

    Write it as "utf-8-sig", or Excel misreads accents. Texts that a spreadsheet would run as a formula get a leading
    apostrophe, except numbers.
    """
    before = {example.id: example for example in read.examples}
    after = {example.id: example for example in cleaned.examples}
    rewritten = {one.id for one in cleaned.examples if one.answers != before[one.id].answers}
    if rewritten and cleaned.kind is Kind.MULTI_LABEL:  # a column has one way to write several labels
        rewritten = set(after)
    marks = _marks(table, columns.marked)
    written = io.StringIO()
    writer = csv.writer(written)
    instruction = [table.instruction] if table.instruction else []  # of a chat; it has no column
    writer.writerow(map(inert, [*table.columns, *(["instruction"] if instruction else [])]))
    for position, row in zip(table.numbers(), table.rows, strict=True):
        example = after.get(f"r{position}")
        if example is None:
            continue
        cells = dict(zip(table.columns, row, strict=True))
        if example.input != before[example.id].input:
            cells |= _input_cells(example.input, columns.inputs)
        if example.id in rewritten and columns.marked:
            labels = labels_in(example.target)
            cells |= {name: marks[as_answer([name]) in labels] for name in columns.marked}
        elif example.id in rewritten and columns.also:
            further = json.dumps(example.also_right, ensure_ascii=False) if example.also_right else ""
            cells |= {columns.target: example.target, columns.also: further}
        elif example.id in rewritten:
            cells[columns.target] = answer_cell(example)
        writer.writerow([cell if number(cell) is not None else inert(cell) for cell in (*cells.values(), *instruction)])
    return written.getvalue()


def _marks(table: Table, marked: Sequence[str]) -> tuple[str, str]:
    """What the columns of labels say for no and for yes, as the table writes it."""
    cells = dict.fromkeys(cell for name in marked for cell in table.column(name))
    yes = {cell: bool(marked_labels({"": cell}, ("",))) for cell in cells}
    return next((cell for cell in cells if not yes[cell]), ""), next((cell for cell in cells if yes[cell]), "1")


def _input_cells(text: str, names: Sequence[str]) -> dict[str, str]:
    """An edited input, back in its columns. Joined inputs begin each column with its name; where a person removed the
    names, all of the text goes into the first column."""
    if len(names) == 1:
        return {names[0]: text}
    heads = "|".join(map(re.escape, names))
    before, *parts = re.split(rf"^({heads}): ", text, flags=re.MULTILINE)
    found = dict(zip(parts[::2], (part.removesuffix("\n") for part in parts[1::2]), strict=True))
    if before or len(found) * 2 != len(parts):
        found = {names[0]: text}
    return dict.fromkeys(names, "") | found
