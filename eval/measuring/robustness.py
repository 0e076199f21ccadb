"""The same inputs as people might write them another day: with typos, in capitals, more politely, in other words. Pure
rules, deterministic for a seed.

A variant never touches a digit or a word that the expected answer may copy, so the right answer stays right. Politeness
and rewording are English, so only inputs that read as English get them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from random import Random

from eval.task import LABELLED, Example, Kind

TYPO_EVERY_WORDS = 6  # one typo per this many words, at least one
_WORD = re.compile(r"\w+")
# Whole words of four letters or more, but no part of an address, a code or a number.
_SPOILT = re.compile(r"(?<![\w@./:#'’-])[^\W\d_]{4,}(?![\w@/:'’-]|\.\w)")
_ENGLISH = frozenset(
    _WORD.findall(
        "the my your you what how why when who which where can could would should with this that there have has are "
        "does did not please from about they their been"
    )
)
_BEFORE = ("Hello. ", "Hi there! ", "Good morning. ", "Excuse me. ", "Sorry to bother you. ")
_AFTER = ("Thank you!", "Thanks a lot.", "Thank you very much for your help.", "Many thanks in advance.")

# Each can replace the other.
_EITHER_WAY = (
    ("I'm", "I am"), ("I'd like", "I would like"), ("I'll", "I will"), ("don't", "do not"),
    ("doesn't", "does not"), ("didn't", "did not"), ("can't", "cannot"), ("won't", "will not"), ("isn't", "is not"),
    ("aren't", "are not"), ("wasn't", "was not"), ("haven't", "have not"), ("hasn't", "has not"),
    ("couldn't", "could not"), ("shouldn't", "should not"), ("wouldn't", "would not"), ("you're", "you are"),
    ("we're", "we are"), ("that's", "that is"), ("there's", "there is"), ("what's", "what is"), ("where's", "where is"),
    ("how do I", "what do I do to"), ("can you tell me", "could you let me know"), ("can you", "could you"),
    ("I want to", "I would like to"), ("I need to", "I have to"), ("is it possible to", "is there a way to"),
    ("maybe", "perhaps"), ("almost", "nearly"), ("often", "frequently"), ("usually", "normally"), ("movie", "film"),
    ("right now", "at the moment"), ("immediately", "at once"), ("phone", "telephone"),
    ("kids", "children"),
)  # fmt: skip
# The reverse would not always fit.
_ONE_WAY = (
    ("I've", "I have"), ("problem", "issue"), ("can I", "am I able to"), ("why is", "for what reason is"),
    ("begin", "start"), ("begins", "starts"), ("repair", "fix"), ("obtain", "get"), ("receive", "get"),
    ("received", "got"), ("require", "need"), ("buy", "purchase"), ("assist", "help"), ("quickly", "fast"),
    ("in order to", "to"), ("big", "large"),
)  # fmt: skip
_REWORDED = {before.lower(): after for before, after in (*_EITHER_WAY, *((b, a) for a, b in _EITHER_WAY), *_ONE_WAY)}
_REWORDABLE = re.compile(
    rf"(?<![\w'-])(?:{'|'.join(sorted(map(re.escape, _REWORDED), key=len, reverse=True))})(?![\w'-])", re.IGNORECASE
)


def variants_of(examples: Sequence[Example], kind: Kind, seed: int) -> dict[str, list[Example]]:
    """For each variant, the examples it changes, with their changed inputs."""
    varied: dict[str, list[Example]] = {}
    for name, vary in VARIANTS.items():
        varied[name] = []
        for example in examples:
            kept = frozenset() if kind in LABELLED else words_of(" ".join(example.answers))
            changed = vary(example.input, Random(f"{seed}-{name}-{example.id}"), kept)
            if changed != example.input:
                varied[name].append(replace(example, input=changed))
    return varied


def words_of(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


def misspelt(text: str, random: Random, kept: Collection[str] = ()) -> str:
    """Neighbouring letters swapped, one left out or one doubled, in a few words, never at the beginning of a word."""
    words = [word for word in _SPOILT.finditer(text) if not _is_kept(word[0], kept)]
    count = min(len(words), max(1, round(len(_WORD.findall(text)) / TYPO_EVERY_WORDS)))
    for word in sorted(random.sample(words, count), key=lambda word: -word.start()):
        at = word.start() + random.randrange(1, len(word[0]) - 1)
        one, other = text[at], text[at + 1]
        made = random.choice((other + one, other, one + one + other) if one != other else (other, one + one + other))
        text = text[:at] + made + text[at + 2 :]
    return text


def lower(text: str, random: Random, kept: Collection[str] = ()) -> str:
    return text.lower()


def upper(text: str, random: Random, kept: Collection[str] = ()) -> str:
    return text.upper()


def polite(text: str, random: Random, kept: Collection[str] = ()) -> str:
    """Adds a greeting, thanks, or both."""
    if not _reads_as_english(text):
        return text
    before, after = random.choice(((True, False), (False, True), (True, True)))
    if after:
        text = f"{text.rstrip()}{'' if text.rstrip()[-1:] in '.!?' else '.'} {random.choice(_AFTER)}"
    return random.choice(_BEFORE) + text if before else text


def reworded(text: str, random: Random, kept: Collection[str] = ()) -> str:
    """Replaces contractions, openings and words by equivalents from the table."""
    if not _reads_as_english(text):
        return text

    def other(found: re.Match[str]) -> str:
        if any(_is_kept(word, kept) for word in _WORD.findall(found[0])):
            return found[0]
        made = _REWORDED[found[0].lower()]
        if found[0].isupper():
            return made.upper()
        return made[0].upper() + made[1:] if found[0][0].isupper() else made

    return _REWORDABLE.sub(other, text.replace("’", "'"))


def _is_kept(word: str, kept: Collection[str]) -> bool:
    """Whether the word is one of `kept`, or a form of one: mugs of mug."""
    word = word.casefold()
    return any(word == one or (min(len(word), len(one)) > 2 and _begins(word, one)) for one in kept)


def _begins(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _reads_as_english(text: str) -> bool:
    return not words_of(text.replace("’", " ").replace("'", " ")).isdisjoint(_ENGLISH)


VARIANTS: dict[str, Callable[[str, Random, Collection[str]], str]] = {
    "typos": misspelt,
    "lower_case": lower,
    "capitals": upper,
    "polite": polite,
    "reworded": reworded,
}
