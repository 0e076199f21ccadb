"""The text of a PDF, with the rows of its tables."""

from __future__ import annotations

import io
import re
import statistics
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from eval.task import BadInput

_GAP = re.compile(r" {3,}")
_FEWEST_ROWS = 3
_MOST_CELL_CHARACTERS = 30  # in longer ones are columns of prose


def pdf_text(name: str, content: bytes, notes: list[str]) -> str:
    """The text of all pages. Raises BadInput if there is none, or it has a password or is damaged."""
    from pypdf import PdfReader

    try:
        reader = PdfReader(io.BytesIO(content))
        locked = reader.is_encrypted and not reader.decrypt("")
        pages = [] if locked else [_page_text(page) for page in reader.pages]
    except Exception as wrong:  # a damaged PDF can make pypdf raise almost anything
        raise BadInput(f"{name} cannot be read as a PDF, perhaps because it is damaged: save it again.") from wrong
    if locked:
        raise BadInput(f"{name} has a password: save it without one.")
    empty = sum(not page.strip() for page in pages)
    if empty == len(pages):
        raise BadInput(f"{name} holds no text, only pictures of pages: run text recognition (OCR) on it first.")
    if empty:
        notes.append(
            f"{empty:,} of {len(pages):,} pages of {name} hold no text, perhaps because they are pictures: run text "
            "recognition (OCR) on it first."
        )
    return "\n\n".join(pages).strip().encode(errors="replace").decode()  # a broken font gives half surrogate pairs


def _page_text(page: Any) -> str:
    text: str = page.extract_text()
    tables: list[str] = []
    if text.strip():
        with suppress(Exception):  # the layout of some pages can't be computed; their text is enough
            tables = list(_tables(page.extract_text(extraction_mode="layout")))
    return "\n\n".join([text, *tables])


def _tables(layout: str) -> Iterator[str]:
    """The tables of a page, each with the line above it: lines of several short cells with gaps between them."""
    caption, rows = "", list[list[str]]()
    for line in [*layout.splitlines(), ""]:
        cells = [cell for cell in _GAP.split(line.strip()) if cell]
        if len(cells) > 1 and (not rows or len(cells) == len(rows[0])):
            rows.append(cells)
        elif line.strip() or rows:
            if len(rows) >= _FEWEST_ROWS and _are_short(rows):
                yield "\n".join([caption, *(" | ".join(row) for row in rows)]).strip()
            rows = [cells] if len(cells) > 1 else []
            caption = line.strip() if len(cells) == 1 else caption


def _are_short(rows: list[list[str]]) -> bool:
    return statistics.median(len(cell) for row in rows for cell in row) <= _MOST_CELL_CHARACTERS
