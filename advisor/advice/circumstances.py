"""What is known of a person's task before anything runs: from their answers, or from the facts of their data."""

from __future__ import annotations

from dataclasses import replace

from advisor.schema import Circumstances, Form
from eval.checks.labels import label_spellings
from eval.checks.repeats import conflicts
from eval.money.costs import Terms
from eval.scoring import counts_facts
from eval.scoring.code import language_of
from eval.task import LABELLED, Kind, Split, Task
from eval.words import count_words


def circumstances_of(task: Task, split: Split, metric: str) -> Circumstances:
    """The facts of the data. What data cannot tell, such as what was tried before, stays unknown."""
    is_code = bool(language_of([example.target for example in split.train]))
    forms: dict[Kind, Form] = {
        Kind.CLASSIFICATION: "categories",
        Kind.MULTI_LABEL: "categories",
        Kind.NUMBER: "categories",
        Kind.EXTRACTION: "structure",
        Kind.ANSWERING: "free",
        Kind.WRITING: "structure" if is_code else "free" if counts_facts(metric) else "style",
    }
    one_answer = task.kind in (*LABELLED, Kind.EXTRACTION)
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


def in_use(known: Circumstances, terms: Terms) -> Circumstances:
    """With what the person said about the use: how many requests a month, and whether the documents change."""
    known = replace(known, volume=terms.monthly_volume)
    if known.knowledge == "documents" and terms.reindex_days:
        return replace(known, knowledge="changing")
    return known
