"""What an answer says and then takes back: "12, no wait, 15" says 15, and "10 - 6 = 4" says 4."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from eval.scoring.matching import agrees_with_any
from eval.scoring.reading import FactKind, Said
from eval.scoring.yes_no import MOST_IN_SENTENCE

_CORRECTION = re.compile(
    r"(?:[.,;:!?…–—]|\s-)\s*(?:(?:oh|hmm?|um),?\s+)?"
    r"(?P<rest>(?:no|nein|non),?\s+(?:wait|sorry|actually)\b|wait\b(?=\s*[,.!…–—-]|\s+(?:no|actually)\b)|"
    r"(?:no|nein|non),(?=\s)|(?P<actually>actually\b(?!\s+also))|scratch\s+that|(?<![.!?]\s)(?:sorry|i\s+mean)\b)"
    r"|\?\s+(?P<answer>(?=\w))",
    re.IGNORECASE,
)
_CONCLUSION = re.compile(
    r"#{3,}|\\boxed\b|\banswer\s*(?:is\b|:)|[.,;\n]\s*so\b|\b(?:therefore|thus|hence|daher|donc|por\s+lo\s+tanto)\b"
    r"|(?<=[\d)%])\s*=(?=\s*[^\s=])",
    re.IGNORECASE,
)
_NOT_THIS = re.compile(
    r"\b(?:rather\s+than|instead\s+of|as\s+opposed\s+to|except(?:\s+for)?|(?:an)?statt|au\s+lieu\s+d[e']|"
    r"en\s+(?:lugar|vez)\s+de)\b[^.,;!?\n]*",
    re.IGNORECASE,
)
_IN_WORDS = frozenset({FactKind.WORD, FactKind.NAME})


def without_rejected(text: str, target: str) -> str:
    """A text (`folded`) with blanks for what it rejects: "pine rather than oak" says nothing of oak. Where the expected
    answer rejects something too, the text stays."""
    if _NOT_THIS.search(target):
        return text
    return _NOT_THIS.sub(lambda match: " " * len(match[0]), text)


def last_said(text: str, target: str, read: Callable[[str], Said]) -> Said:
    """What stands in the end, of each kind of fact: words before a correction don't count if words follow it. Of a
    calculation or a conclusion, only the numbers at its end count, unless several numbers are expected."""
    said, expected = read(text), read(target)
    if len(expected.facts) > MOST_IN_SENTENCE:
        return said
    if _CORRECTION.search(target) is None:
        for match in _CORRECTION.finditer(text):
            start = match.start("rest") if match["rest"] else match.end()
            if text[start:].strip():
                said = _replaced(said, read(" " * start + text[start:]), start, is_elsewhere=bool(match["actually"]))
    numbers = [fact for fact in expected.facts if fact.kind is FactKind.NUMBER]
    ends = [match.end() for match in _CONCLUSION.finditer(text)]
    concluded = [fact for fact in said.facts if ends and fact.kind is FactKind.NUMBER and fact.span[0] >= ends[-1]]
    if len(numbers) != 1 or len(concluded) != 1 or _CONCLUSION.search(target):
        return said
    kept = [fact for fact in said.facts if fact.kind is not FactKind.NUMBER or agrees_with_any(fact, concluded)]
    return replace(said, facts=tuple(kept))


def _replaced(said: Said, rest: Said, start: int, is_elsewhere: bool) -> Said:
    """`said` without what `rest`, which begins at `start`, says anew. What follows "actually" may be about something
    else (`is_elsewhere`), so words remain."""
    kinds = {fact.kind for fact in rest.facts}
    if is_elsewhere:
        kinds -= _IN_WORDS
    elif kinds & _IN_WORDS:
        kinds |= _IN_WORDS
    kept = [fact for fact in said.facts if fact.span[0] < start and fact.kind not in kinds]
    dropped = {value for fact in said.facts if fact.span[0] < start and fact.kind in kinds for value in fact.values}
    says_yes = said.says_yes if rest.says_yes is None else rest.says_yes
    stems = said.stems - {str(value) for value in dropped} | rest.stems
    return replace(said, facts=(*kept, *rest.facts), stems=stems, says_yes=says_yes)
