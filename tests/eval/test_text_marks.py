"""Texts that no spreadsheet runs, whatever its locale, and that are read back as they were."""

from __future__ import annotations

import csv
import io
import re
from random import Random

import pytest

from eval.reading.text_marks import as_meant, inert

SIGNS = "=+-@＝＋－＠﹢﹣﹦﹫"
ALPHABET = [*SIGNS, *";;\t\n\r||'''\" \u00a0\u200b\ufeff\u30001a(,%", "- a", "1,5", "cmd|' /C calc'!A0"]
# As Excel and LibreOffice read it: quotes hold at the beginning of a cell alone, and what follows them counts.
SEPARATORS = ",;\t|"
HARMLESS = re.compile(r"[+-](\d[\d.,]*[\s%]*| [^|!(=@＝＠;\t]*)", re.ASCII)


def random_texts(count: int, seed: int) -> list[str]:
    chance = Random(seed)
    return ["".join(chance.choices(ALPHABET, k=chance.randint(1, 12))) for _ in range(count)]


def cells_in(written: str, separator: str) -> list[str]:
    """Every cell, and also what a reader that knows no quotes would take for one."""
    read = [cell for row in csv.reader(io.StringIO(written, newline=""), delimiter=separator) for cell in row]
    return [*read, *(re.split(f"[{re.escape(separator)}\r\n]", written) if separator != "," else [])]


def test_no_cell_is_a_formula_in_any_locale() -> None:
    for text in random_texts(20_000, seed=1):
        written = io.StringIO()
        csv.writer(written).writerow(["id", inert(text), "end"])
        for separator in SEPARATORS:
            for cell in cells_in(written.getvalue(), separator):
                seen = re.sub(r'\A[\s\x00-\x20"\u200b\ufeff]+', "", cell)
                assert seen[:1] not in [*SIGNS] or HARMLESS.match(seen), (text, separator, cell)


def test_every_text_is_read_back_as_it_was() -> None:
    for text in random_texts(50_000, seed=2):
        assert as_meant(inert(text)) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("＝1+1", "'＝1+1"),
        ("＠SUM(A1)", "'＠SUM(A1)"),
        ("\u200b=1", "'\u200b=1"),
        (" =1", "' =1"),
        ("hello;=cmd|'/C calc'!A0", "hello;'=cmd|'/C calc'!A0"),
        ("hello\t=1", "hello\t'=1"),
        ("two\n=1", "two\n'=1"),
        ('a;"=1"', 'a;\'"=1"'),
        ("a;'=1", "a;'''=1"),
        ("Milk:\n- one\n- two", "Milk:\n- one\n- two"),
        ("- cmd|' /C calc'!A0", "'- cmd|' /C calc'!A0"),
        ("x\n- cmd|' /C calc'!A0", "x\n'- cmd|' /C calc'!A0"),
        ("-1;-2;+3,5 %", "'-1;-2;+3,5 %"),
        ("a - b; c = d", "a - b; c = d"),
    ],
)
def test_marks_stand_only_where_a_formula_would_begin(text: str, written: str) -> None:
    assert inert(text) == written and as_meant(written) == text


@pytest.mark.parametrize("cell", ["'tis so", "'-1'", "it's; 'so'", "a;'-'", "print(';');'=='", "x\n'-a'"])
def test_apostrophes_in_files_of_others_stay(cell: str) -> None:
    assert as_meant(cell) == cell
