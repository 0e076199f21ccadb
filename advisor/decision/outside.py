"""Scores and costs that were measured elsewhere, read into the trials and costs that a decision is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from advisor.plan import CURVES_STEP, FLOORS_STEP
from eval.costs import Quote
from eval.outcomes import Outcome, Trial
from eval.table import Table, read_table
from eval.task import BadInput
from strategies.registry import TRAINED

_NEEDED = ("example", "strategy", "score")
_MEASURED = ("seconds", "tokens_in", "tokens_out")


def read_outcomes(name: str, content: bytes) -> tuple[list[Trial], list[str]]:
    """A trial for each strategy, in the order they first appear, on the examples that all of them answered; and a
    sentence where others were left out.

    Columns: example, strategy, score in [0, 1]; if they are there, seconds (of an answer given alone), tokens_in,
    tokens_out and group. Raises BadInput with one sentence that names the row.
    """
    table = _read(name, content, _NEEDED)
    outcomes: dict[str, dict[str, Outcome]] = {}
    groups: dict[str, str | None] = {}
    for number, row in zip(table.numbers(), table.rows, strict=True):
        values = dict(zip(table.columns, row, strict=True))
        example, strategy = values["example"].strip(), " ".join(values["strategy"].split())
        if not example or not strategy:
            missing = "example" if not example else "strategy"
            raise BadInput(f"{name}, row {number}: the column {missing} is empty; every answer needs one.")
        if strategy in (FLOORS_STEP, CURVES_STEP):
            raise BadInput(f"{name}, row {number}: {strategy} is what a part of a run is called; rename the strategy.")
        if example in outcomes.get(strategy, {}):
            raise BadInput(f"{name}, row {number}: {strategy} answers example {example} twice; keep one row of each.")
        group = values.get("group", "").strip() or None
        if groups.setdefault(example, group) != group:
            raise BadInput(f"{name}, row {number}: example {example} is in another group than before; give it one.")
        score = _number(name, number, "score", values["score"])
        if score is None or score > 1:
            raise BadInput(
                f"{name}, row {number}: the score is {values['score'].strip() or 'empty'}; it must be from 0 to 1 "
                "(divide percentages by 100)."
            )
        seconds, tokens_in, tokens_out = (_number(name, number, each, values.get(each, "")) for each in _MEASURED)
        outcomes.setdefault(strategy, {})[example] = Outcome(
            example, strategy, "", score, {}, int(tokens_in or 0), int(tokens_out or 0), seconds, group=group
        )
    shared = set.intersection(*(set(answered) for answered in outcomes.values()))
    if not shared:
        raise BadInput(
            f"{name}: no example was answered by all of {', '.join(outcomes)}; compare them on the same ones."
        )
    trials = [
        Trial(
            strategy,
            "done",
            outcomes=tuple(outcome for example, outcome in each.items() if example in shared),
            changes_weights=strategy in TRAINED,
        )
        for strategy, each in outcomes.items()
    ]
    left_out = len(groups) - len(shared)
    told = f"Left out, because not all strategies answered them: {left_out:,} of {len(groups):,} examples."
    return trials, [told] if left_out else []


def read_costs(name: str, content: bytes, trials: Sequence[Trial]) -> dict[str, Quote]:
    """The cost of each strategy the file names. Columns: strategy, one_off, per_1000 (requests); what is empty is
    unknown, but for a cost of requests that follows from the seconds measured."""
    table = _read(name, content, ("strategy", "one_off", "per_1000"))
    quotes: dict[str, Quote] = {}
    names = [trial.strategy for trial in trials]
    for number, row in zip(table.numbers(), table.rows, strict=True):
        values = dict(zip(table.columns, row, strict=True))
        strategy = " ".join(values["strategy"].split())
        if not strategy:
            raise BadInput(f"{name}, row {number}: the column strategy is empty; every cost needs one.")
        if strategy not in names:
            raise BadInput(f"{name}, row {number}: {strategy} has no outcomes; choose from {', '.join(names)}.")
        if strategy in quotes:
            raise BadInput(f"{name}, row {number}: {strategy} has a row already; keep one.")
        one_off, per_1000 = (_number(name, number, each, values[each]) for each in ("one_off", "per_1000"))
        quotes[strategy] = Quote(one_off, per_1000)
    return quotes


def check_tokens(trials: Sequence[Trial], quotes: Mapping[str, Quote]) -> None:
    """Raises BadInput where an answer has no tokens to be priced by, and its strategy no price of its own."""
    for trial in trials:
        is_quoted = trial.strategy in quotes and quotes[trial.strategy].per_1000 is not None
        are_counted = all(one.tokens_in for one in trial.outcomes) and any(one.tokens_out for one in trial.outcomes)
        if not is_quoted and not are_counted:
            raise BadInput(
                f"A hosted model is paid by the token, and not all answers of {trial.strategy} say theirs: fill in "
                "tokens_in and tokens_out, or give its per_1000 with --costs."
            )


def _read(name: str, content: bytes, needed: Sequence[str]) -> Table:
    table = read_table(name, content)
    if missing := [column for column in needed if column not in table.columns]:
        raise BadInput(
            f"{name} lacks a column called {' and one called '.join(missing)}; it has {', '.join(table.columns)}: "
            "rename or add what is missing."
        )
    return table


def _number(name: str, row: int, column: str, text: str) -> float | None:
    """A number from 0, None where nothing stands."""
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise BadInput(f"{name}, row {row}: {column} is “{text.strip()}”; it must be a number from 0, like 0.5.")
    return value
