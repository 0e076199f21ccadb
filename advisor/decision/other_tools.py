"""Answers that other tools recorded, as outcomes: of which strategies they are, and by which metric they are scored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from eval.money.costs import Quote
from eval.outcomes import Outcome
from eval.reading.other_tools.answers import AnswerSet, Better, Score, ToolAnswer, ToolResults, cut
from eval.task import BadInput

_DIGITS = 9  # of a score: means of the same parts can differ in their last bits
_MOST_NAMED = 12  # metrics in a sentence
# Words in the name of a metric that is usually better when it is lower.
_LOWER = frozenset(
    ("bias", "bits", "brier", "cer", "cost", "distance", "duration", "error", "errors", "hallucination",
     "hallucinations", "latency", "leakage", "loss", "mae", "misuse", "mse", "nll", "noise", "perplexity", "ppl",
     "rmse", "seconds", "ter", "toxicity", "wer")
)  # fmt: skip
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")

Key = tuple[str, str]  # an example and which repeat of it


@dataclass(slots=True)
class Measured:
    """`outcomes` by strategy, still without the names and groups of their examples; the `groups` of examples that have
    one; sentences on how the files were read; what strategies cost."""

    outcomes: dict[str, dict[Key, Outcome]] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    quotes: dict[str, Quote] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """The metric that the person named, and which of its values are better; None: the files decide."""

    metric: str | None = None
    better: Better | None = None


@dataclass(frozen=True, slots=True)
class _Series:
    """The answers of one strategy, each with its file and place."""

    facets: dict[str, str]
    answers: tuple[tuple[str, ToolAnswer], ...]


def outcomes_of(files: Sequence[tuple[str, ToolResults]], choice: Choice) -> Measured:
    """What these files of one tool measured. Raises BadInput if they are of several tools, or if it isn't clear which
    metric to take."""
    tools = {results.tool: name for name, results in files}
    if len(tools) > 1:
        (tool, name), (other, another) = list(tools.items())[:2]
        raise BadInput(f"{name} is from {tool} and {another} from {other}: give the files of one tool at a time.")
    results = [each for _, each in files]
    metric = _metric_of(results, choice.metric)
    series = _pooled([_series(name, one) for name, each in files for one in each.sets])
    named = dict(zip(_names_of(series), series, strict=True))
    if not any(one.answers for one in series):
        raise BadInput(f"{files[0][0]} holds no answers; run {results[0].tool} again.")
    measured = Measured(warnings=list(dict.fromkeys(note for each in results for note in each.notes)))
    is_lower = _is_lower(metric, [each.better[metric] for each in results if metric in each.better], choice, measured)
    has_repeats = any(answer.repeat > 1 for one in series for _, answer in one.answers)
    unscored: set[Key] = set()
    for strategy, one in named.items():
        found = measured.outcomes[strategy] = _outcomes(strategy, one, metric, is_lower)
        if not found:
            raise BadInput(f"{strategy} has no {cut(metric)}; choose another --metric, or leave out its file.")
        lacking = {_key(answer) for _, answer in one.answers} - found.keys()
        unscored |= lacking
        if sentence := _failed_sentence(strategy, found.values(), len(one.answers)):
            measured.warnings.append(sentence)
        if lacking:
            measured.warnings.append(
                f"{strategy} has no {cut(metric)} for {len(lacking):,} of {len(one.answers):,} answers, so we leave "
                f"these {'repeats' if has_repeats else 'examples'} out of all strategies."
            )
        if (per_1000 := _cost_per_1000(answer for _, answer in one.answers)) is not None:
            measured.quotes[strategy] = Quote(None, per_1000)
    for found in measured.outcomes.values():
        for key in unscored & found.keys():
            del found[key]
    return measured


def _series(name: str, one: AnswerSet) -> _Series:
    stem = str(PurePath(name).with_suffix("")) if PurePath(name).suffix else name
    return _Series({**one.facets, "file": stem}, tuple((name, answer) for answer in one.answers))


def _pooled(series: list[_Series]) -> list[_Series]:
    """If several models answered tasks that share no example, the tasks are parts of one test set and each model is a
    strategy. If tasks share examples, they are different ways to ask, so they are strategies too."""
    without = [tuple(value for key, value in one.facets.items() if key not in ("task", "file")) for one in series]
    tasks = [one.facets.get("task", "") for one in series]
    of_task: dict[str, set[str]] = {}
    for task, one in zip(tasks, series, strict=True):
        of_task.setdefault(task, set()).update(answer.example for _, answer in one.answers)
    share_none = sum(map(len, of_task.values())) == len(set().union(*of_task.values()))
    if len(of_task) < 2 or len(set(without)) < 2 or not share_none:
        return series
    _check_once(series, list(zip(without, tasks, strict=True)))
    pooled: dict[tuple[str, ...], _Series] = {}
    for key, one in zip(without, series, strict=True):
        facets = {each: value for each, value in one.facets.items() if each != "task"}
        before = pooled.get(key, _Series(facets, ()))
        pooled[key] = _Series(before.facets, before.answers + one.answers)
    return list(pooled.values())


def _check_once(series: Sequence[_Series], parts: Sequence[tuple[tuple[str, ...], str]]) -> None:
    """Raises BadInput if a model answered a task in two files, as after a second evaluation into the same folder: then
    no strategy has answered every task once."""
    first: dict[tuple[tuple[str, ...], str], _Series] = {}
    for part, one in zip(parts, series, strict=True):
        if (other := first.setdefault(part, one)) is not one:
            files = " and ".join(sorted(each.answers[0][0] for each in (other, one)))
            raise BadInput(f"{files} both hold answers of {cut(', '.join(part[0]))} to {part[1]}: leave one out.")


def _names_of(series: Sequence[_Series]) -> list[str]:
    """The fewest facets that tell them apart, those that matter most first; the file only if nothing else does."""
    keys = dict.fromkeys(key for one in series for key in one.facets if key != "file")
    chosen: list[str] = []

    def told_apart(by: Sequence[str]) -> int:
        return len({tuple(one.facets.get(key) for key in by) for one in series})

    for key in (*keys, "file"):
        if told_apart([*chosen, key]) > told_apart(chosen):
            chosen.append(key)
        if told_apart(chosen) == len(series):
            break
    names: list[str] = []
    for one in series:
        values = [one.facets[key] for key in chosen if key in one.facets] or list(one.facets.values())
        name = cut(", ".join(values if chosen else values[:1]))
        names.append(name if name not in names else f"{name} ({len(names) + 1})")
    return names


def _metric_of(results: Sequence[ToolResults], wanted: str | None) -> str:
    found = list(
        dict.fromkeys(
            metric for each in results for one in each.sets for answer in one.answers for metric in answer.scores
        )
    )
    tool = results[0].tool
    if not found:
        raise BadInput(f"{tool} recorded no score for any answer here: add a metric there and run it again.")
    listed = ", ".join(map(cut, found[:_MOST_NAMED])) + (" and more" if len(found) > _MOST_NAMED else "")
    if wanted is not None:
        same = [each for each in found if each == wanted] or [
            each for each in found if each.casefold() == wanted.casefold()
        ]
        if not same:
            raise BadInput(f"{tool} recorded no metric “{cut(wanted)}” here: choose --metric from {listed}.")
        return same[0]
    if (main := results[0].main_metric) in found:
        return main
    if len(found) > 1:
        raise BadInput(f"{tool} recorded several metrics here: choose one of {listed} with --metric.")
    return found[0]


def _is_lower(metric: str, shown: Sequence[Better], choice: Choice, measured: Measured) -> bool:
    """Whether lower values are better, in which case 1 minus the value is the score."""
    if choice.better is not None:
        return choice.better == "lower"
    if len(set(shown)) > 1:
        raise BadInput(
            f"In some of these files higher values of {cut(metric)} pass and in others lower ones: write them with one "
            "version of the tool."
        )
    if shown:
        if shown[0] == "lower":
            measured.warnings.append(f"Lower values of {cut(metric)} pass, so the score is 1 minus its value.")
        return shown[0] == "lower"
    if _LOWER.intersection(word.casefold() for word in _WORDS.findall(metric)):
        raise BadInput(
            f"{cut(metric)} sounds like a metric that is better when it is lower: add --better lower, and the score is "
            "1 minus its value, or --better higher if it isn't."
        )
    return False


def _outcomes(strategy: str, series: _Series, metric: str, is_lower: bool) -> dict[Key, Outcome]:
    """Without the answers that the tool couldn't score. An answer that failed scores 0, as in a run."""
    outcomes: dict[Key, Outcome] = {}
    seen: set[Key] = set()
    for file, answer in series.answers:
        where = f"{file}, {answer.place}"
        if (key := _key(answer)) in seen:
            raise BadInput(
                f"{where}: {strategy} answers example {cut(key[0])} twice in repeat {key[1]}; keep one of them."
            )
        seen.add(key)
        score = answer.scores.get(metric)
        failed = score is None and answer.error
        if score is not None or failed:
            outcomes[key] = Outcome(
                "",
                strategy,
                "",
                0.0 if score is None else _checked(where, metric, score, is_lower),
                {},
                answer.tokens_in or 0,
                answer.tokens_out or 0,
                None if failed else answer.seconds,
                error=answer.error if failed else None,
            )
    return outcomes


