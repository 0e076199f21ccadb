"""`python -m advisor check`: what is read from a file, and what is wrong or risky in it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from rich.text import Text

from advisor.command_line.terminal import Screen
from advisor.data_check import DATA_CHECK, SEVERITIES, DataCheck, Found, check_data
from advisor.plan import Setup
from advisor.render.cleaned import MASKED_TOO, cleaned_csv, masked_by
from advisor.runs.label_check import check_labels_apart
from advisor.storage.files import for_the_person
from advisor.storage.store import Store
from advisor.storage.upload import Upload
from advisor.wording import count_text, kind_in_sentence
from eval.task import BadInput

FOUND_SERIOUS = 3  # the exit code; 1 is an internal failure and 2 bad input
_ROWS_NAMED = 10
_COLOURS = {"serious": "bold red", "warning": "bold yellow", "info": "bold"}


def check(store: Store, upload: Upload, setup: Setup, options: argparse.Namespace) -> int:
    """Prints the check and returns the exit code."""
    checked = check_data(upload.name, upload.table, upload.documents, setup)
    if options.wrong_labels:
        checked = _with_wrong_labels(store, upload, setup, checked)
    if options.output:
        _write_cleaned(options.output, options.file, upload, setup)
        if masked_by(setup.steps):
            checked = replace(checked, notes=(*checked.notes, MASKED_TOO))
    if options.json:
        sys.stdout.write(DATA_CHECK.write(checked, indent=2) + "\n")
    else:
        _print(Screen(), checked)
    return FOUND_SERIOUS if checked.is_serious else 0


def _with_wrong_labels(store: Store, upload: Upload, setup: Setup, checked: DataCheck) -> DataCheck:
    read = setup.read(upload.table, upload.name, upload.documents).task
    with store.device_lock:
        found = check_labels_apart(read, setup.clean(read).task, store.home / "label_check.txt")
    if found.problem:
        raise BadInput(found.problem)
    if found.finding is None:
        return checked
    findings = (*checked.findings, Found.of(found.finding))
    return replace(checked, findings=tuple(sorted(findings, key=lambda one: SEVERITIES.index(one.severity))))


def _write_cleaned(output: Path, original: Path, upload: Upload, setup: Setup) -> None:
    read = setup.read(upload.table, upload.name, upload.documents).task
    content = cleaned_csv(upload.table, setup, read, setup.clean(read).task)
    if output.exists() and output.samefile(original):
        raise BadInput(f"{output} is the file to check; choose another --output.")
    try:
        with for_the_person():
            output.write_text(content, "utf-8-sig", newline="")
    except OSError as wrong:
        raise BadInput(f"The cleaned file can't be written to {output} ({wrong.strerror}); choose another.") from wrong


def _print(screen: Screen, checked: DataCheck) -> None:
    split = checked.split
    documents = f", with {count_text(checked.documents, 'document')}" if checked.documents else ""
    for sentence in (
        f"{checked.file}: {count_text(checked.rows, 'row')}{documents}.",
        checked.columns_used,
        f"Kind: {kind_in_sentence(checked.kind)}. {checked.kind_reason}",
        f"Split: {split.train:,} training, {split.dev:,} dev and {split.test:,} test rows.",
        *checked.notes,
    ):
        screen.print(Text(sentence), soft_wrap=True)
    if not checked.findings:
        screen.print("\nWe found nothing that would mislead a comparison.")
    for finding in checked.findings:
        screen.print()
        screen.print(Text.assemble((finding.severity, _COLOURS[finding.severity]), f": {finding.what}"), soft_wrap=True)
        for line in _details(finding):
            screen.print(Text(f"  {line}"), soft_wrap=True)


def _details(finding: Found) -> list[str]:
    lines = [finding.why]
    if finding.rows:
        named = ", ".join(map(str, finding.rows[:_ROWS_NAMED]))
        more = len(finding.rows) - _ROWS_NAMED
        lines.append(f"Rows: {named}{f' and {more:,} more' if more > 0 else ''}.")
    lines += [f"Row {row}: {label} fits better." for row, label in finding.suggested[:_ROWS_NAMED]]
    if finding.fix:
        lines.append(f"{finding.fix}: --fix {finding.id}")
    return lines
