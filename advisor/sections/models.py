"""How the verdict differs by model, and whether it holds with the larger one."""

from __future__ import annotations

from itertools import combinations

from advisor.candidates import comparison, is_chance, judged
from advisor.decision.choice import PROBABLE
from advisor.decision.sentences import LEVEL
from advisor.pairing import strategy_of
from advisor.schema import ByModel, Comparison, OfModel, Report
from advisor.sections.blocks import Bullets, Section
from advisor.wording import in_sentence, interval_text, name_of, points_text, probability_text, score_text

TITLE = "The verdict by model"


def section(report: Report) -> Section | None:
    """None for a run with one model."""
    found = report.by_model
    if found is None:
        return None
    larger = _with_larger(found, report)
    of_each = tuple(_of_one(one, report) for one in found.of_each)
    between = tuple(_between(pair) for pair in _same_strategy(report))
    summary = larger or _agreement(found, report)
    shown = tuple(dict.fromkeys((summary, _agreement(found, report), *of_each)))
    blocks = (Bullets(shown, between, "The same strategy with another model"),)
    return Section("models", TITLE, summary, blocks, _HOW, f"{TITLE}: {_heading(found, report)}", "summary")


_HOW = (
    "For each model we apply the rule of the verdict to its strategies alone, on the same rows and with the same "
    f"priorities: the cheapest strategy with at least {probability_text(PROBABLE)} probability of being near the best. "
    "Differences: as under “Differences between strategies”. The larger model is the one with more parameters."
)


def _heading(found: ByModel, report: Report) -> str:
    chosen = {strategy_of(one.choice) if one.choice else None for one in found.of_each}
    if only := _only_strategy(found, report):
        return f"only {in_sentence(only)}, with each of {len(found.of_each)} models"
    if not _are_alike(found, report):
        return f"{len(found.of_each)} models, measured with different strategies"
    if len(chosen) == 1 and (strategy := next(iter(chosen))):
        return f"{in_sentence(strategy)} with each of {len(found.of_each)} models"
    return f"it differs between {len(found.of_each)} models"


def _measured(model: str, report: Report) -> set[str]:
    """The strategies measured with a model."""
    return {one.strategy for one in judged(report) if one.model == model}


def _only_strategy(found: ByModel, report: Report) -> str | None:
    """The strategy that was measured with every model, if no model was measured with another."""
    each = set.union(*(_measured(one.model, report) for one in found.of_each))
    return next(iter(each)) if len(each) == 1 and all(_measured(one.model, report) for one in found.of_each) else None


def _are_alike(found: ByModel, report: Report) -> bool:
    """Whether every model was measured with the same strategies, of which there are several."""
    each = [_measured(one.model, report) for one in found.of_each]
    return all(one == each[0] and len(one) > 1 for one in each)


def _agreement(found: ByModel, report: Report) -> str:
    """Whether each model alone leads to the same strategy. Where their strategies differ, nothing follows from that."""
    strategies = {strategy_of(one.choice) for one in found.of_each if one.choice}
    if only := _only_strategy(found, report):
        return f"Every model was measured with {in_sentence(only)} alone, so this run compares models, not strategies."
    if not _are_alike(found, report):
        return "Not every model was measured with the same strategies, so strategy and model can't be told apart."
    if any(one.choice is None for one in found.of_each):
        return "Not every model has a strategy that could be chosen."
    if len(strategies) == 1:
        return f"With each model alone, we would choose {in_sentence(next(iter(strategies)))}."
    return "Which strategy we would choose depends on the model."


def _with_larger(found: ByModel, report: Report) -> str | None:
    """Whether the recommended strategy is also the choice with the largest model; None where the sizes aren't known or
    nothing is recommended."""
    largest, choice = found.largest, report.recommendation.choice
    if largest is None or largest.choice is None or choice is None:
        return None
    strategy, instead = strategy_of(choice), strategy_of(largest.choice)
    if largest.choice == choice:
        return f"The verdict rests on the largest model, {largest.name}."
    if strategy not in _measured(largest.model, report):
        return (
            f"We don't know whether the verdict holds with the larger model: {in_sentence(strategy)} wasn't measured "
            f"with {largest.name}."
        )
    if len(_measured(largest.model, report)) == 1:
        return f"With the larger model, {largest.name}, we measured only {in_sentence(strategy)}."
    if largest.confidence == "too close to call":
        return f"With the larger model, {largest.name}, the strategies are too close to call."
    if strategy != instead:
        return (
            f"The verdict doesn't hold with the larger model: with {largest.name} we would choose "
            f"{in_sentence(instead)} instead of {in_sentence(strategy)}{_evidence(largest)}."
        )
    return (
        f"The verdict holds with the larger model: with {largest.name} we would also choose "
        f"{in_sentence(strategy)}{_evidence(largest)}."
    )


def _evidence(one: OfModel) -> str:
    return "" if one.confidence in ("strong", "moderate") else ", but the evidence is weak"


def _of_one(one: OfModel, report: Report) -> str:
    """What we would choose with one model, and how far that is from what is recommended."""
    if one.choice is None:
        return f"With {one.name} alone, nothing could be chosen: no strategy was measured within your limits."
    score = next(score_text(each.score.mean) for each in judged(report) if each.id == one.choice)
    name = in_sentence(strategy_of(one.choice))
    if len(_measured(one.model, report)) == 1:
        said = f"With {one.name}, we measured only {name}, which scores {score}."
    elif one.confidence == "too close to call":
        said = f"With {one.name} alone, it is too close to call. We would start with {name}, which scores {score}."
    else:
        said = f"With {one.name} alone, we would choose {name}, which scores {score} ({one.confidence} evidence)."
    choice = report.recommendation.choice
    pair = comparison(report, one.choice, choice) if choice and choice != one.choice else None
    return f"{said} {_from_choice(pair, one.choice, choice)}" if pair and choice else said


def _from_choice(pair: Comparison, own: str, choice: str) -> str:
    ahead = pair.difference if pair.a == own else -pair.difference
    interval = interval_text(pair.difference, pair.low, pair.high)
    if abs(pair.difference) < LEVEL:
        return f"That is the same score as {in_sentence(choice)} ({interval})."
    chance = ", which may be chance" if is_chance(pair) else ""
    way = "more" if ahead > 0 else "less"
    return f"That is {points_text(pair.difference)} {way} than {in_sentence(choice)}{chance} ({interval})."


def _same_strategy(report: Report) -> list[Comparison]:
    """One strategy with two models."""
    pairs = combinations(judged(report), 2)
    found = [comparison(report, one.id, other.id) for one, other in pairs if one.strategy == other.strategy]
    return [pair for pair in found if pair is not None]


def _between(pair: Comparison) -> str:
    a, b = (pair.a, pair.b) if pair.difference >= 0 else (pair.b, pair.a)
    interval = interval_text(pair.difference, pair.low, pair.high)
    if abs(pair.difference) < LEVEL:
        return f"{name_of(a)} scores the same as {in_sentence(b)} ({interval})."
    chance = ", which may be chance" if is_chance(pair) else ""
    return f"{name_of(a)} scores {points_text(pair.difference)} more than {in_sentence(b)}{chance} ({interval})."
