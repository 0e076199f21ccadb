"""Scores and costs that were measured elsewhere, read into the trials and costs that a decision is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from advisor.pairing import strategy_of
from advisor.plan import BASELINES_STEP, CURVES_STEP
from eval.money.costs import Quote
from eval.outcomes import Outcome, Trial
from eval.reading.apart import read_table_apart
from eval.reading.decoding import number
from eval.task import BadInput
from strategies.registry import BASELINES, CHANGES_WEIGHTS

_NEEDED = ("example", "strategy", "score")
_MEASURED = ("seconds", "tokens_in", "tokens_out")
_MOST = 1e15
_DIGITS = 9  # of a score: means of the same parts can differ in their last bits
_LONGEST = 60  # signs of what is named in a sentence


def read_outcomes(name: str, content: bytes) -> tuple[list[Trial], list[str]]:
    """A trial for each strategy, in the order they first appear, on the examples that all of them answered; and a
    sentence for each that lacks some. A baseline may lack some: it is compared on what both answered.

    Columns: example, strategy, score in [0, 1]; if they are there, seconds (of an answer given alone), tokens_in,
    tokens_out and group. Raises BadInput with one sentence that names the row.
    """
    outcomes: dict[str, dict[str, Outcome]] = {}
    groups: dict[str, str] = {}
    for where, values in _rows(name, content, _NEEDED):
        example, strategy = _named(values["example"]), _named(values["strategy"])
        if not example or not strategy:
            missing = "example" if not example else "strategy"
            raise BadInput(f"{where}: the column {missing} is empty; every answer needs one.")
        if strategy in (BASELINES_STEP, CURVES_STEP):
            raise BadInput(f"{where}: {strategy} is a reserved name; rename the strategy.")
        if example in outcomes.get(strategy, {}):
            raise BadInput(f"{where}: {_cut(strategy)} answers example {_cut(example)} twice; keep one row of each.")
        if (group := values.get("group", "").strip()) and groups.setdefault(example, group) != group:
            raise BadInput(f"{where}: example {_cut(example)} is in two groups; give it one.")
        score = _number(where, "score", values["score"])
        if score is None or score > 1:
            told = _cut(values["score"].strip()) or "empty"
            raise BadInput(f"{where}: the score is {told}; it must be from 0 to 1 (divide percentages by 100).")
        seconds, tokens_in, tokens_out = (_number(where, each, values.get(each, "")) for each in _MEASURED)
        outcomes.setdefault(strategy, {})[example] = Outcome(
            example, strategy, "", round(score, _DIGITS), {}, int(tokens_in or 0), int(tokens_out or 0), seconds
        )
    shared, warnings = _shared(name, {strategy: set(answered) for strategy, answered in outcomes.items()})
    trials = [
        Trial(
            strategy,
            "done",
            outcomes=tuple(
                replace(outcome, group=groups.get(example)) for example, outcome in each.items() if example in shared
            ),
            changes_weights=strategy_of(strategy) in CHANGES_WEIGHTS,
        )
        for strategy, each in outcomes.items()
    ]
    return trials, warnings


def _shared(name: str, answered: Mapping[str, set[str]]) -> tuple[set[str], list[str]]:
    """The examples that all strategies answered, baselines aside, and who lacks how many of the others'."""
    strategies = {strategy: examples for strategy, examples in answered.items() if strategy not in BASELINES}
    if not strategies:
        raise BadInput(
            f"{name} has only {', '.join(answered)}, which are baselines (answers without a language model); "
            "add the answers of a strategy, or rename these."
        )
    every, shared = set.union(*strategies.values()), set.intersection(*strategies.values())
    if not shared:
        named = ", ".join(map(_cut, strategies))
        raise BadInput(f"{name}: no example was answered by all of {named}; compare them on the same ones.")
    warnings = [
        f"{_cut(strategy)} answered {len(examples):,} of {len(every):,} examples, so we compare all on only "
        f"{len(shared):,}: add the missing rows (score 0 where it gave no answer), or leave it out."
        for strategy, examples in strategies.items()
        if len(examples) < len(every)
    ]
    return shared, warnings


def read_costs(name: str, content: bytes, trials: Sequence[Trial]) -> dict[str, Quote]:
    """The cost of each strategy the file names. Columns: strategy, one_off, per_1000 (requests); what is empty is
    unknown, but for a cost of requests that follows from the seconds measured."""
    quotes: dict[str, Quote] = {}
    names = [trial.strategy for trial in trials]
    for where, values in _rows(name, content, ("strategy", "one_off", "per_1000")):
        strategy = _named(values["strategy"])
        if not strategy:
            raise BadInput(f"{where}: the column strategy is empty; every cost needs one.")
        if strategy not in names:
            known = ", ".join(map(_cut, names))
            raise BadInput(f"{where}: {_cut(strategy)} has no outcomes; choose from {known}.")
        if strategy in quotes:
            raise BadInput(f"{where}: {_cut(strategy)} has two rows; keep one.")
        one_off, per_1000 = (_number(where, each, values[each]) for each in ("one_off", "per_1000"))
        quotes[strategy] = Quote(one_off, per_1000)
    return quotes


def check_tokens(trials: Sequence[Trial], quotes: Mapping[str, Quote]) -> None:
    """Raises BadInput where an answer has no tokens to be priced by, and its strategy no price of its own."""
    for trial in trials:
        is_quoted = trial.strategy in quotes and quotes[trial.strategy].per_1000 is not None
        are_counted = all(one.tokens_in for one in trial.outcomes) and any(one.tokens_out for one in trial.outcomes)
        if not is_quoted and not are_counted:
            raise BadInput(
                f"A hosted model is paid by the token, but some answers of {trial.strategy} have no token counts: fill "
                "in tokens_in and tokens_out, or give its per_1000 with --costs."
            )


def _rows(name: str, content: bytes, needed: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Where each row stands, and its values by column; how column names are capitalised does not matter."""
    table = read_table_apart(name, content)
    columns = [column.lower() for column in table.columns]
    if missing := [column for column in needed if column not in columns]:
        raise BadInput(
            f"{name} lacks a column called {' and one called '.join(missing)}; it has "
            f"{', '.join(map(_cut, table.columns))}: rename or add what is missing."
        )
    for line, row in zip(table.numbers(), table.rows, strict=True):
        yield f"{name}, row {line}", dict(zip(columns, row, strict=True))


def _named(text: str) -> str:
    """A name on one line; a terminal would obey what cannot be printed."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _number(where: str, column: str, text: str) -> float | None:
    """A number from 0, None where nothing stands."""
    if not (text := text.strip()):
        return None
    value = number(text)
    if value is None or not 0 <= value <= _MOST:
        raise BadInput(f"{where}: {column} is “{_cut(text)}”; it must be a number from 0, like 0.5.")
    return value
