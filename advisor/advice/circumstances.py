"""What is known of a person's task before anything runs: from their answers, or from the facts of their data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from eval.flaws import conflicts, label_spellings
from eval.scoring import counts_facts
from eval.task import Kind, Split, Task
from eval.words import count_words

Knowledge = Literal["general", "documents", "changing"]
Form = Literal["free", "categories", "structure", "style"]
Tried = Literal["no", "well", "misses", "long"]
Job = Literal["simple", "complex", "broad"]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """None is unknown. `volume` is requests a month and `examples` solved examples to learn from, both "at least".

    `knowledge` is where answers come from, `form` what an answer must keep to, `tried` how a good instruction did.
    `flawed` counts the examples that conflict or whose label has two spellings; `test` those set aside to judge by.
    """

    volume: int | None = None
    knowledge: Knowledge | None = None
    form: Form | None = None
    examples: int | None = None
    tried: Tried | None = None
    job: Job | None = None
    labels: int | None = None
    test: int | None = None
    document_words: int | None = None
    instruction_words: int | None = None
    flawed: int | None = None


def circumstances_of(task: Task, split: Split, metric: str) -> Circumstances:
    """The facts of the data. What data cannot tell, such as what was tried before, stays unknown."""
    forms: dict[Kind, Form] = {
        Kind.CLASSIFICATION: "categories",
        Kind.EXTRACTION: "structure",
        Kind.ANSWERING: "free",
        Kind.WRITING: "free" if counts_facts(metric) else "style",
    }
    one_answer = task.kind in (Kind.CLASSIFICATION, Kind.EXTRACTION)
    used = replace(task, examples=(*split.train, *split.dev, *split.test))  # what nobody sees does no harm
    spelled_twice = label_spellings(used)
    flawed = {example.id for example in used.examples if example.target in spelled_twice}
    return Circumstances(
        knowledge="documents" if task.documents else None,
        form=forms[task.kind],
        examples=len(split.train),
        job="simple" if one_answer else None,
        labels=len(task.labels) or None,
        test=len(split.test),
        document_words=sum(count_words(document.text) for document in task.documents),
        instruction_words=count_words(task.instruction) or None,
        flawed=len(flawed.union(conflicts(used) if one_answer else ())),
    )


def circumstances_from(stored: Mapping[str, Any]) -> Circumstances:
    """As a report holds them; what this version does not know is passed over."""
    known = {field.name for field in fields(Circumstances)}
    return Circumstances(**{name: value for name, value in stored.items() if name in known})
