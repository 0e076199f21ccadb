"""The results of Ragas (`result.to_pandas()`), as CSV, JSON or any other table: one row per answer, one column per
metric. Ragas doesn't write what answered; people add a column for it where they put several into one file."""

from __future__ import annotations

from eval.reading.other_tools.answers import (
    AnswerSet,
    Score,
    ToolAnswer,
    ToolResults,
    content_id,
    cut,
    numbered,
    score_in,
)
from eval.reading.table import Table

TOOL = "Ragas"
_ASKED = ("user_input", "question")  # the second one before Ragas 0.2
_ANSWERED = ("response", "answer", "multi_responses", "retrieved_contexts", "contexts")  # some metrics need no answer
_FIELDS = frozenset(
    (*_ASKED, *_ANSWERED, "reference", "ground_truth", "ground_truths", "contexts", "retrieved_contexts",
     "reference_contexts", "retrieved_context_ids", "reference_context_ids", "reference_tool_calls", "reference_topics",
     "rubrics", "persona_name", "query_style", "query_length", "synthesizer_name", "id", "index")
)  # fmt: skip
_STRATEGIES = ("model", "model_name", "llm", "system", "pipeline", "variant", "experiment", "experiment_name")
_REFERENCES = ("reference", "ground_truth", "ground_truths")


def read_results(table: Table) -> ToolResults | None:
    """None if the table is something else."""
    columns = [column.casefold() for column in table.columns]
    asked = next((columns.index(name) for name in _ASKED if name in columns), None)
    if asked is None or not any(name in columns for name in _ANSWERED) or "strategy" in columns:
        return None
    metrics = {
        at: name
        for at, name in enumerate(table.columns)
        if columns[at] not in (*_FIELDS, *_STRATEGIES) and _is_metric(table, at)
    }
    if not metrics:
        return None
    reference = next((columns.index(name) for name in _REFERENCES if name in columns), None)
    named = [columns.index(name) for name in _STRATEGIES if name in columns]
    sets: dict[tuple[str, ...], list[ToolAnswer]] = {}
    for line, row in zip(table.numbers(), table.rows, strict=True):
        answer = ToolAnswer(
            f"row {line}",
            content_id(row[asked], "" if reference is None else row[reference]),
            {name: score_in(row[at]) for at, name in metrics.items()},
        )
        sets.setdefault(tuple(cut(row[at]) or f"no {columns[at]}" for at in named), []).append(answer)
    keys = [columns[at] for at in named]
    return ToolResults(
        TOOL,
        tuple(
            AnswerSet(dict(zip(keys, values, strict=True)), tuple(numbered(answers)))
            for values, answers in sets.items()
        ),
    )


def _is_metric(table: Table, at: int) -> bool:
    scores: list[Score] = [score_in(row[at]) for row in table.rows]
    found = [score for score in scores if score is not None]
    return bool(found) and all(isinstance(score, float) for score in found)
