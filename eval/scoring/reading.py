"""What a text states, piece by piece: numbers, dates, times of day, names, yes or no, refusals, and other words."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from eval.failures.refusals import admits, refuses
from eval.scoring.dates import Date, TimeOfDay, find_dates, find_times
from eval.scoring.measures import find_measures
from eval.scoring.numbers import Quantity, Span
from eval.scoring.units import CURRENCY_SIGNS
from eval.scoring.words import find_words, folded, is_function_word, letters_of, stem_of, unaccented

MOST_CHARACTERS = 6_000  # read per text; answers are rarely that long
_ALONE = r"(?=\s*(?:[^\w\s]|$)|\s+(?:it|they|he|she|there|you|the|this|that|we|i)\b)"  # "No cards" isn't a no
_BEFORE = (
    r"\W*(?:(?:the\s+)?(?:final\s+|correct\s+)?answer(?:\s+to\s+(?:this|that|the|your)\s+question)?(?:\s+is)?\s*:?\s*|"
    r"i\s+think\s+|well,?\s+|sorry,?\s+)?\W*"
)
_YES = re.compile(
    rf"{_BEFORE}(?:(?:yes|yeah|yep|yup|sure|correct|true|of course|certainly|absolutely|indeed|ja|oui|sí|sì|si|да|نعم)"
    rf"{_ALONE}|はい|是的|对)",
    re.IGNORECASE,
)
_NO = re.compile(rf"{_BEFORE}(?:(?:no|nope|false|incorrect|nein|non|нет|لا){_ALONE}|いいえ|不是|否)", re.IGNORECASE)
_CLOSING = re.compile(
    r"(?:\b(?:is|returns?|says?)|,)\s+[`*\"']*(true|false|correct|incorrect|yes|no)\W*$", re.IGNORECASE
)
NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nor|nobody|nothing|without|cannot|nicht|kein\w*|nie|ohne|ne|pas|jamais|nunca|нет)\b"
    r"|n't\b|不|没|沒|ません|ない|ไม่",
    re.IGNORECASE,
)
NEGATIVE_VERB = re.compile(
    r"\b(?:lacks?|lacking|refuses?|bans?|banned|prohibit\w*|forbid\w*|exclud\w*|closed to|"
    r"off[- ]limits|keeps? (?:\w+ ){1,3}out|leav(?:e|es|ing) (?:\w+ ){1,3}(?:at home|outside|behind))\b",
    re.IGNORECASE,
)  # "not forbidden" is allowed
_NO_NEGATION = re.compile(
    r"\b(?:no|nobody|nothing|none) (?:other|else|better|problem|need|doubt|worries)\b|\bno\. ?(?=\d)|"
    r"\b(?:no|not) (?:later|more|less|fewer|longer|earlier|only|just|merely|to mention|far)\b",
    re.IGNORECASE,
)
# The source of an answer isn't part of it, and a title isn't part of a name.
_SOURCE = re.compile(
    r"\[\d+\]|\(?\b(?:according to |see |source: ?)?(?:page|passage|section|source|document) \d+\)?|^\s*\d+\.\s(?=\S)|"
    r"\b(?i:as of) \d{4},(?=\s)|"
    r"\b(?:Mr|Mrs|Ms|Miss|Sir|Dr|Prof|Doctor|Professor|Herr|Frau|Monsieur|Mme|Madame|Señora?)\b\.?(?=\s[A-Z\u00c0-\u00de])",
    re.MULTILINE,
)
_CLAUSE_END = re.compile(
    r"[.!?;:,\n]+(?=\s|$)|[。、]|(?<=[\u3040-\u9fff])[!?;:,]|\s+(?:but|and|while|whereas|although)\s+|"
    r"(?=\b(?:without|ohne|sans)\b)",  # negates only what follows
    re.IGNORECASE,
)
_CODE = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.-]*\w|(?:https?://|www\.)\S+\w|"
    r"(?<!\w)(?P<phone>(?:\+|\(?0)\d[\d ()/-]{5,}\d|"
    r"\(?\d{3}\)?[ .-]\d{3}[.-]\d{4}(?![\w-])|\(?\d{3}\)?[ -]0\d{3}(?![\w-]))|"
    r"(?<![\w-])(?:[A-Z]{1,3}-?|[A-Z]{2,4}[ -])\d{1,6}[A-Za-z]?(?![\w-]|[.,]\d)|"
    r"(?<![\w:.,])\d+(?::\d+(?:,\d{3})*)+(?![\w:]|\s?(?i:min|h(?:ou)?rs?\b|h\b))|"  # 3:1, or a time cut short
    r"(?<![\w-])(?i:covid)[ -]?\d{1,2}(?!\w|[.,]\d)"
)
_WEB = re.compile(r"^https?://(?:www\.)?|^www\.")
_TENS = {"twenties": "20", "thirties": "30", "forties": "40", "fifties": "50", "sixties": "60", "seventies": "70",
         "eighties": "80", "nineties": "90"}  # fmt: skip
_DECADE = re.compile(
    rf"(?<![\w.,])(?:the\s+)?(?:(?P<century>\d\d)(?P<ten>\d0)['’]?s|['’]?(?P<short>[2-9]0)s)\b|"
    rf"\b(?:the|his|her|their|early|late)\s+(?P<word>{'|'.join(_TENS)})\b(?!\s+of\s+(?:his|her|their|my))",
    re.IGNORECASE,
)
_DAYS = {day[:3]: day for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")}
_DAYS |= {day: day for day in _DAYS.values()} | {"tues": "tuesday", "thur": "thursday", "thurs": "thursday"}
_SENTENCE_END = re.compile(r"[.!?:\n]\s*[\"'“”(]*\s*$")


_INITIALS = re.compile(r"(?<![\w.])[A-Z](?:\.[A-Z])+(?=\.|\b)")  # J.R. is read like J. R.
_BETWEEN = "·"
_LONGEST_NAME = 80  # characters
_OPENING = 100  # characters in which an answer says yes or no, if at all


class FactKind(StrEnum):
    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    CODE = "code"
    NAME = "name"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Fact:
    """One stated fact. `values` are the stems of a name (one or more words) or of a word (one), or the one number,
    date, time (or weekday) or code (L-02, B2B, 007). `is_negated`: it is in a clause with "not". `span` is its place in
    the `folded` text."""

    kind: FactKind
    values: tuple[Hashable, ...]
    is_negated: bool = False
    span: Span = (0, 0)

    @property
    def is_hard(self) -> bool:
        """Whether it is right or wrong independent of the words around it."""
        if self.kind is FactKind.NUMBER:
            return not self.quantity.is_soft
        return self.kind is not FactKind.WORD

    @property
    def quantity(self) -> Quantity:
        (value,) = self.values
        assert isinstance(value, Quantity)
        return value


@dataclass(frozen=True, slots=True)
class Said:
    """Everything a text states. `stems` are those of all its words except function words, in any role. `says_yes` is
    None if it starts with neither yes nor no. `refuses`: it says that it doesn't know or can't answer. `admits`: it may
    say so, if that is the expected answer."""

    facts: tuple[Fact, ...]
    stems: frozenset[str]
    says_yes: bool | None
    refuses: bool
    admits: bool

    def values(self, kind: FactKind) -> list[Hashable]:
        return [value for fact in self.facts if fact.kind is kind for value in fact.values]


@dataclass(frozen=True, slots=True)
class Notation:
    """How a task writes what can be read two ways: 1,500 and 05/03/2024."""

    decimal_comma: bool = False
    month_first: bool = False


def read(text: str, notation: Notation = Notation(), is_name: Callable[[str], bool] = lambda stem: False) -> Said:
    """The facts of a text. `is_name` says whether a stem is a known name, for when capitals here don't show it."""
    text = _SOURCE.sub(_blank, folded(text[:MOST_CHARACTERS])[:MOST_CHARACTERS])
    found: list[tuple[Span, FactKind, Hashable]] = []
    for kind, spans in (
        (FactKind.DATE, find_dates(text, notation.month_first)),
        (FactKind.TIME, find_times(text)),
        (FactKind.CODE, _find_codes(text)),
        (FactKind.NUMBER, find_measures(text, notation.decimal_comma)),
    ):
        found += [(span, kind, value) for span, value in spans if not _overlaps(span, found)]
    found.sort(key=lambda each: each[0])
    negated = _negated_clauses(text)
    answered = max(
        (match.end() for match in (_YES.match(text[:_OPENING]), _NO.match(text[:_OPENING])) if match), default=0
    )
    closing = None if answered else _CLOSING.search(text)
    until = closing.start(1) if closing else len(text)
    facts = [Fact(kind, (value,), negated(span[0]), span) for span, kind, value in found]
    starts = [span[0] for span, _, _ in found]
    has_no_capitals = not any(map(str.isupper, text[1:]))
    stems: set[str] = {str(value) for _, kind, value in found if kind is FactKind.CODE}
    name: list[str] = []
    name_start = name_end = -1

    text = _INITIALS.sub(lambda match: match[0].replace(".", _BETWEEN), text)
    is_title = _is_title(text)

    def end_name() -> None:
        if name:
            facts.append(Fact(FactKind.NAME, tuple(name), negated(name_start), (name_start, name_end)))
            name.clear()

    for match in find_words(text):
        at = bisect_right(starts, match.start()) - 1
        if at >= 0 and match.start() < found[at][0][1]:
            continue
        word = match[0]
        is_initial = len(word) == 1 and word.isupper() and text[match.end() : match.end() + 1] in (".", _BETWEEN)
        is_negation = not letters_of(word) and (NEGATION.search(word) or NEGATIVE_VERB.search(word))
        if (is_function_word(word) and not is_initial) or is_negation or not answered <= match.start() < until:
            continue
        if len(letters := letters_of(word)) > 1:
            pairs = [one + other for one, other in pairwise(letters)]
            stems.update(pairs)
            facts += [Fact(FactKind.WORD, (pair,), negated(match.start()), match.span()) for pair in pairs]
            continue
        if (day := _day_of(word)) is not None:
            stems.add(day)
            facts.append(Fact(FactKind.TIME, (day,), negated(match.start()), match.span()))
            continue
        stem = stem_of(word)
        plain = unaccented(stem)
        stems.update((stem, plain))
        known = is_name(stem) and (word[0].isupper() or has_no_capitals)
        between = text[name_end : match.start()].strip(" -&") if name else None
        follows_initial = between in (".", _BETWEEN) and len(name[-1]) == 1 and word[0].isupper()  # E. Elmley
        if is_title or known or follows_initial or _looks_like_name(text, match.start(), word):
            if between == "" or follows_initial:
                name.append(plain)
            else:
                end_name()
                name[:], name_start = [plain], match.start()
            name_end = match.end()
        else:
            kind = FactKind.CODE if any(map(str.isdigit, word)) else FactKind.WORD
            facts.append(Fact(kind, (stem,), negated(match.start()), match.span()))
    end_name()
    return Said(tuple(facts), frozenset(stems), _says_yes(text), refuses(text), admits(text))


