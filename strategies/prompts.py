"""The model's prompts: the instruction of a task, and one prompt format for all strategies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from eval.conversation import turns_of
from eval.mapping.label_sets import NO_LABEL, SEPARATOR, labels_in
from eval.sent import Part
from eval.splitting.stable_order import stable_hash
from eval.task import Brief, Example, Kind, LearningSplit
from strategies.drafting import with_meanings, write_instruction
from strategies.engine.language_model import Marked, Message, Prompt, Role
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


def are_conversations(rows: Sequence[Example]) -> bool:
    """Whether the rows came from a file of chats with earlier turns, which prompts should keep."""
    return any(row.turns for row in rows)


def build_prompt(
    instruction: str,
    input: str,
    demonstrations: Sequence[Example] = (),
    passages: Sequence[Passage] = (),
    is_conversation: bool = False,
) -> Prompt:
    """Instruction, then solved examples as earlier turns, then passages with the input. The turns of a conversation are
    real turns, unless there are examples: they and the input must look alike, and each is one turn."""
    if is_conversation and not demonstrations:
        return _conversation(instruction, input, passages)
    turns = [Message("system", instruction)]
    for example in demonstrations:
        turns += [
            Message("user", example.input, ((Part.EXAMPLE, example.input),)),
            Message("assistant", example.target, ((Part.EXAMPLE, example.target),)),
        ]
    return (*turns, Message("user", with_passages(input, passages), _read_with(input, passages)))


def answered(prompt: Prompt) -> list[int]:
    """The numbers of the turns that answer an earlier message of the same conversation. Solved examples are none."""
    first = next((at for at, turn in enumerate(prompt) if turn.role in ("user", "tool")), len(prompt))
    return [
        at
        for at, turn in enumerate(prompt)
        if turn.role == "assistant" and at > first and turn.parts[0][0] is not Part.EXAMPLE
    ]


def _conversation(instruction: str, input: str, passages: Sequence[Passage]) -> Prompt:
    """A system turn that opens the conversation follows the instruction, as templates know only one. Passages stand
    with the user's last words."""
    opening, *said = (Message(cast(Role, turn.role), turn.text) for turn in turns_of(input))
    if opening.role == "system" and said:
        told = (Part.INSTRUCTION, instruction), (Part.INPUT, opening.content)
        system = Message("system", f"{instruction}\n\n{opening.content}", told)
    else:
        system, said = Message("system", instruction), [opening, *said]
    last = max((at for at, turn in enumerate(said) if turn.role == "user"), default=len(said) - 1)
    role, text = said[last].role, said[last].content
    said[last] = Message(role, with_passages(text, passages), _read_with(text, passages))
    return (system, *said)


def _read_with(input: str, passages: Sequence[Passage]) -> tuple[Marked, ...]:
    return (*((Part.PASSAGE, passage.titled) for passage in passages), (Part.INPUT, input))


def as_asked(split: LearningSplit, kind: Kind) -> LearningSplit:
    """The rows with their answers, rejected ones too, as the model should write them. Several labels come in an order
    of each row's own, so that no label is always the first, and each ends with a separator."""
    if kind is not Kind.MULTI_LABEL:
        return split

    def answer(row: Example, text: str) -> str:
        labels = sorted(labels_in(text) or (NO_LABEL,), key=lambda label: stable_hash(row.input, label))
        return " ".join(f"{label}{SEPARATOR}" for label in labels)

    def asked(rows: Sequence[Example]) -> tuple[Example, ...]:
        return tuple(
            replace(row, target=answer(row, row.target), rejected=row.rejected and answer(row, row.rejected))
            for row in rows
        )

    return LearningSplit(asked(split.train), asked(split.dev))


def with_passages(input: str, passages: Sequence[Passage]) -> str:
    """The passages to read, then the input. Solved examples and the question itself must look alike."""
    return "\n\n".join([*(passage.titled for passage in passages), input])
