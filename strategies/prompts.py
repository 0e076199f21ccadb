"""The model's prompts: the instruction of a task, and one prompt format for all strategies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eval.mapping.label_sets import NO_LABEL, SEPARATOR, labels_in
from eval.sent import Part
from eval.splitting.stable_order import stable_hash
from eval.task import Brief, Example, Kind, LearningSplit
from strategies.drafting import with_meanings, write_instruction
from strategies.engine.language_model import Message, Prompt
from strategies.search.passages import Passage

SHORT_INSTRUCTIONS = {
    Kind.CLASSIFICATION: "Give the label.",
    Kind.MULTI_LABEL: "Give all labels that apply.",
    Kind.NUMBER: "Give the number.",
    Kind.EXTRACTION: "Write the JSON.",
    Kind.ANSWERING: "Answer briefly.",
    Kind.WRITING: "Write the reply.",
}


def instruction_of(brief: Brief, train: Sequence[Example]) -> str:
    """The person's own instruction, or one drafted from the training rows, and what the labels mean."""
    own = brief.instruction or write_instruction(brief.kind, brief.labels, (row.target for row in train))
    return with_meanings(own, brief.kind, brief.meanings)


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
