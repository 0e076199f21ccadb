"""Which facts a text states. Scores are judged by this, so it shares no code with `eval.scoring`.

A planted task knows every value that its texts can hold. The reader finds each number, date and name in any notation;
the nearest cue word shows which attribute it belongs to. A text states a fact if it holds the right value and no other
value of the same attribute.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from tests.benchmarks.number_notations import Day, Money, Quantity, numbers_in

Value = Quantity | str
FactKind = Literal["number", "date", "name", "yes-no", "refusal", "text"]


@dataclass(frozen=True, slots=True)
class Keypoint:
    """One fact of an expected answer.

    A text states it if it states all `values`. `peers` are other right values of the same attribute (the second
    founder): a wrong value does not count against this fact while it takes the place of a peer. `dimension` is how the
    values are read: a vocabulary of the `Reader`, or "money", "date", "clock", "months", "percent" or "count".
    """

    kind: FactKind
    attribute: str
    dimension: str
    values: tuple[Value, ...]
    peers: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class PoolRow:
    """A text that could answer an example, how it was made, and the share of the example's facts that it states."""

    example_id: str
    text: str
    variant: str
    truth: float


@dataclass(frozen=True, slots=True)
class Mention:
    """A value in a text; two values if the notation is ambiguous (3/4/2011)."""

    dimension: str
    values: tuple[Value, ...]
    start: int
    end: int
    attribute: str | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads what the texts of one task state.

    `names`: for each dimension, a regular expression for each value, without capturing groups; the first one wins if
    two match at the same place. `cues`: for each dimension, the words that show which attribute a value belongs to.
    `polar`: dimensions whose expressions cover negation themselves. `denies`: whether a value after "not" is ignored in
    the other dimensions. `capitals`: dimensions whose values all begin with a capital letter; this makes reading ten
    times as fast.
    """

    names: Mapping[str, Mapping[str, str] | Mapping[str | int, str]]
    cues: Mapping[str, Mapping[str, str]]
    polar: frozenset[str] = frozenset()
    denies: bool = True
    capitals: frozenset[str] = frozenset()

    def share_stated(self, keypoints: Sequence[Keypoint], text: str, subject: str = "", others: str = "") -> float:
        """The share of `keypoints` that the text states; `subject` and `others` are regular expressions, see `read`."""
        mentions = self.read(text, subject, others)
        return sum(self._is_stated(keypoint, mentions, text) for keypoint in keypoints) / len(keypoints)

    def read(self, text: str, subject: str = "", others: str = "") -> list[Mention]:
        """All values in the text. Questions are skipped, and sentences that name one of `others` but not the
        `subject`."""
        return [mention for sentence in sentences(text) for mention in self._read_sentence(sentence, subject, others)]

    def _read_sentence(self, sentence: str, subject: str, others: str) -> Iterator[Mention]:
        if sentence.endswith("?") or (others and re.search(others, sentence) and not re.search(subject, sentence)):
            return
        found, hidden = self._names_in(sentence)
        found += [Mention(each.dimension, each.values, each.start, each.end) for each in numbers_in(hidden)]
        for mention in found:
            if not self.denies or mention.dimension in self.polar or not _is_denied(sentence, mention.start):
                yield replace(mention, attribute=self._attribute(mention, sentence))

    def _names_in(self, sentence: str) -> tuple[list[Mention], str]:
        """The names, and the sentence with the names blanked out, so that "ISO 9001" is not read as a number."""
        found, hidden = [], sentence
        for dimension, forms in self.names.items():
            values = list(forms)
            for match in _any_of(tuple(forms.values()), dimension in self.capitals).finditer(sentence):
                assert match.lastgroup
                found.append(Mention(dimension, (values[int(match.lastgroup[1:])],), *match.span()))
                if dimension not in self.polar:
                    blank = " " * (match.end() - match.start())
                    hidden = hidden[: match.start()] + blank + hidden[match.end() :]
        return found, hidden

    def _attribute(self, mention: Mention, sentence: str) -> str | None:
        """The attribute whose cue is nearest. A cue after the value counts as further away than one before it."""
        near = [
            (mention.start - cue.end() if cue.end() <= mention.start else 1.5 * (cue.start() - mention.end) + 4, name)
            for name, form in self.cues.get(mention.dimension, {}).items()
            for cue in re.finditer(form, sentence, re.IGNORECASE)
        ]
        return min(near)[1] if near else None

    def _is_stated(self, keypoint: Keypoint, mentions: Sequence[Mention], text: str) -> bool:
        own = [
            mention
            for mention in mentions
            if mention.attribute in (keypoint.attribute, None)
            and (mention.dimension == keypoint.dimension or _bare_amount(mention, keypoint))
        ]
        if keypoint.kind == "refusal":
            return refuses(text) and not any(mention.attribute == keypoint.attribute for mention in own)
        if keypoint.kind == "yes-no" and refuses(text):
            return False
        right = (*keypoint.values, *keypoint.peers)
        missing = sum(not any(_says(mention, peer) for mention in own) for peer in keypoint.peers)
        rivals = {mention.values for mention in own if not any(_fits(mention, value) for value in right)}
        said = all(any(_says(mention, value) for mention in own) for value in keypoint.values)
        return said and len(rivals) <= missing


_SENTENCE_END = re.compile(r"(?<![ap]\.m\.)(?<!\b[A-Z]\.)(?<=[.!?])[\"”']?\s+(?=[\"“'A-Z0-9])|\s*\n\s*")
_CLAUSE_START = re.compile(r"[,;:]\s|\b(?:but|and)\b|[—–]\s")
_DENIAL = re.compile(r"\b(?:not(?! only)|never|no longer|nor|neither)\b|n['’]t\b", re.IGNORECASE)

_REFUSAL = re.compile(
    r"""\b(?:do|does|did|can|could)(?:\s?not|n['’]t)\b.{0,25}\b
          (?:say|state|tell|mention|answer|know|give|specify|contain|find|reveal|disclose|show|name|report|include)\b
      | \bcan(?:not|['’]t)\s(?:be\s)?(?:answer|tell|say|find|know|determin)
      | \b(?:not|never|nowhere)\s(?:been\s|be\s)?
          (?:stated|mentioned|given|specified|known|disclosed|recorded|documented|provided|available|answered|found|said)\b
      | \b(?:no|insufficient|not\senough)\s(?:information|mention|indication|figures?|details)\b | \bno\sanswer\b
      | \bno\sdocuments?\s(?:says?|mentions?|gives?)\b | \b(?:never|none)\b.{0,25}\bmentions?\b
      | \bnothing\b.{0,40}\b(?:says?|said|tells?|mentions?|states?|about|on)\b
      | \b(?:unknown|unclear|unanswerable|unable\sto|silent\son|leaves?\sopen|left\sopen|without\san\sanswer)\b
      | ^n/?a\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


@lru_cache(maxsize=64)
def _any_of(forms: tuple[str, ...], capital: bool) -> re.Pattern[str]:
    """Matches any of the forms; the name of the group that matched is "v" and the form's position."""
    groups = "|".join(f"(?P<v{at}>{form})" for at, form in enumerate(forms))
    return re.compile(rf"\b(?=[A-Z])(?:{groups})" if capital else groups)


def refuses(text: str) -> bool:
    """Whether a text says that the answer is not known or not to be found."""
    return bool(_REFUSAL.search(text))


def sentences(text: str) -> list[str]:
    return [part for part in _SENTENCE_END.split(text) if part]


def _is_denied(sentence: str, at: int) -> bool:
    """Whether the clause denies the value at this position, as "not" does."""
    starts = [match.end() for match in _CLAUSE_START.finditer(sentence, 0, at)]
    return bool(_DENIAL.search(sentence, max(starts, default=0), at))


def _bare_amount(mention: Mention, keypoint: Keypoint) -> bool:
    """Whether it is a sum without its currency: "48.5 million" is right where the question asks for money."""
    is_count = keypoint.dimension == "money" and mention.dimension == "count"
    return is_count and any(isinstance(each, float) and each >= 100_000 for each in mention.values)


def _says(mention: Mention, value: Value) -> bool:
    """Whether the mention is at least as exact as the value: a full date states a year, a year states no full date."""
    return any(_equal(each, value, partly=False) for each in mention.values)


def _fits(mention: Mention, value: Value) -> bool:
    """Whether the mention agrees with the value as far as it goes."""
    return any(_equal(each, value, partly=True) for each in mention.values)


def _equal(found: Value, value: Value, partly: bool) -> bool:
    match found, value:
        case Day() as given, Day() as day:
            parts = zip(given, day, strict=True)
            return all(one == other or other is None or (partly and one is None) for one, other in parts)
        case Money(sum, its), Money(amount, currency):
            return abs(sum - amount) < 0.5 and its in (currency, None)
        case float(sum), Money(amount, _):
            return abs(sum - amount) < 0.5
        case (float() | int()) as one, (float() | int()) as other:
            return abs(one - other) < 1e-6
    return found == value
