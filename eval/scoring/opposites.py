"""Words that turn a statement into its opposite, whatever else it shares: sales grew by 8%, sales fell by 8%."""

from __future__ import annotations

from eval.scoring.collection import values_of
from eval.scoring.reading import NEGATION, NEGATIVE_VERB, Said
from eval.scoring.words import find_words, stem_of

# Only words that say which way something goes: between other pairs, an answer is right or wrong by its other words.
_SIDES = (
    ("open opened", "closed shut"),
    (
        "grow grows grew grown rise rises rose risen increase increases increased climbed gained",
        "fall falls fell fallen drop drops dropped decrease decreases decreased declined sank shrank",
    ),
    ("up", "down"),
    ("higher", "lower"),
    ("above over", "below under beneath"),
    ("before", "after"),
    ("early", "late"),
    ("with", "without"),
    ("more", "less fewer"),
    ("inside indoors", "outside outdoors"),
    ("minimum least", "maximum most"),
    ("first", "last"),
    ("allowed permitted", "forbidden prohibited banned"),
    ("included", "excluded"),
    ("required mandatory compulsory obligatory", "optional voluntary"),
    ("always", "never"),
    ("accepted approved", "rejected refused declined"),
    ("north", "south"),
    ("east", "west"),
)
_PREFIXES = ("un", "non")  # paid, unpaid
_SHORTEST = 4  # letters


def _by_word() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for one, other in _SIDES:
        sides = frozenset(one.split()), frozenset(other.split())
        found |= dict.fromkeys(sides[0], sides[1]) | dict.fromkeys(sides[1], sides[0])
    return found


_OPPOSITES = _by_word()


def says_the_opposite(answer: Said, text: str, expected: Said, target: str) -> bool:
    """Whether an answer has the opposite of an expected word and not the word itself, neither of them negated."""
    ours, wanted = _words(text, answer), _words(target, expected)
    said = {stem_of(word) for word in ours} | answer.stems
    for word in wanted:
        opposites = _OPPOSITES.get(word, frozenset()) | _by_prefix(word)
        synonyms = {stem_of(each) for opposite in opposites for each in _OPPOSITES.get(opposite, ())}
        if opposites & ours and opposites.isdisjoint(wanted) and said.isdisjoint({stem_of(word), *synonyms}):
            return True
    return False


def _by_prefix(word: str) -> set[str]:
    longer = {prefix + word for prefix in _PREFIXES if len(word) >= _SHORTEST}
    return longer | {
        word[len(each) :] for each in _PREFIXES if word.startswith(each) and len(word) >= len(each) + _SHORTEST
    }


def _words(text: str, said: Said) -> set[str]:
    """The words of a text (`folded`), in small letters, that it doesn't negate."""
    negated = {str(value) for fact in said.facts if fact.is_negated for value in values_of(fact)}
    words = {match[0].casefold() for match in find_words(text)}
    if NEGATION.search(text):  # "not forbidden"
        words = {word for word in words if not NEGATIVE_VERB.fullmatch(word)}
    return {word for word in words if stem_of(word) not in negated}
