"""The rows that a comparison would use, as a CSV file with the columns of the upload."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from advisor.plan import Setup
from eval.checks import masked, masked_kinds
from eval.checks.private import Private
from eval.mapping.label_sets import as_answer, labels_in, marked_labels
from eval.mapping.steps import Fix, Step, answer_cell
from eval.reading.decoding import number
from eval.reading.table import Table
from eval.reading.text_marks import inert
from eval.task import Kind, Task

_MOST_WAYS = 1_000  # to part an edited input, so that odd texts don't take forever
MASKED_TOO = "The cleaned file is masked in all columns, including those that the comparison doesn't use."


def cleaned_csv(table: Table, setup: Setup, read: Task, cleaned: Task) -> str:
    """One row per example of `cleaned`, with a header. Cells that no step changed stay as they were in `table`; rows
    that were left out or dropped are missing. `read` is the task before any step.

    Where a step masks, it masks the columns without a role too: people share this file. Only the split and the names
    of documents stay, since a mask would change what they mean.

    Write it as "utf-8-sig", or Excel misreads accents. Texts that a spreadsheet would run as a formula get a leading
    apostrophe, except numbers.
    """
    columns, kinds = setup.columns, masked_by(setup.steps)
    before = {example.id: example for example in read.examples}
    after = {example.id: example for example in cleaned.examples}
    rewritten = {one.id for one in cleaned.examples if one.answers != before[one.id].answers}
    if rewritten and cleaned.kind is Kind.MULTI_LABEL:  # a column has one way to write several labels
        rewritten = set(after)
    marks = _marks(table, columns.marked)
    others = {name for name in table.columns if name == columns.rejected or name not in columns.used}
    groups = _masked_groups(table.column(columns.group), kinds) if columns.group and kinds else {}
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
            cells |= _input_cells(example.input, {name: cells[name].strip() for name in columns.inputs})
        if example.id in rewritten and columns.marked:
            labels = labels_in(example.target)
            given = {*marked_labels(cells, columns.marked)}
            right = {name for name in columns.marked if as_answer([name]) in labels}
            cells |= {name: marks[name][name in right] for name in given ^ right}
        elif example.id in rewritten and columns.also:
            further = json.dumps(example.also_right, ensure_ascii=False) if example.also_right else ""
            cells |= {columns.target: example.target, columns.also: further}
        elif example.id in rewritten:
            cells[columns.target] = answer_cell(example)
        if kinds:
            cells |= {name: _masked_cell(name, cell, kinds) for name, cell in cells.items() if name in others}
        if columns.group:
            cells[columns.group] = groups.get(cells[columns.group].strip(), cells[columns.group])
        writer.writerow([cell if number(cell) is not None else inert(cell) for cell in (*cells.values(), *instruction)])
    return written.getvalue()


def masked_by(steps: Iterable[Step]) -> frozenset[Private]:
    """What these steps mask."""
    return masked_kinds(step.finding for step in steps if isinstance(step, Fix))


def _masked_cell(name: str, cell: str, kinds: Collection[Private]) -> str:
    """Masked as if its column's name stood before it: a number in a column "phone" is one."""
    head = f"{name}: "
    with_name = masked(head + cell, kinds)
    if cell.startswith(("{", "[")) or not with_name.startswith(head):
        return masked(cell, kinds)
    return with_name.removeprefix(head)


def _masked_groups(groups: Iterable[str], kinds: Collection[Private]) -> dict[str, str]:
    """The groups that hold something private, each with a mask of its own, so that they stay apart."""
    hidden = {group: text for group in dict.fromkeys(map(str.strip, groups)) if (text := masked(group, kinds)) != group}
    return {group: f"{text} {at}" for at, (group, text) in enumerate(hidden.items(), start=1)}


def _marks(table: Table, marked: Sequence[str]) -> dict[str, tuple[str, str]]:
    """What each column of labels says for no and for yes; a column that lacks one of them says it like another."""
    signs: dict[str, tuple[list[str], list[str]]] = {name: ([], []) for name in marked}
    for name, (no, yes) in signs.items():
        for cell in dict.fromkeys(table.column(name)):
            (yes if marked_labels({name: cell}, (name,)) else no).append(cell)
    any_no = next((no[0] for no, _ in signs.values() if no), "")
    any_yes = next((cell for _, yes in signs.values() for cell in yes if marked_labels({"": cell}, ("",))), "1")
    return {name: ((no or [any_no])[0], (yes or [any_yes])[0]) for name, (no, yes) in signs.items()}


def _input_cells(text: str, before: Mapping[str, str]) -> dict[str, str]:
    """An edited input, back in its columns; `before` is what they held. Joined inputs begin each column with its name;
    where a person removed the names, all of the text goes into the first column.

    A cell may hold such a name itself. Of all ways to part the text, the one that leaves most as it was is right.
    """
    first = next(iter(before))
    if len(before) == 1:
        return {first: text}
    heads = [*re.finditer(rf"^({'|'.join(map(re.escape, before))}):(?: |$)", text, flags=re.MULTILINE)]
    if not heads or heads[0].start():
        return dict.fromkeys(before, "") | {first: text}
    ways = (dict.fromkeys(before, "") | way for way in islice(_ways_to_part(text, heads), _MOST_WAYS))
    return max(ways, key=lambda way: _likeness(way, before))


def _ways_to_part(
    text: str, heads: Sequence[re.Match[str]], used: frozenset[str] = frozenset()
) -> Iterator[dict[str, str]]:
    """The cells in a text from a head on; each of the later heads may be part of a cell."""
    head, *later = heads
    used |= {head[1]}
    for at, following in enumerate(later):
        if following[1] not in used:
            for way in _ways_to_part(text, later[at:], used):
                yield {head[1]: text[head.end() : following.start()].removesuffix("\n")} | way
    yield {head[1]: text[head.end() :]}


def _likeness(way: Mapping[str, str], before: Mapping[str, str]) -> tuple[int, int]:
    """How many cells are the same, and how many characters at the beginnings and the ends of the others are."""
    changed = [(way[name], cell) for name, cell in before.items() if way[name] != cell]
    alike = sum(_same_beginning(*pair) + _same_beginning(*(text[::-1] for text in pair)) for pair in changed)
    return len(before) - len(changed), alike


def _same_beginning(one: str, other: str) -> int:
    signs = enumerate(zip(one, other, strict=False))
    return next((at for at, (first, second) in signs if first != second), min(len(one), len(other)))