def _key(answer: ToolAnswer) -> Key:
    return " ".join(answer.example.split()), str(answer.repeat)


def _failed_sentence(strategy: str, outcomes: Iterable[Outcome], count: int) -> str | None:
    errors = [one.error for one in outcomes if one.error]
    if not errors:
        return None
    first = cut(errors[0]).rstrip(".")
    return f"We count {len(errors):,} of {count:,} answers of {strategy} as wrong because they failed (first: {first})."


def _checked(where: str, metric: str, score: Score, is_lower: bool) -> float:
    if not isinstance(score, float) or not 0 <= score <= 1:
        shown = f"{score:g}" if isinstance(score, float) else f"“{score}”"
        raise BadInput(
            f"{where}: {cut(metric)} is {shown}; a score has to be from 0 to 1, or a percentage with its sign: choose "
            "another --metric, or scale it in the tool."
        )
    return round(1 - score if is_lower else score, _DIGITS)


def _cost_per_1000(answers: Iterable[ToolAnswer]) -> float | None:
    """None if the cost of some answer isn't known; tools also write 0 for a price that they don't know."""
    costs = [answer.cost for answer in answers if not answer.error]
    known = [cost for cost in costs if cost is not None]
    return 1000 * sum(known) / len(known) if known and len(known) == len(costs) and sum(known) > 0 else None
