"""How often a strategy that learned from rejected answers prefers the chosen answer of test rows, as sentences."""

from __future__ import annotations

from collections.abc import Sequence

from eval.statistics.inference import interval
from eval.task import Example
from strategies.contract import LearnsPreferences, Preferred, Strategy


def preference_notes(strategy: Strategy, test: Sequence[Example]) -> tuple[str, ...]:
    """Empty for other strategies, and if no test row has a rejected answer."""
    if not isinstance(strategy, LearnsPreferences):
        return ()
    found = strategy.prefers(test)
    return (preference_sentence(found),) if found.pairs else ()


def preference_sentence(found: Preferred) -> str:
    likely = interval([1.0] * found.by_reward + [0.0] * (found.pairs - found.by_reward))
    return (
        f"Of {found.pairs:,} test rows with a rejected answer, it prefers the chosen one in {found.share:.0%} "
        f"(95 % CI {likely.low:.0%} to {likely.high:.0%}): training on preferences raised the log-probability of the "
        "chosen answer more than that of the rejected one. By log-probability alone, the chosen answer is the likelier "
        f"one in {found.by_likelihood / found.pairs:.0%}, before that training in {found.before / found.pairs:.0%}."
    )
