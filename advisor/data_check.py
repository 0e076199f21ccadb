"""What was read from an upload and what was found in it, as one document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from advisor.as_json import AsJson
from advisor.plan import DEFAULT_MODEL, Setup
from eval.checks import Finding, check_task
from eval.mapping.columns import Columns
from eval.reading.table import Table
from eval.splitting.split import split_task
from eval.task import Document, Kind
from strategies.base_models import context_tokens

Severity = Literal["info", "warning", "serious"]
SEVERITIES = ("serious", "warning", "info")  # in the order of a list


@dataclass(frozen=True, slots=True)
class Found:
    """One finding. `fix` says what its one-click fix does; `--fix ID` applies it. `rows` are numbers as in the file."""

    id: str
    severity: Severity
    what: str
    why: str
    fix: str | None
    rows: tuple[int, ...]
    suggested: tuple[tuple[int, str], ...] = ()

    @staticmethod
    def of(finding: Finding) -> Found:
        return Found(
            finding.id,
            finding.severity,
            finding.what,
            finding.why,
            finding.mend,
            tuple(map(_number, finding.rows)),
            tuple((_number(row), label) for row, label in finding.suggested),
        )


@dataclass(frozen=True, slots=True)
class Sizes:
    train: int
    dev: int
    test: int


@dataclass(frozen=True, slots=True)
class DataCheck:
    """`notes` are sentences on how the file was read, which rows were left out, and what fixes changed."""

    schema: Literal[1]
    file: str
    rows: int
    documents: int
    columns: Columns
    columns_used: str
    kind: Kind
    kind_reason: str
    examples: int
    split: Sizes
    encoding: str
    sheets: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]
    findings: tuple[Found, ...]

    @property
    def is_serious(self) -> bool:
        return any(finding.severity == "serious" for finding in self.findings)


DATA_CHECK = AsJson[DataCheck](DataCheck)


def check_data(name: str, table: Table, documents: list[Document], setup: Setup) -> DataCheck:
    """Raises BadInput when the table gives no task under this setup."""
    built = setup.build(table, name, documents)
    split = split_task(built.task, seed=0)
    return DataCheck(
        1,
        name,
        len(table.rows),
        len(documents),
        setup.columns,
        built.columns_used,
        built.task.kind,
        built.kind_guess.reason,
        len(built.task.examples),
        Sizes(len(split.train), len(split.dev), len(split.test)),
        table.encoding,
        table.sheets,
        (*built.left_out, *split.notes),
        tuple(map(Found.of, check_task(built.task, context_tokens(DEFAULT_MODEL)))),
    )


def _number(identifier: str) -> int:
    return int(identifier.removeprefix("r"))
