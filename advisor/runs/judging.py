"""A language model compares the answers of a finished run, each pair in both orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from advisor.runs.report_files import write_report_again
from advisor.schema import Report
from advisor.storage.ballots import keep_ballot, read_ballots
from advisor.storage.clicks import clicks_in
from advisor.storage.store import Store
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import read_trials
from eval.blind.pairs import Pair, pairs_of_trials
from eval.judging.question import question, read_reply
from eval.judging.ruling import Ballot
from eval.task import BadInput, Example, Kind, Task
from strategies.engine.language_model import Message, Prompt, Written

REPLY_TOKENS = 64  # a reply is one word, but a model may say more before it
PAIRS_A_CALL = 8
WRITTEN = (Kind.ANSWERING, Kind.WRITING)


class Writer(Protocol):
    """What a judge has to be able to do; every `LanguageModel` can."""

    context_tokens: int

    def count_prompt_tokens(self, prompts: Sequence[Prompt]) -> list[int]: ...

    def write(self, prompts: Sequence[Prompt], max_tokens: int) -> list[Written]: ...


class UnansweredError(BadInput):
    """Requests for some pairs failed. The message says for how many, and why."""


PairsDone = Callable[[int, int], None]  # pairs judged so far, and of how many


def judge_run(store: Store, run_id: str, name: str, load_model: Callable[[], Writer], done: PairsDone) -> Report:
    """The report of the run with what this model says as a judge. Ballots that an earlier attempt kept aren't cast
    again.

    Raises BadInput if the run has no report, or its answers aren't written, or if requests failed; the report then has
    the pairs that were judged.
    """
    run = store.run(run_id)
    folder = store.run_folder(run.id)
    report = store.report(run.id)
    if report is None:
        raise BadInput(f"Run {run.id} has no report yet, so there is nothing to judge.")
    task, split = read_task(folder)
    if task.kind not in WRITTEN:
        raise BadInput("A judge compares written answers, and this task has labels, numbers or fields as answers.")
    trials, _ = read_trials(folder, [step.strategy for step in store.steps(run.id)])
    pairs = pairs_of_trials(trials, split.test, run.plan.seed)
    left = pairs_to_judge(folder, pairs, report.recommendation.choice, name)
    rows = {row.id: row for row in split.test}
    if left:
        done(0, len(left))
        try:
            for at, ballot in enumerate(cast_ballots(load_model(), name, task, rows, left), 1):
                keep_ballot(folder, ballot)
                done(at, len(left))
        except UnansweredError:
            write_report_again(store, run)
            raise
    return write_report_again(store, run)


def pairs_to_judge(folder: Path, pairs: Sequence[Pair], choice: str | None, name: str) -> list[Pair]:
    """Those with an answer of the recommended strategy, and those that the person has clicked on, unless this judge has
    compared them before. `folder` is that of the run. Each takes two requests."""
    clicked = {click.key for click in clicks_in([folder])}
    asked = [pair for pair in pairs if choice in pair.writers or pair.key in clicked]
    cast = {ballot.key for ballot in read_ballots(folder) if ballot.judge == name}
    return list({pair.key: pair for pair in asked if pair.key not in cast}.values())


def cast_ballots(
    model: Writer, name: str, task: Task, rows: Mapping[str, Example], pairs: Sequence[Pair]
) -> Iterator[Ballot]:
    """What a model says of these pairs, some at a time, each in both orders. `rows` are those of the pairs, by id. A
    pair whose requests failed gets no ballot, so it is asked again next time; raises `UnansweredError` at the end then.
    """
    failed: list[str] = []
    for start in range(0, len(pairs), PAIRS_A_CALL):
        some = pairs[start : start + PAIRS_A_CALL]
        shown = [
            (rows[pair.example_id], *texts)
            for pair in some
            for texts in ((pair.left.text, pair.right.text), (pair.right.text, pair.left.text))
        ]
        replies = _replies(model, [_prompt(task, *one) for one in shown])
        for pair, *both in zip(some, replies[::2], replies[1::2], strict=True):
            if problem := next((one.error for one in both if one is not None and one.error), None):
                failed.append(problem)
                continue
            sides = (None if one is None else read_reply(one.text) for one in both)
            yield Ballot(name, pair.input, pair.left.text, pair.right.text, *sides)
    if failed:
        raise UnansweredError(
            f"The judge gave no answer on {len(failed):,} of {len(pairs):,} pairs. {failed[0]} Judge the run again to "
            "ask for these pairs alone."
        )


def _prompt(task: Task, row: Example, first: str, second: str) -> Prompt:
    asked = question(task, row, first, second)
    return (Message("system", asked.instruction), Message("user", asked.pair))


def _replies(model: Writer, prompts: Sequence[Prompt]) -> list[Written | None]:
    """A prompt that the model can't read whole gets no reply."""
    room = model.context_tokens - REPLY_TOKENS
    fits = [length <= room for length in model.count_prompt_tokens(prompts)]
    fitting = [prompt for prompt, fit in zip(prompts, fits, strict=True) if fit]
    written = iter(model.write(fitting, REPLY_TOKENS) if fitting else ())
    return [next(written) if fit else None for fit in fits]
