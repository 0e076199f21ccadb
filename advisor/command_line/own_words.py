"""What a person wrote for the model, from files: the instruction, and what each label means."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from advisor.plan import LONGEST_MEANING, Meanings
from eval.mapping.steps import shortened
from eval.reading.decoding import parse_json
from eval.task import BadInput

_HEADS = ("label", "meaning")
_SEPARATORS = ",;\t"
_LABELS_NAMED = 10


def instruction_from(path: Path, content: bytes) -> str:
    """Raises BadInput if the file is empty or not UTF-8. Whether a model can read so much shows with the task."""
    text = _text(path, content).strip()
    if not text:
        raise BadInput(f"{path.name} is empty; write the instruction in it, or leave out --instruction.")
    return text


def meanings_from(path: Path, content: bytes, labels: Sequence[str]) -> Meanings:
    """The meanings in the order of `labels`; those left empty are left out. Raises BadInput if there is none, one is
    too long, or a label is unknown or named twice."""
    if not labels:
        raise BadInput("This task has no labels, so --labels has no effect; leave it out.")
    text = _text(path, content)
    rows = _from_json(path, text) if text.lstrip()[:1] in ("{", "[") else _from_csv(path, text)
    meant: dict[str, str] = {}
    for where, label, meaning in rows:
        if label not in labels:
            named = ", ".join(labels[:_LABELS_NAMED]) + (", …" if len(labels) > _LABELS_NAMED else "")
            raise BadInput(f"{path.name} has the label '{shortened(label)}' ({where}), which no row has; use {named}.")
        if label in meant:
            raise BadInput(f"{path.name} names the label '{shortened(label)}' twice ({where}); keep one of the two.")
        if len(meaning) > LONGEST_MEANING:
            raise BadInput(
                f"The meaning of '{shortened(label)}' in {path.name} has {len(meaning):,} characters ({where}), and "
                f"{LONGEST_MEANING} fit; shorten it."
            )
        meant[label] = meaning
    found = tuple((label, meant[label]) for label in labels if meant.get(label))
    if not found:
        raise BadInput(f"{path.name} says of no label what it means; write lines such as '{labels[0]},its meaning'.")
    return found


Named = Iterator[tuple[str, str, str]]  # where it stands, label, meaning


def _from_csv(path: Path, text: str) -> Named:
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=first.count)  # the comma if there is none
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for at, cells in enumerate(lines):
            where = f"line {lines.line_num}"
            cells = [cell.strip() for cell in cells]
            if not any(cells) or (at == 0 and tuple(cell.casefold() for cell in cells) == _HEADS):
                continue
            if len(cells) != len(_HEADS):
                raise BadInput(
                    f"{path.name} has {len(cells)} cells in {where} instead of a label and its meaning; put quotes "
                    "around a meaning that contains the separator."
                )
            yield where, cells[0], " ".join(cells[1].split())
    except csv.Error as wrong:
        raise BadInput(f"{path.name} is no CSV (line {lines.line_num}: {wrong}); save it again.") from wrong


def _from_json(path: Path, text: str) -> Named:
    found = parse_json(path.name, text)
    pairs = (
        list(found.items())
        if isinstance(found, dict)
        else [(one.get("label"), one.get("meaning")) if isinstance(one, dict) else (None, None) for one in found]
    )
    for at, (label, meaning) in enumerate(pairs, 1):
        if not isinstance(label, str) or not isinstance(meaning, str):
            raise BadInput(
                f"{path.name} has no label with a text as its meaning in entry {at}; write "
                '{"label": "meaning"} or [{"label": …, "meaning": …}].'
            )
        yield f"entry {at}", label.strip(), " ".join(meaning.split())


def _text(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = content[: wrong.start].count(b"\n") + 1
        raise BadInput(f"{path.name} is not UTF-8 (line {line}); save it as UTF-8.") from wrong
