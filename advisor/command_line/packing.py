"""`python -m advisor pack` and `unpack`: a finished run as one file, to share or to ship."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from advisor.command_line.terminal import Screen
from advisor.runs.report_files import write_report_again
from advisor.storage.files import check_replaceable, give, write_whole
from advisor.storage.packed import MOST_BYTES, pack, unpack
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.wording import memory_text
from eval.task import BadInput


def pack_run(store: Store, run_id: str, file: Path) -> None:
    run, content = store.run(run_id), pack(store, run_id)
    try:
        check_replaceable(file)
        write_whole(file, content)
        give(file)
    except OSError as wrong:
        raise BadInput(f"The packed run can't be written to {file} ({wrong.strerror}); choose another file.") from wrong
    _say(
        f"Packed run {run.id} into {file} ({memory_text(len(content))}). It contains your data, documents and all "
        "answers, but no trained model and none of your notes and clicks."
    )


def unpack_run(store: Store, file: Path) -> None:
    """The report is computed again from the answers, so it says what this version makes of them, and nothing else that
    somebody may have written into the file."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)  # one byte too many is refused
    except OSError as wrong:
        raise BadInput(f"{file} can't be read ({wrong.strerror}); check the path.") from wrong
    run = unpack(store, file.name, content, "shared")
    try:
        report = write_report_again(store, run)
        if store.report(run.id) is None:  # some figure of it is no number
            raise ValueError("the report can't be read back")
    except Exception as wrong:
        _take_back(store, run)
        raise BadInput(f"No report can be made of {file.name}; it may be damaged. Pack the run again.") from wrong
    except BaseException:  # Ctrl-C
        _take_back(store, run)
        raise
    _say(f"Added run {run.id} to your history: {report.recommendation.headline}")


def _take_back(store: Store, run: StoredRun) -> None:
    """With the data, if it came with the run."""
    store.delete_run(run.id)
    if any(one.id == run.dataset_id and one.created_at == run.created_at for one in store.unused_datasets()):
        store.delete_dataset(run.dataset_id)


def _say(sentence: str) -> None:
    Screen().print(Text(sentence), soft_wrap=True)
