"""What a person's clicks on pairs of answers say of the score and of the strategies."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.schema import Person
from eval.blind.pairs import Click, Pair
from eval.blind.verdict import judge, personal_verdict
from eval.statistics.inference import Interval


def person_of(
    pairs: Sequence[Pair], clicks: Sequence[Click], asked_in: str, choice: str | None, before: Interval | None = None
) -> Person | None:
    """None where nothing was clicked that concerns these pairs. `asked_in` is the id of the run."""
    keys = {pair.key for pair in pairs}
    concerned = {click.key: click for click in clicks if click.key in keys}
    if not concerned and before is None:
        return None
    carried = sum(click.asked_in != asked_in for click in concerned.values())
    return Person(personal_verdict(judge(pairs, clicks), choice), carried, before)
