"""Scores and costs that were measured elsewhere, read into the trials and costs that a decision is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from statistics import fmean

from advisor.decision.other_tools import Choice, Key, Measured, outcomes_of
from advisor.pairing import strategy_of
from advisor.plan import BASELINES_STEP, CURVES_STEP
from advisor.wording import list_text, score_text
from eval.money.costs import Quote
from eval.outcomes import Outcome, Trial
from eval.reading.apart import read_scores_apart, read_table_apart
from eval.reading.decoding import number
from eval.reading.other_tools.answers import ToolResults, score_in
from eval.reading.table import Table
from eval.task import BadInput
from strategies.registry import BASELINES, CHANGES_WEIGHTS

_NEEDED = ("example", "strategy", "score")
_MEASURED = ("seconds", "tokens_in", "tokens_out")
_MOST = 1e15
_DIGITS = 9  # of a score: means of the same parts can differ in their last bits
_ANOTHER = 0.005  # half a point between two scores
_LONGEST = 60  # signs of what is named in a sentence


@dataclass(frozen=True, slots=True)
class ScoreFile:
    """`folder` is the name of the one it lies in, which can say what answered. `is_chosen`: the person named the file
    and not just its folder."""

    name: str
    content: bytes
    folder: str
    is_chosen: bool = True


@dataclass(frozen=True, slots=True)
class Outside:
    """What was measured elsewhere: a trial for each strategy, in the order they first appear, on the examples that all
    of them answered; sentences on what was left out and how files were read; the costs that the files contain."""

    trials: list[Trial]
    warnings: list[str]
    quotes: dict[str, Quote]


def read_outcomes(files: Iterable[ScoreFile], choice: Choice) -> Outside:
    """The answers in tables, or in the files of one other tool. A baseline may lack examples: it is compared on what
    both answered. Answers to one example in several repeats are a group.

    Columns of a table: example, strategy, score in [0, 1]; if they are there, seconds (of an answer given alone),
    tokens_in, tokens_out, group and repeat (or epoch). Raises BadInput with one sentence that names the row.
    """
    tables: list[tuple[str, Table]] = []
    results: list[tuple[str, ToolResults]] = []
    left_out: list[str] = []
    unread: list[str] = []
    for file in files:
        found = read_scores_apart(file.name, file.content, file.folder, file.is_chosen)
        if not file.is_chosen and isinstance(found, Table) and _lacking(found, _NEEDED):
            left_out.append(file.name)
            unread += found.notes if not found.columns else ()
        elif isinstance(found, Table):
            tables.append((file.name, found))
        else:
            results.append((file.name, found))
    if not tables and not results:
        said = f"We found no scores in {_cut(', '.join(left_out))}; name the files that a tool wrote."
        raise BadInput(" ".join([*unread, said]))
    if tables and results:
        raise BadInput(
            f"{tables[0][0]} is a table and {results[0][0]} is from {results[0][1].tool}: give files of one kind."
        )
    if tables and choice != Choice():
        raise BadInput(f"{tables[0][0]} is a table with one score, so leave out --metric and --better.")
    measured = outcomes_of(results, choice) if results else _of_tables(tables)
    names = ", ".join(name for name, _ in (*tables, *results))
    shared, warnings = _shared(_cut(names), {strategy: set(each) for strategy, each in measured.outcomes.items()})
    if left_out:
        warnings += [*unread, f"We found no scores in {_cut(', '.join(left_out))} and left that out."]
    warnings += _uneven_repeats(measured, shared)
    return Outside(_trials(measured, shared), [*measured.warnings, *warnings], measured.quotes)


def _trials(measured: Measured, shared: set[Key]) -> list[Trial]:
    repeated = {example for example, repeat in shared if repeat != "1"}
    return [
        Trial(
            strategy,
            "done",
            outcomes=tuple(
                replace(
                    outcome,
                    example_id=key[0] if key[1] == "1" else "\n".join(key),  # no example's name has two lines
                    group=measured.groups.get(key[0], key[0] if key[0] in repeated else None),
                )
                for key, outcome in each.items()
                if key in shared
            ),
            changes_weights=strategy_of(strategy) in CHANGES_WEIGHTS,
        )
        for strategy, each in measured.outcomes.items()
    ]


def _uneven_repeats(measured: Measured, shared: set[Key]) -> list[str]:
    """A score is the mean of all answers, so an example with more repeats counts more. A sentence with the scores as
    they would be if all examples counted the same, if any of these is another score."""
    repeats = Counter(example for example, _ in shared)
    if len(set(repeats.values())) < 2:
        return []
    means: dict[str, str] = {}
    is_another = False
    for strategy, each in measured.outcomes.items():
        of_example: dict[str, list[float]] = {}
        for example, repeat in shared & each.keys():
            of_example.setdefault(example, []).append(each[example, repeat].score)
        if of_example:
            even, mean = fmean(map(fmean, of_example.values())), fmean(chain.from_iterable(of_example.values()))
            means[strategy] = score_text(even)
            is_another |= abs(even - mean) >= _ANOTHER
    if not is_another:
        return []
    told = list_text([f"{_cut(strategy)} would score {score}" for strategy, score in means.items()])
    least, most = min(repeats.values()), max(repeats.values())
    return [
        f"Examples have {least:,} to {most:,} answers of a strategy, and every answer counts the same. If every "
        f"example counted the same, {told}: ask each of them equally often."
    ]


def _of_tables(tables: Sequence[tuple[str, Table]]) -> Measured:
    measured = Measured()
    for name, table in tables:
        for where, values in _rows(name, table, _NEEDED):
            example, strategy = _named(values["example"]), _named(values["strategy"])
            if not example or not strategy:
                missing = "example" if not example else "strategy"
                raise BadInput(f"{where}: the column {missing} is empty; every answer needs one.")
            if strategy in (BASELINES_STEP, CURVES_STEP):
                raise BadInput(f"{where}: {strategy} is a reserved name; rename the strategy.")
            repeat = _counted(_named(values.get("repeat", "") or values.get("epoch", ""))) or "1"
            answered = measured.outcomes.setdefault(strategy, {})
            if (example, repeat) in answered:
                raise BadInput(
                    f"{where}: {_cut(strategy)} answers example {_cut(example)} twice; keep one row of each."
                )
            group = values.get("group", "").strip()
            if group and measured.groups.setdefault(example, group) != group:
                raise BadInput(f"{where}: example {_cut(example)} is in two groups; give it one.")
            seconds, tokens_in, tokens_out = (_number(where, each, values.get(each, "")) for each in _MEASURED)
            answered[example, repeat] = Outcome(
                "", strategy, "", _score(where, values["score"]), {}, int(tokens_in or 0), int(tokens_out or 0), seconds
            )
    return measured


def _score(where: str, text: str) -> float:
    score = score_in(text)
    if isinstance(score, str) or (score is None and text.strip()):
        raise BadInput(f"{where}: score is “{_cut(text.strip())}”; it must be a number from 0, like 0.5.")
    if score is None or not 0 <= score <= 1:
        shown = _cut(text.strip()) or "empty"
        raise BadInput(f"{where}: the score is {shown}; it must be from 0 to 1, or a percentage like 87 %.")
    return round(score, _DIGITS)


def _shared(names: str, answered: Mapping[str, set[Key]]) -> tuple[set[Key], list[str]]:
    """The examples that all strategies answered, baselines aside, and who lacks how many of the others'. Raises
    BadInput if there are none."""
    strategies = {strategy: examples for strategy, examples in answered.items() if strategy not in BASELINES}
    if not strategies:
        raise BadInput(
            f"{names} has only {', '.join(answered)}, which are baselines (answers without a language model); "
            "add the answers of a strategy, or rename these."
        )
    every, shared = set.union(*strategies.values()), set.intersection(*strategies.values())
    if not shared:
        named = ", ".join(map(_cut, strategies))
        raise BadInput(f"{names}: no example was answered by all of {named}; compare them on the same ones.")
    has_repeats = len({example for example, _ in every}) < len(every)
    counted = "examples, counting each repeat," if has_repeats else "examples,"
    warnings = [
        f"{_cut(strategy)} answered {len(examples):,} of {len(every):,} {counted} so we compare all on only "
        f"{len(shared):,}: ask it the others too and add their rows (score 0 if it gives no answer), or leave it out."
        for strategy, examples in strategies.items()
        if len(examples) < len(every)
    ]
    return shared, warnings


def read_costs(name: str, content: bytes, trials: Sequence[Trial]) -> dict[str, Quote]:
    """The cost of each strategy the file names. Columns: strategy, one_off, per_1000 (requests); what is empty is
    unknown, but for a cost of requests that follows from the seconds measured."""
    quotes: dict[str, Quote] = {}
    names = [trial.strategy for trial in trials]
    table = read_table_apart(name, content)
    for where, values in _rows(name, table, ("strategy", "one_off", "per_1000")):
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


def costs_by_time(trials: Sequence[Trial], recorded: Mapping[str, Quote], quotes: Mapping[str, Quote]) -> str | None:
    """A sentence on the strategies whose cost follows from their seconds although a tool `recorded` the cost of others.
    A service's answers would seem almost free."""
    timed = [
        trial.strategy
        for trial in trials
        if (trial.strategy not in quotes or quotes[trial.strategy].per_1000 is None)
        and any(one.seconds is not None for one in trial.outcomes)
    ]
    if not recorded or not timed:
        return None
    named = list_text([_cut(name) for name in timed])
    return (
        f"We found no cost of {named}, so we computed it from the seconds and the machine's price. If your machine "
        "didn't write these answers, give their per_1000 with --costs."
    )


