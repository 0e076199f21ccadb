"""What models said as judges of a run's answers, held against the person's clicks."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from advisor.schema import Judge, JudgedAgainst
from eval.blind.pairs import Click, Pair
from eval.blind.verdict import FEWEST_CLICKS, judge
from eval.judging.agreement import agreement
from eval.judging.corrected import corrected
from eval.judging.ruling import Ballot, Ruling, ruling_of

_MIRRORED = {Ruling.LEFT: Ruling.RIGHT, Ruling.RIGHT: Ruling.LEFT, Ruling.TIE: Ruling.TIE}
_WORTH = {Ruling.LEFT: 1, Ruling.RIGHT: -1, Ruling.TIE: 0}


def judges_of(
    pairs: Sequence[Pair],
    ballots: Sequence[Ballot],
    clicks: Sequence[Click],
    choice: str | None,
    models: Collection[str],
) -> tuple[Judge, ...]:
    """One for each model that cast ballots on these pairs, in the order of their first ballots. `models` are those
    whose answers the run compared."""
    names = dict.fromkeys(ballot.judge for ballot in ballots)
    made = [_judge(name, pairs, ballots, clicks, choice, name in models) for name in names if choice is not None]
    return tuple(one for one in made if one is not None)


def _judge(
    name: str,
    pairs: Sequence[Pair],
    ballots: Sequence[Ballot],
    clicks: Sequence[Click],
    choice: str,
    is_candidate: bool,
) -> Judge | None:
    cast = {ballot.key: ballot for ballot in ballots if ballot.judge == name}
    concerned = {pair.key: cast[pair.key] for pair in pairs if pair.key in cast}
    if not concerned:
        return None
    ruled = [(pair, _ruling(pair, cast[pair.key])) for pair in pairs if pair.key in cast]
    rulings = [(pair, ruling) for pair, ruling in ruled if ruling is not None]
    person = {one.pair: ruling_of(one.choice) for one in judge(pairs, clicks)}
    checked = {pair.key: (person[pair], ruling) for pair, ruling in rulings if pair in person}
    known = [*zip(*checked.values(), strict=True)]
    is_checked = len(checked) >= FEWEST_CLICKS
    others = sorted({writer for pair, _ in rulings if choice in pair.writers for writer in pair.writers} - {choice})
    against, right = [], None
    for other in others:
        made, right = _against(other, choice, rulings, person, is_checked, right)
        against.append(made)
    read = [ballot for ballot in concerned.values() if ballot.ruling is not None]
    return Judge(
        name,
        choice,
        is_candidate,
        agreement(*known) if known else None,
        right,
        sum(ballot.follows_position for ballot in read) / len(read) if read else 0.0,
        len(concerned),
        len(concerned) - len(read),
        tuple(against),
    )


def _against(
    other: str,
    choice: str,
    rulings: Sequence[tuple[Pair, Ruling]],
    person: dict[Pair, Ruling],
    is_checked: bool,
    right: tuple[float, float, float] | None,
) -> tuple[JudgedAgainst, tuple[float, float, float] | None]:
    """With the choice on the left; and how often the judge is right, as the first of them found it."""
    checked: list[tuple[Ruling, Ruling]] = []
    unchecked: list[Ruling] = []
    elsewhere: dict[object, tuple[Ruling, Ruling]] = {}
    units = []
    for pair, ruling in rulings:
        truth = person.get(pair)
        if set(pair.writers) != {choice, other}:
            if truth is not None:
                elsewhere[pair.key] = truth, ruling
            continue
        units.append(pair.unit)
        if pair.left.writer != choice:
            ruling, truth = _MIRRORED[ruling], None if truth is None else _MIRRORED[truth]
        if truth is None:
            unchecked.append(ruling)
        else:
            checked.append((truth, ruling))
    all_rulings = [*unchecked, *(ruling for _, ruling in checked)]
    as_ruled = sum(_WORTH[ruling] for ruling in all_rulings) / len(all_rulings)
    if not is_checked:
        return JudgedAgainst(other, len(all_rulings), as_ruled, None, None, None, None), None
    found = corrected(checked, unchecked, list(elsewhere.values()), len(set(units)) / len(units))
    made = JudgedAgainst(
        other,
        len(all_rulings),
        as_ruled,
        found.difference,
        found.low,
        found.high,
        float(np.mean(found.draws > 0)),
    )
    return made, right or found.right


def _ruling(pair: Pair, ballot: Ballot) -> Ruling | None:
    return ballot.ruling_on(pair.left.text)
