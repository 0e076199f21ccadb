"""The model's prompts: an instruction written from the task, and one prompt format for all strategies."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from eval.mapping.label_sets import NO_LABEL, SEPARATOR, labels_in
from eval.scoring import read_json
from eval.scoring.code import language_of
from eval.sent import Part
from eval.splitting.stable_order import stable_hash
from eval.task import Brief, Example, Kind, LearningSplit
from eval.words import usual_length
from strategies.engine.language_model import Message, Prompt
from strategies.search.passages import Passage

_MOST_FIELDS = 60  # named in an instruction

SHORT_INSTRUCTIONS = {
    Kind.CLASSIFICATION: "Give the label.",
    Kind.MULTI_LABEL: "Give all labels that apply.",
    Kind.NUMBER: "Give the number.",
    Kind.EXTRACTION: "Write the JSON.",
    Kind.ANSWERING: "Answer briefly.",
    Kind.WRITING: "Write the reply.",
}


def write_instruction(kind: Kind, labels: Sequence[str], targets: Iterable[str]) -> str:
    """An instruction for a task that comes without one: what to do, in which form, how long.

    `targets` are ideal answers of training rows; they determine the field names and the length.
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
    number, unit = usual_length(targets or ["word"])
    length = f"{round(number)} {unit if round(number) == 1 else f'{unit}s'}"
    if kind is Kind.ANSWERING:
        return f"Answer the question in about {length}. Write only the answer."
    if code := language_of(targets):
        return f"Write the {code} for the request. Write nothing but the {code}."
    return f"Write the reply to the message, in about {length}."


def instruction_of(brief: Brief, train: Sequence[Example]) -> str:
    """The person's own instruction, or one written from the training rows."""
    return brief.instruction or write_instruction(brief.kind, brief.labels, (row.target for row in train))


def build_prompt(
    instruction: str,
    input: str,
    demonstrations: Sequence[Example] = (),
    passages: Sequence[Passage] = (),
) -> Prompt:
    """Instruction, then solved examples as earlier turns, then passages with the input."""
    turns = [Message("system", instruction)]
    for example in demonstrations:
        turns += [
            Message("user", example.input, ((Part.EXAMPLE, example.input),)),
            Message("assistant", example.target, ((Part.EXAMPLE, example.target),)),
        ]
    marked = (*((Part.PASSAGE, passage.titled) for passage in passages), (Part.INPUT, input))
    return (*turns, Message("user", with_passages(input, passages), marked))


def as_asked(split: LearningSplit, kind: Kind) -> LearningSplit:
    """The rows with their answers as the model should write them. Several labels come in an order of each row's own, so
    that no label is always the first, and each ends with a separator."""
    if kind is not Kind.MULTI_LABEL:
        return split

    def answer(row: Example) -> str:
        labels = sorted(labels_in(row.target) or (NO_LABEL,), key=lambda label: stable_hash(row.input, label))
        return " ".join(f"{label}{SEPARATOR}" for label in labels)

    def asked(rows: Sequence[Example]) -> tuple[Example, ...]:
        return tuple(replace(row, target=answer(row)) for row in rows)

    return LearningSplit(asked(split.train), asked(split.dev))


def with_passages(input: str, passages: Sequence[Passage]) -> str:
    """The passages to read, then the input. Solved examples and the question itself must look alike."""
    return "\n\n".join([*(passage.titled for passage in passages), input])


def _ask_for_fields(values: Sequence[Any]) -> str:
    """`values` are ideal answers: objects, lists of objects, or lists of lists."""
    paths = Counter(path for value in values for path in set(_paths(value)))
    names = [path for path, _ in sorted(paths.items(), key=lambda item: (-item[1], item[0]))][:_MOST_FIELDS]
    lists = [value for value in values if isinstance(value, list) and value]
    whole = "Write nothing but the JSON."
    if len(lists) * 2 <= len(values):
        return (
            "Read the message and write what it states as one JSON object. "
            f"Possible fields: {', '.join(names)}. Leave out fields the message does not state. {whole}"
        )
    asked = "Read the message and write what it states as a JSON list"
    nothing = "Write [] if the message states none. " if len(lists) < len(values) else ""
    if names == [""] or not names:
        rows = [row for value in lists for row in value if isinstance(row, list)]
        width = f" of {len(rows[0])} values" if len({len(row) for row in rows}) == 1 else ""
        return f"{asked} of lists{width}, such as {json.dumps(lists[0], ensure_ascii=False)}. {nothing}{whole}"
    return (
        f"{asked} of objects. Possible fields of each: {', '.join(names)}. "
        f"Leave out fields the message does not state. {nothing}{whole}"
    )


def _paths(value: Any, path: str = "") -> Iterator[str]:
    """The path of every field, such as "address.town" or "items[].name"; those of the outer list start in its items."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _paths(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        inner = f"{path}[]" if path else ""
        found = {one for item in value for one in _paths(item, inner)}
        yield from found or {inner}
    else:
        yield path