def _day_of(word: str) -> str | None:
    """Mon, Mondays and Monday become Monday. In lower case, sun and wed are other words."""
    if not word[0].isupper():
        return None
    plain = word.casefold()
    return _DAYS.get(plain) or _DAYS.get(plain.removesuffix("s"))


def _find_codes(text: str) -> Iterator[tuple[Span, str]]:
    """A few capitals and digits (L-02, B12, ISO 9001, Covid-19, but no amount of money), mail and web addresses,
    telephone numbers, and decades (the nineties are 1990s)."""
    for match in _CODE.finditer(text):
        code = re.sub(r"[\s()./-]" if match["phone"] else r"[\s()-]", "", match[0].replace("(0)", ""))
        if code.rstrip("0123456789") not in CURRENCY_SIGNS:
            yield match.span(), _WEB.sub("", code.casefold())
    for match in _DECADE.finditer(text):
        ten = match["ten"] or match["short"] or _TENS[match["word"].casefold()]
        yield match.span(), f"{match['century'] or '19'}{ten}s"


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _is_title(text: str) -> bool:
    """Whether a short text consists of capitalised words only, so that its first word is also part of a name."""
    if len(text) > _LONGEST_NAME:
        return False
    words = [match[0] for match in find_words(text) if not is_function_word(match[0])]
    return len(words) > 1 and all(word[0].isupper() for word in words)


