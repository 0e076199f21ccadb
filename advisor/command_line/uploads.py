"""The files of a task as the command line names them, with the meaning of their columns."""

from __future__ import annotations

import argparse
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from advisor.command_line.own_words import instruction_from, meanings_from
from advisor.decision.outside import ScoreFile
from advisor.plan import Setup
from advisor.samples import zipped
from advisor.storage.upload import Reading, Upload
from eval.mapping.columns import guess_columns
from eval.mapping.steps import Fix
from eval.reading.decoding import is_litter, readable_name
from eval.reading.documents import DOCUMENT_ENDINGS
from eval.reading.table import MAX_BYTES, Table
from eval.task import BadInput, Document

MOST_FILES = 200  # of scores
_SCORE_ENDINGS = (".eval", ".jsonl", ".json", ".csv", ".tsv", ".xlsx", ".parquet")
_AVERAGES = re.compile(r"results_\d{4}-\d\d-\d\dT.*\.json")  # lm-eval writes this beside the samples


def upload_of(options: argparse.Namespace) -> tuple[Upload, Setup]:
    """The files, read, with the meaning of their columns."""
    documents = documents_upload(options.docs) if options.docs else None
    reading = Reading(options.sheet, options.encoding)
    upload = Upload.read(options.file.name, read_file(options.file), documents, reading)
    return upload, _in_own_words(upload, _setup(upload.table, upload.documents, options), options)


def score_files(paths: Sequence[Path]) -> Iterator[ScoreFile]:
    """The files and what is in the folders, as `decide` reads them, each only when it is needed."""
    chosen = {path for path in paths if not path.is_dir()}
    files = list(dict.fromkeys(file for path in paths for file in ([path] if path in chosen else _scores_in(path))))
    if len(files) > MOST_FILES:
        raise BadInput(f"{len(files):,} files are too many; decide reads at most {MOST_FILES} at a time.")
    names = Counter(file.name for file in files)
    for file in files:
        name = file.name if names[file.name] == 1 else str(file)
        yield ScoreFile(readable_name(name), read_file(file), readable_name(file.resolve().parent.name), file in chosen)


def _scores_in(folder: Path) -> list[Path]:
    """Links aren't followed, because they may lead to any file of this machine."""
    found = sorted(Path(at, name) for at, _, names in os.walk(folder) for name in names)
    files = [
        file
        for file in found
        if file.name.lower().removesuffix(".gz").endswith(_SCORE_ENDINGS)
        and not is_litter(file.relative_to(folder).parts)
        and not _AVERAGES.fullmatch(file.name)
        and file.is_file()
        and not file.is_symlink()
    ]
    if not files:
        raise BadInput(f"{folder} holds no file with scores ({', '.join(_SCORE_ENDINGS)}); check the path.")
    return files


def read_file(path: Path) -> bytes:
    """Refuses a file that is too large before it fills the memory. A pipe or a device doesn't say how large it is, and
    some have no end."""
    most = f"the limit is {MAX_BYTES / 2**20:.0f} MB: use a part of it."
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise BadInput(f"{path.name} has {size / 2**20:.0f} MB, and {most}")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as wrong:
        raise BadInput(f"{path} can't be read ({wrong.strerror}); check the path.") from wrong
    if len(content) > MAX_BYTES:
        raise BadInput(f"{path.name} has more than {MAX_BYTES / 2**20:.0f} MB, and {most}")
    return content


def documents_upload(path: Path) -> tuple[str, bytes]:
    """A file as it is, or a folder as a ZIP of the documents in it. Links in the folder aren't followed, because
    they may lead to any file of this machine, which the report would then quote."""
    if not path.is_dir():
        return path.name, read_file(path)
    walked = os.walk(path, onerror=_refuse)
    inside = sorted(Path(at, name) for at, folders, names in walked for name in (*folders, *names))
    files = [file for file in inside if file.is_file() and not file.is_symlink()]
    read = {file for file in files if file.suffix.lower() in (*DOCUMENT_ENDINGS, ".zip")}
    if (size := sum(file.stat().st_size for file in read)) > MAX_BYTES:  # before they fill the memory
        most = f"the limit is {MAX_BYTES / 2**20:.0f} MB: use a part of them."
        raise BadInput(f"The documents in {path} have {size / 2**20:,.0f} MB, and {most}")
    links = [str(link.relative_to(path)) for link in inside if link.is_symlink()]
    # Other files go in without their content, to be named as not read.
    named = ((str(file.relative_to(path)), read_file(file) if file in read else b"") for file in files)
    return f"{path.resolve().name}.zip", zipped(named, links)


def _refuse(wrong: OSError) -> None:
    """A folder that can't be opened: without it, documents would be missing."""
    raise BadInput(f"{wrong.filename} can't be read ({wrong.strerror}); check the path.") from wrong


def _setup(table: Table, documents: list[Document], options: argparse.Namespace) -> Setup:
    """The columns as guessed, except those the person named, and the metric."""
    guessed = Setup.of(guess_columns(table, documents))
    source, *joined = options.input or (guessed.input, *guessed.joined)
    marked = tuple(options.target or guessed.marked)
    target = marked[0] if options.target else guessed.target
    chosen = {source, target, *joined}
    group, split, document, rejected, also = (
        None if column in chosen else column
        for column in (guessed.group, guessed.split, guessed.document, guessed.rejected, guessed.also)
    )
    own = options.metric if ":" in (options.metric or "") else None
    if own and options.require:
        raise BadInput("--require has no effect on your own metric: look for the phrases in your function.")
    metric = None if own else options.metric
    required = tuple(options.require)
    return Setup(
        source,
        target,
        group,
        split,
        document,
        metric=metric,
        required=required,
        own_metric=own,
        steps=tuple(map(Fix, options.fix)),
        joined=tuple(column for column in joined if column != target),
        rejected=rejected,
        kind=options.kind,
        marked=marked if len(marked) > 1 else (),
        also=also,
    )


def _in_own_words(upload: Upload, setup: Setup, options: argparse.Namespace) -> Setup:
    """The setup with the person's instruction and meanings."""
    if options.instruction:
        setup = replace(setup, instruction=instruction_from(options.instruction, read_file(options.instruction)))
    if options.labels:
        content = read_file(options.labels)
        labels = setup.build(upload.table, upload.name, upload.documents).task.labels
        setup = replace(setup, meanings=meanings_from(options.labels, content, labels))
    return setup
