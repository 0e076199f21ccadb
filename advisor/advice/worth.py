"""What would make a strategy worth comparing that the person left out: from its declaration, or from their data."""

from __future__ import annotations

from advisor.advice.rules import MANY, THOUSANDS
from advisor.wording import count_text
from eval.task import Kind, Task
from strategies.registry import DECLARATIONS


def worth_sentence(strategy: str, task: Task, train_rows: int) -> str:
    """One sentence. What the data lacks comes first."""
    declared = DECLARATIONS[strategy]
    needs_facts = task.kind in (Kind.ANSWERING, Kind.WRITING)
    if declared.looks_up and not task.documents and needs_facts:
        return "Add documents with the facts on the Data page to make this worth it."
    if declared.trains == "all weights" and train_rows < THOUSANDS:
        return (
            f"Worth it from about {THOUSANDS:,} training rows, if adapter fine-tuning does not score enough. "
            f"You have {train_rows:,}."
        )
    if declared.changes_weights and train_rows < MANY:
        return f"Worth it from about {MANY} training rows. You have {count_text(train_rows, 'row')}."
    return declared.worth_it
