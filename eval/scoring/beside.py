"""What an answer states besides the expected facts."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from eval.scoring.collection import Collection, values_of
from eval.scoring.derived import derived_numbers
from eval.scoring.matching import agrees_with_any, is_short_for, spells_out
from eval.scoring.passages import Copied
from eval.scoring.reading import FactKind, Said

_IN_CONTEXT = 0.1  # cost of an extra fact from the same document as the expected ones; any other costs 1
_NUMBER_OF_NOWHERE = 3.0  # of a number that doesn't even follow from those of an input that holds all facts


def stated_beside(
    answer: Said,
    expected: Said,
    asked: Said,
    collection: Collection,
    documents: Sequence[str],
    wording: frozenset[Hashable],
    copied: Copied | None = None,
    is_held: bool = False,
) -> tuple[float, int]:
    """What an answer states besides the expected facts, the input and the `wording` of the task (German capitalises its
    nouns): its weight, and the number of facts that occur nowhere in the task. Ordinary words don't count, because they
    may be another way to say the same. With a passage in the input (`copied`), `asked` is only the question.
    `is_held`: all facts come from the input, and it isn't a list."""
    known = {value for said in (expected, asked) for fact in said.facts for value in values_of(fact)}
    known |= expected.stems | asked.stems | wording
    following = derived_numbers(answer, asked) if is_held else set()
    weight, invented = 0.0, 0
    contexts: set[str] | None = None
    seen: set[Hashable] = set()
    for fact in answer.facts:
        if not fact.is_hard or fact.is_negated or agrees_with_any(fact, (*expected.facts, *asked.facts)):
            continue
        if any(is_short_for(fact, other) or is_short_for(other, fact) for other in (*expected.facts, *asked.facts)):
            continue
        is_number = fact.kind is FactKind.NUMBER  # agrees with no expected one, so "two days" isn't "two hours"
        beside = [value for value in values_of(fact) if (is_number or value not in known) and value not in seen]
        if fact.kind is FactKind.NAME and len(beside) < len(fact.values):
            beside = [value for value in beside if not spells_out(str(value), known)]  # M. Gonzalez
            if not fact.span[0] and any({*fact.values[1:]} >= {*other.values} for other in expected.facts):
                beside = [value for value in beside if value != fact.values[0]]  # "Probably Lyon"
        seen.update(beside)
        if not beside:
            continue
        if not all(map(collection.supports, beside)):
            invented += 1
        elif contexts is None:
            contexts = collection.contexts(expected, asked, documents)
        is_in_context = contexts is not None and all(collection.stands_in(value, contexts) for value in beside)
        cost = copied.cost(fact, beside) if copied else 1.0
        if is_held and is_number and not following.issuperset(beside):
            cost = _NUMBER_OF_NOWHERE
        weight += min(cost, _IN_CONTEXT) if is_in_context else cost
    return weight, invented
