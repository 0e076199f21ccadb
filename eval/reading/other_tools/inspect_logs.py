"""The logs of Inspect: one file per task and model, as .eval (a ZIP of JSON) or as .json.

Of a .eval log only the header and the summaries of its samples are unpacked, not the transcripts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from eval.reading.decoding import parse_json
from eval.reading.other_tools.answers import (
    AnswerSet,
    Score,
    ToolAnswer,
    ToolResults,
    content_id,
    cut,
    score_in,
)
from eval.reading.other_tools.recorded import Recorded, recorded
from eval.reading.other_tools.zip_parts import files_in, unpacked
from eval.task import BadInput

TOOL = "Inspect"
_HEADER, _SUMMARIES, _START = "header.json", "summaries.json", "_journal/start.json"
_GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}  # correct, partly, incorrect, no answer; as Inspect counts them
_KEPT = 5_120  # signs of an input that the summaries have; what follows says that it was cut
_WORKING = "Seconds are Inspect's working time of a sample, with several at a time unless you limited that."
_Count = Annotated[int, Field(ge=0)]


class _Usage(Recorded):
    input_tokens: _Count = 0
    input_tokens_cache_write: _Count | None = None
    input_tokens_cache_read: _Count | None = None
    output_tokens: _Count = 0
    total_cost: Annotated[float, Field(ge=0)] | None = None

    @property
    def tokens_in(self) -> int:
        return self.input_tokens + (self.input_tokens_cache_write or 0) + (self.input_tokens_cache_read or 0)


class _Scored(Recorded):
    value: Any = None


class _Sample(Recorded):
    id: int | str
    epoch: Annotated[int, Field(ge=1)] = 1
    input: Any = None
    scores: dict[str, _Scored] | None = None
    usage: dict[str, _Usage] = Field(default_factory=dict, alias="model_usage")
    seconds: Annotated[float, Field(ge=0)] | None = Field(None, alias="working_time")
    error: Any = None  # a text in summaries, an object with a message in samples


class _Task(Recorded):
    task: str
    model: str
    solver: str | None = None
    task_args: dict[str, Any] = Field(default_factory=dict)
    solver_args: dict[str, Any] | None = None
    config: dict[str, Any] = Field(default_factory=dict, alias="model_generate_config")


class _Log(Recorded):
    status: str
    eval: _Task
    samples: list[_Sample] | None = None


def is_log(value: dict[str, Any]) -> bool:
    return isinstance(value.get("eval"), dict) and "status" in value and "plan" in value


def is_zipped_log(content: bytes) -> bool:
    return any(part.filename in (_HEADER, _START) for part in files_in(content))


def read_zipped_log(name: str, content: bytes) -> ToolResults:
    """Raises BadInput if it is damaged, wasn't finished or unpacks to too much."""
    parts = {part.filename: part for part in files_in(content)}
    if _HEADER not in parts or _SUMMARIES not in parts:
        raise BadInput(
            f"{name} is a log that Inspect didn't finish: let the evaluation end, or take it up with `inspect "
            "eval-retry`."
        )
    header, samples = (
        parse_json(f"{name}, {part}", unpacked(name, content, parts[part])) for part in (_HEADER, _SUMMARIES)
    )
    if not isinstance(header, dict):
        raise BadInput(f"{name}, {_HEADER} is no JSON object; export the log again.")
    return read_log(name, {**header, "samples": samples})


def read_log(name: str, value: dict[str, Any]) -> ToolResults:
    log = recorded(_Log, name, value)
    if not log.samples:
        raise BadInput(f"{name} has no samples: run Inspect again without --no-log-samples.")
    notes = [_WORKING] if any(one.seconds is not None for one in log.samples) else []
    if log.status != "success":
        notes.append(f"Inspect ended {name} with the status “{cut(log.status)}”, so answers may be missing.")
    answers = tuple(_answer(at, sample, log.eval.model) for at, sample in enumerate(log.samples, 1))
    return ToolResults(TOOL, (AnswerSet(_facets(log.eval), answers),), notes=tuple(notes))


def _facets(task: _Task) -> dict[str, str]:
    facets = {"model": cut(task.model), "task": cut(task.task)}
    if task.solver:
        facets["solver"] = cut(task.solver)
    for key, value in {**task.task_args, **(task.solver_args or {}), **task.config}.items():
        if isinstance(value, str | int | float):
            facets.setdefault(key, cut(f"{key}={value}"))
    return facets


def _answer(at: int, sample: _Sample, model: str) -> ToolAnswer:
    used = sample.usage.get(model)  # not the tokens of a model that graded
    error = sample.error.get("message", "an error") if isinstance(sample.error, dict) else sample.error
    return ToolAnswer(
        f"sample {at}",
        f"{sample.id}-{content_id(_text_of(sample.input))}",  # other tasks number their samples likewise
        {
            metric: score
            for scorer, one in (sample.scores or {}).items()
            for metric, score in _scores(scorer, one.value)
        },
        repeat=sample.epoch,
        error=cut(str(error)) if error else "",
        seconds=sample.seconds,
        tokens_in=used.tokens_in if used else None,
        tokens_out=used.output_tokens if used else None,
        cost=used.total_cost if used else None,
    )


def _scores(scorer: str, value: Any) -> Iterator[tuple[str, Score]]:
    """A scorer gives one value, or several by name."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield f"{scorer}/{key}", _graded(one)
    else:
        yield scorer, _graded(value)


def _graded(value: Any) -> Score:
    return _GRADES[value] if isinstance(value, str) and value in _GRADES else score_in(value)


def _text_of(asked: Any) -> Any:
    """An input as a summary keeps it, so that it is the same in .eval and .json. Without the ids of its messages, which
    differ in every run."""
    if not isinstance(asked, list):
        return _kept(asked)
    return [[one.get("role"), _kept(one.get("content"))] if isinstance(one, dict) else one for one in asked]


def _kept(content: Any) -> Any:
    """Summaries keep the start of a text, and only the kind of a picture or a file."""
    if isinstance(content, list):
        parts = (part for part in content if isinstance(part, dict))
        return [_kept(part.get("text")) if part.get("type") == "text" else _kind_of(part) for part in parts]
    return content[:_KEPT] if isinstance(content, str) else content


def _kind_of(part: dict[str, Any]) -> str:
    """As a summary has it: “(Image)”."""
    return f"({str(part.get('type')).capitalize()})"
