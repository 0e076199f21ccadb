"""The samples of lm-evaluation-harness (`--log_samples`): one JSONL file per model and task.

A file doesn't name its model; the folder in which lm-eval writes it does. It has a line per example and filter.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

from eval.reading.other_tools.answers import (
    AnswerSet,
    ToolAnswer,
    ToolResults,
    content_id,
    score_in,
)
from eval.reading.other_tools.recorded import Recorded, recorded
from eval.task import BadInput

TOOL = "lm-evaluation-harness"
_TASK = re.compile(r"samples_(?P<task>.+?)(?:_\d{4}-\d\d-\d\dT[\d.:-]+)?", re.IGNORECASE)
_NO_METRICS = frozenset(
    ("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "doc_hash", "prompt_hash",
     "target_hash", "task", "task_name", "schema_version")
)  # fmt: skip


class _Sample(Recorded):
    doc_id: int | str
    doc: Any = None
    doc_hash: str | None = None
    filter: str = "none"
    metrics: list[str] | None = None  # missing in files of before 0.4.9


def is_sample(record: dict[str, Any]) -> bool:
    return "doc_id" in record and "resps" in record


def is_summary(value: dict[str, Any]) -> bool:
    """Whether it is the file of averages that lm-eval writes beside the samples."""
    return isinstance(value.get("results"), dict) and {"configs", "versions", "n-shot"} <= set(value)


def refuse_summary(name: str) -> BadInput:
    return BadInput(
        f"{name} holds only the averages of {TOOL}: run it with --log_samples and give the samples_….jsonl it writes."
    )


def read_samples(name: str, folder: str, records: list[tuple[int, dict[str, Any]]]) -> ToolResults:
    answers: dict[str, ToolAnswer] = {}
    for line, record in records:
        where = f"line {line}"
        sample = recorded(_Sample, f"{name}, {where}", record)
        metrics = record.keys() - _NO_METRICS if sample.metrics is None else set(sample.metrics)
        suffix = "" if sample.filter == "none" else f",{sample.filter}"  # as lm-eval's own table of results has it
        scores = {f"{metric}{suffix}": score_in(record[metric]) for metric in record if metric in metrics}
        # The same document, whatever prompt a task makes of it.
        example = f"{sample.doc_id}-{sample.doc_hash or content_id(sample.doc)}"
        first = answers.setdefault(example, ToolAnswer(where, example, {}))
        if twice := [metric for metric in scores if metric in first.scores]:
            raise BadInput(
                f"{name}, {where}: doc_id {sample.doc_id} has {twice[0]} twice; keep one of the lines, or give the "
                "file as lm-eval wrote it."
            )
        first.scores.update(scores)
    facets = {"model": _model(folder), "task": _task(name)}
    return ToolResults(TOOL, (AnswerSet(facets, tuple(answers.values())),))


def _model(folder: str) -> str:
    """lm-eval names the folder after the model and writes "__" for every sign that a folder's name can't have."""
    model = folder.replace("__", "/")
    return PurePath(model).name if model.startswith("/") else model


def _task(name: str) -> str:
    stem = PurePath(name).name.removesuffix(".jsonl")
    found = _TASK.fullmatch(stem)
    return found["task"] if found else stem