def check_tokens(trials: Sequence[Trial], quotes: Mapping[str, Quote]) -> None:
    """Raises BadInput where an answer has no tokens to be priced by, and its strategy no price of its own."""
    for trial in trials:
        is_quoted = trial.strategy in quotes and quotes[trial.strategy].per_1000 is not None
        answered = [one for one in trial.outcomes if one.error is None]
        are_counted = all(one.tokens_in for one in answered) and any(one.tokens_out for one in answered)
        if not is_quoted and not are_counted:
            raise BadInput(
                f"A hosted model is paid by the token, but some answers of {trial.strategy} have no token counts: fill "
                "in tokens_in and tokens_out, or give its per_1000 with --costs."
            )


def _rows(name: str, table: Table, needed: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Where each row stands, and its values by column; how column names are capitalised does not matter."""
    columns = [column.lower() for column in table.columns]
    if missing := _lacking(table, needed):
        raise BadInput(
            f"{name} lacks a column called {' and one called '.join(missing)}; it has "
            f"{', '.join(map(_cut, table.columns))}: rename or add what is missing."
        )
    for column in (*needed, *_MEASURED, "group", "repeat", "epoch"):
        if columns.count(column) > 1:
            raise BadInput(f"{name} has the column {column} twice, in other capitals; rename or delete one of them.")
    for line, row in zip(table.numbers(), table.rows, strict=True):
        yield f"{name}, row {line}", dict(zip(columns, row, strict=True))


def _lacking(table: Table, needed: Sequence[str]) -> list[str]:
    columns = [column.lower() for column in table.columns]
    return [column for column in needed if column not in columns]


def _named(text: str) -> str:
    """A name on one line; a terminal would obey what cannot be printed."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _counted(text: str) -> str:
    """A whole number in one form: pandas writes 1.0 where a row of the column is empty."""
    found = number(text)
    return text if found is None or not found.is_integer() else str(int(found))


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
