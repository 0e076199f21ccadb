"""The report as Markdown, to paste into a document or a ticket."""

from __future__ import annotations

import re
from collections.abc import Sequence

from advisor.candidates import preferred
from advisor.schema import Candidate, Report
from advisor.sections import answers
from advisor.sections.answers import AnsweredRow
from advisor.sections.blocks import Block, Bullets, Cell, Chart, Definitions, Folded, Section, Table, Text
from advisor.sections.contents import SECTIONS, MakeSection, sections_of
from advisor.sections.opening import opening_of
from advisor.storage.own_marks import OwnMark
from advisor.wording import count_text, name_of
from eval.mapping.accepted import any_of
from eval.outcomes import Trial
from eval.task import Example

_CODES = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ROWS, _CHARACTERS = 10, 200  # of answers side by side, which outcomes.csv has in full


def render_markdown(
    report: Report,
    made_by: Sequence[MakeSection] = SECTIONS,
    trials: Sequence[Trial] = (),
    examples: Sequence[Example] = (),
    marks: Sequence[OwnMark] = (),
    origin: str = "",
) -> str:
    """The verdict, then every section and, with the trials and the test examples, some answers; ends with a line break.
    `origin` says where a report comes from that wasn't measured here."""
    opening, sections = opening_of(report), sections_of(report, made_by)
    lines = [
        *([f"*{escaped(origin)}*", ""] if origin else []),
        *(line for section in sections if section.is_first for line in _section(section)),
        f"# {escaped(opening.headline)}",
        "",
        escaped(opening.subject),
        "",
        f"**{escaped(opening.confidence)}**",
        "",
        *(
            [f"{opening.role}{escaped(name_of(opening.shown))}. {escaped(opening.explanation)}".strip(), ""]
            if opening.shown
            else []
        ),
        *(f"- {escaped(f'{one.label}: {one.value} ({one.in_one_line})')}" for one in opening.figures),
        "",
        *(_block(opening.chart) if opening.chart else []),
    ]
    lines += [line for section in sections if not section.is_first for line in _section(section)]
    lines += _answers(answers.answered_rows(report, trials, examples, marks), preferred(report))
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Text that Markdown shows as it stands, on one line, also inside a table. Between two $, many programs would write
    it as mathematics. Codes that a terminal obeys are left out, because people print the file in one."""
    return re.sub(r"([\\`*_\[\]<>|#~&$])", r"\\\1", _CODES.sub("", " ".join(text.split())))


def _section(section: Section) -> list[str]:
    return [
        f"## {escaped(section.full_heading)}",
        "",
        *_body(section),
    ]


def _body(section: Section) -> list[str]:
    """Beside the chart there are only sentences, and how they were found is said under "All metrics"."""
    if section.place == "beside the chart":
        return [line for block in section.blocks for line in _block(block)]
    return [
        f"**{escaped(section.summary)}**",
        "",
        *(line for block in section.beyond_summary for line in _block(block)),
        *([f"*How we computed this:* {escaped(section.how)}", ""] if section.how else []),
    ]


def _block(block: Block) -> list[str]:
    match block:
        case Text(text):
            return [escaped(text), ""]
        case Bullets(sentences, further, _):
            return [*(f"- {escaped(sentence)}" for sentence in (*sentences, *further)), ""]
        case Table():
            return [line for part in block.parts for line in _table(part)]
        case Definitions(pairs):
            return [*(f"- {escaped(f'{heading}: {said}')}" for heading, said in pairs), ""]
        case Chart():
            return [escaped(block.caption), ""] if block.caption else []
        case Folded(title, blocks):
            inner = [line for each in blocks for line in _block(each)]
            return [f"<details><summary>{escaped(title)}</summary>", "", *inner, "</details>", ""]


def _table(table: Table) -> list[str]:
    heads = [escaped(table.corner), *(escaped(head.in_full) for head in table.heads)]
    rows = [
        [escaped(f"{row.heading}: {row.meaning}" if row.meaning else row.heading), *map(_cell, row.cells)]
        for row in table.rows
    ]
    return [_line(heads), _line(["---"] * len(heads)), *map(_line, rows), ""]


def _answers(rows: Sequence[AnsweredRow], shown: Sequence[Candidate]) -> list[str]:
    if not rows:
        return []
    some = sorted(rows, key=lambda row: len(set(row.right.values())) < 2)[:_ROWS]
    heads = ["Input", "Expected", *(escaped(name_of(one.id)) for one in shown)]
    lines = [
        [_cut(row.example.input), _cut(any_of(row.example.answers)), *(_answer(row, one.id) for one in shown)]
        for row in some
    ]
    of = f"{len(some)} of {len(rows):,} test rows" if len(some) < len(rows) else count_text(len(rows), "test row")
    note = f"{of}, those first on which strategies differ. outcomes.csv has all answers in full."
    table = [_line(heads), _line(["---"] * len(heads)), *map(_line, lines)]
    return [f"## {escaped(answers.TITLE)}", "", note, "", *table, ""]


def _answer(row: AnsweredRow, strategy: str) -> str:
    if strategy not in row.outcomes:
        return ""
    outcome = row.outcomes[strategy]
    said = "; ".join(filter(None, (row.judgement_in_full(strategy), _cut(row.own_judgement(strategy)))))
    return f"{_cut(outcome.error or outcome.text)} ({said})"


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return escaped(text if len(text) <= _CHARACTERS else f"{text[: _CHARACTERS - 1]}…")


def _cell(cell: Cell) -> str:
    return escaped(f"{cell.text} ({cell.note})" if cell.note else cell.text)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
