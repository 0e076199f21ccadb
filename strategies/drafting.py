"""Draft the instruction of a task that comes without one, from the answers of its training rows alone.

The draft is what prompting is judged by. So it says what a person would see in those answers: their form, their length
and the words they share. Each statement holds for most of them (`shared_form.MOST`).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from eval.mapping.label_sets import NO_LABEL, SEPARATOR
from eval.scoring import read_json
from eval.scoring.code import language_of
from eval.task import Kind
from strategies.shared_form import (
    MOST,
    ending_of,
    length_of,
    lines_in,
    opening_of,
    phrases_in,
    sample_of,
    sign_after_name,
)

_MOST_FIELDS = 60  # named in an instruction
_MOST_VALUES = 6  # of a field that has only a few
_ROWS_A_VALUE = 5  # each of them must come this often on average, or the next row has another

_LISTED = {Kind.CLASSIFICATION: "categories", Kind.MULTI_LABEL: "categories", Kind.NUMBER: "numbers"}


def write_instruction(kind: Kind, labels: Sequence[str], targets: Iterable[str]) -> str:
    """An instruction for a task that comes without one: what to do, in which form, how long.

    `targets` are ideal answers of training rows; they determine the field names, the form and the length.
    """
    targets = list(targets)
    if kind is Kind.CLASSIFICATION:
        return (
            "Sort the message into exactly one category. Answer with the name of the category and nothing else.\n"
            f"Categories: {', '.join(labels)}"
        )
    if kind is Kind.MULTI_LABEL:
        none = f", or with {NO_LABEL} if none applies" if NO_LABEL in labels else ""
        return (
            "Sort the message into all categories that apply. Answer with their names, each followed by "
            f"'{SEPARATOR}', and nothing else{none}.\n"
            f"Categories: {', '.join(label for label in labels if label != NO_LABEL)}"
        )
    if kind is Kind.NUMBER:
        if labels:
            return f"Rate the message. Answer with one number and nothing else.\nPossible numbers: {', '.join(labels)}"
        return f"Estimate the number for the message. Answer with the number and nothing else, such as {min(targets)}."
    if kind is Kind.EXTRACTION:
        return _ask_for_fields([value for target in targets if (value := read_json(target)) is not None])
    if kind is Kind.ANSWERING:
        return f"Answer the question in {length_of(sample_of(targets))}. Write only the answer."
    if code := language_of(targets):
        return f"Write the {code} for the request. Write nothing but the {code}."
    return _ask_for_text(sample_of(targets))


def with_meanings(instruction: str, kind: Kind, meanings: Sequence[tuple[str, str]]) -> str:
    """The instruction, and under it what the labels mean, as far as the person says so."""
    if not meanings:
        return instruction
    lines = "\n".join(f"- {label}: {meaning}" for label, meaning in meanings)
    return f"{instruction}\nWhat the {_LISTED.get(kind, 'labels')} mean:\n{lines}"


def without_meanings(instruction: str, kind: Kind, meanings: Sequence[tuple[str, str]]) -> str:
    """The instruction alone, for a model that gets what the labels mean beside them."""
    return instruction.removesuffix(with_meanings("", kind, meanings))


def _ask_for_text(targets: Sequence[str]) -> str:
    """`targets` are written texts."""
    opening, ending = opening_of(targets), ending_of(targets)
    lines = lines_in(targets)
    sentences = [f"Write the reply to the message, in {length_of(targets)}{f', {lines}' if lines else ''}."]
    if opening and (sign := sign_after_name(targets, opening)):
        sentences.append(f"Begin with “{opening}”, then the name and {sign}.")
    elif len(opening.split()) > 1:
        sentences.append(f"Begin with “{opening}”.")
    sentences += [f"Include the words “{phrase}”." for phrase in phrases_in(targets, (opening, ending))]
    if len(ending.split()) > 1:
        sentences.append(f"End with “{ending}”.")
    return " ".join(sentences)


def _ask_for_fields(values: Sequence[Any]) -> str:
    """`values` are ideal answers: objects, lists of objects, or lists of lists."""
    fields = _fields(values)
    described = ", ".join(f"{path} ({form})" if form else path for path, form in fields)
    lists = [value for value in values if isinstance(value, list) and value]
    whole = "Write nothing but the JSON."
    if len(lists) * 2 <= len(values):
        return (
            "Read the message and write what it states as one JSON object. "
            f"Possible fields: {described}. Leave out fields the message does not state. {whole}"
        )
    asked = "Read the message and write what it states as a JSON list"
    nothing = "Write [] if the message states none. " if len(lists) < len(values) else ""
    if not fields:
        rows = [row for value in lists for row in value if isinstance(row, list)]
        width = f" of {len(rows[0])} values" if len({len(row) for row in rows}) == 1 else ""
        return f"{asked} of lists{width}, such as {json.dumps(lists[0], ensure_ascii=False)}. {nothing}{whole}"
    return (
        f"{asked} of objects. Possible fields of each: {described}. "
        f"Leave out fields the message does not state. {nothing}{whole}"
    )


def _fields(values: Sequence[Any]) -> list[tuple[str, str]]:
    """The path of each field with the form of its values, the most frequent fields first."""
    held: dict[str, list[Any]] = defaultdict(list)
    rows: Counter[str] = Counter()
    for value in values:
        leaves = [(path, leaf) for path, leaf in leaves_of(value) if path]
        rows.update({path for path, _ in leaves})
        for path, leaf in leaves:
            held[path].append(leaf)
    paths = [path for path, _ in sorted(rows.items(), key=lambda item: (-item[1], item[0]))][:_MOST_FIELDS]
    return [(path, _form_of(held[path])) for path in paths]


def _form_of(leaves: Sequence[Any]) -> str:
    """How most values of a field are written: "true or false", "number", a few texts themselves; "" for other texts."""
    least = MOST * len(leaves)
    if sum(isinstance(leaf, bool) for leaf in leaves) >= least:
        return "true or false"
    if sum(isinstance(leaf, int | float) and not isinstance(leaf, bool) for leaf in leaves) >= least:
        return "number"
    texts = Counter(leaf for leaf in leaves if isinstance(leaf, str))
    if 1 < len(texts) <= _MOST_VALUES and len(leaves) >= _ROWS_A_VALUE * len(texts):
        *others, last = (f'"{text}"' for text in sorted(texts))
        return f"{', '.join(others)} or {last}"
    return ""


def leaves_of(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The path of every field with its value, such as "address.town" or "items[].name"; those of the outer list start
    in its items."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves_of(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        inner = f"{path}[]" if path else ""
        found = [one for item in value for one in leaves_of(item, inner)]
        yield from found or [(inner, None)]
    else:
        yield path, value