def _looks_like_name(text: str, start: int, word: str) -> bool:
    """Capitals within a sentence. At its beginning they mean nothing, unless two words have them."""
    if not any(letter.isupper() for letter in word):
        return False
    return sum(letter.isupper() for letter in word) > 1 or not _begins_sentence(text, start)


def _begins_sentence(text: str, start: int) -> bool:
    before = text[max(0, start - 4) : start]
    return not before.strip(" \"'“”(") or bool(_SENTENCE_END.search(before))


def _says_yes(text: str) -> bool | None:
    if text.strip(" .!").casefold() in ("not", "never"):
        return False
    head = text[:_OPENING]
    if _YES.match(head) or _NO.match(head):
        return bool(_YES.match(head))
    closing = _CLOSING.search(text)
    return bool(_YES.match(closing[1])) if closing else None


def _negated_clauses(text: str) -> Callable[[int], bool]:
    """Whether a position is in a clause with a negation. A "no" that answers a question isn't one."""
    answered = _NO.match(text[:_OPENING])
    kept = _NO_NEGATION.sub(lambda match: " " * len(match[0]), text)
    if answered:
        kept = " " * answered.end() + kept[answered.end() :]
    if not NEGATION.search(kept) and not NEGATIVE_VERB.search(kept):
        return lambda place: False
    ends = [match.end() for match in _CLAUSE_END.finditer(kept)]
    bounds = [0, *ends, len(kept) + 1]
    clauses = [kept[a:b] for a, b in pairwise(bounds)]
    flags = [bool(NEGATION.search(clause)) != bool(NEGATIVE_VERB.search(clause)) for clause in clauses]
    return lambda place: flags[min(bisect_right(bounds, place) - 1, len(flags) - 1)]


def _overlaps(span: Span, found: Sequence[tuple[Span, FactKind, Hashable]]) -> bool:
    return any(start < span[1] and span[0] < end for (start, end), _, _ in found)


__all__ = ["Date", "Fact", "FactKind", "Notation", "Said", "TimeOfDay", "read"]
