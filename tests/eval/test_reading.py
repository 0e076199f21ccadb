"""Uploads are read in a child: it returns what a reader finds, and whatever ends it is one sentence."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.reading.apart import _read_apart, read_documents_apart, read_table_apart
from eval.reading.documents import FoundDocuments, read_documents
from eval.reading.table import read_table
from eval.task import BadInput
from tests import tiny_readers
from tests.bad_uploads import TABLE

ROOT = Path(__file__).parents[2]
DAMAGED = "a.pdf is damaged, or needs too much memory once unpacked: save it again, or give a part of it."
SLOW = "a.pdf takes too long to read (1 seconds were not enough): give a part of it, or save it again."


def test_the_child_returns_what_the_readers_find() -> None:
    assert read_table_apart("task.csv", TABLE) == read_table("task.csv", TABLE)
    markdown = "# Öffnung\nNine to five."
    assert read_documents_apart("a.md", markdown.encode()) == read_documents("a.md", markdown.encode())


def test_a_refusal_of_a_reader_is_handed_on() -> None:
    with pytest.raises(BadInput, match=r"^a\.csv has a header \(text, label\) but no rows below it: add the data\.$"):
        read_table_apart("a.csv", b"text,label\n")


@pytest.mark.parametrize(
    ("read", "sentence"),
    [
        (tiny_readers.compute, SLOW),
        (tiny_readers.hang, SLOW),
        (tiny_readers.crash, DAMAGED),
        (tiny_readers.fill, DAMAGED),
        (tiny_readers.swell, DAMAGED),
    ],
)
def test_whatever_ends_the_child_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[str, bytes], FoundDocuments], sentence: str
) -> None:
    monkeypatch.setattr("eval.reading.apart.SECONDS", 1 if "long" in sentence else 60)
    with pytest.raises(BadInput) as refused:
        _read_apart(read, "a.pdf", b"a", "save it again")
    assert str(refused.value) == sentence


def test_the_child_loads_little_and_what_a_parser_prints_is_no_answer() -> None:
    [document] = _read_apart(tiny_readers.chat, "a.txt", b"a", "").documents
    heavy = {"torch", "streamlit", "numpy", "pandas", "pyarrow", "pypdf", "multiprocessing"}
    assert not heavy & set(document.text.split())


def test_reading_does_not_run_the_main_script_again(tmp_path: Path) -> None:
    script = tmp_path / "page.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from eval.reading.apart import read_table_apart\n"
        "print('once', len(read_table_apart('a.csv', b'text,label\\na,b\\n').rows), flush=True)\n"
    )
    shown = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout == "once 1\n"
