"""What a judge is asked about two answers to the same input, and how its reply is read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from eval.judging.ruling import Side
from eval.scoring.metric import LEADS_WITH_FACTS, SHARE_OF_OTHER, MetricName
from eval.task import Example, Metric, Task

REPLIES = {"A": Side.FIRST, "B": Side.SECOND, "tie": Side.TIE}
_WORD = r"(A|B|tie|neither|both|equal)"
_MARKS = r"[\s*_\[\](){}\"'“”`#>]*"  # that may enclose a reply
# A reply that is one word, begins with it as a sentence of its own, ends with it on a line of its own, or names it.
_WAYS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"^{_MARKS}{_WORD}{_MARKS}[.!:,;]*{_MARKS}$",
        rf"\n{_MARKS}{_WORD}{_MARKS}[.!]?{_MARKS}$",
        rf"\b{_WORD} (?:wins\b|is (?:clearly |slightly |much )?(?:the )?better\b)",
        rf"\b(?:answer|response|option|verdict|winner|better|choice|preferred)\W{{0,6}}(?:answer|option|is|one)?"
        rf"\W{{0,4}}(?:is\W{{0,4}})?{_WORD}\b(?!\s+(?:or|and)\b)",
        rf"^{_MARKS}{_WORD}{_MARKS}[.!:,;\n]",
    )
)


@dataclass(frozen=True, slots=True)
class Question:
    """The judge's instruction, the same for all pairs of a task, and what it has to judge."""

    instruction: str
    pair: str


def rubric(task: Task) -> tuple[str, ...]:
    """What makes an answer better in this task, as sentences: what its score looks at, and what the person requires."""
    metric = task.metric or Metric(MetricName.FACTS)
    name = MetricName(metric.name) if metric.name in LEADS_WITH_FACTS else MetricName.FACTS
    facts = (
        "The better answer states more of the facts in the reference answer (numbers, dates, names, yes or no) and "
        "nothing that contradicts it or was made up."
    )
    form = "The better answer is closer to the reference answer in form: its parts, their order, its tone and length."
    leads, other = (facts, form) if LEADS_WITH_FACTS[name] else (form, facts)
    sentences = [leads]
    if SHARE_OF_OTHER[name]:
        sentences.append(f"If two answers are equal in this, what counts is: {other}")
    else:
        unseen = "Wording, tone and length don't matter." if LEADS_WITH_FACTS[name] else "Facts don't matter."
        sentences.append(unseen)
    if metric.required:
        sentences.append(f"An answer must contain: {'; '.join(metric.required)}.")
    return tuple(sentences)


def question(task: Task, example: Example, first: str, second: str) -> Question:
    """The question about two answers, in the order in which they are shown."""
    lines = ["Compare two answers to the same input. You also get a reference answer, which is right."]
    if task.instruction:
        lines += ["", "The answers were written for this task:", task.instruction]
    lines += ["", *rubric(task), "", "The order of the answers means nothing.", ""]
    lines.append("Reply with one word: A if answer A is better, B if answer B is better, tie if neither is.")
    references = [f"Reference answer:\n{answer}" for answer in example.answers]
    shown = [f"Input:\n{example.input}", *references, f"Answer A:\n{first}", f"Answer B:\n{second}"]
    return Question("\n".join(lines), "\n\n".join(shown) + "\n\nWhich answer is better: A, B or tie?")


def read_reply(text: str) -> Side | None:
    """What a judge's reply says; None if it names no side, or more than one in the same way."""
    for way in _WAYS:
        said = {_side(word) for word in way.findall(text)}
        if said:
            return said.pop() if len(said) == 1 else None
    return None


def _side(word: str) -> Side:
    return {"a": Side.FIRST, "b": Side.SECOND}.get(word.lower(), Side.TIE)
