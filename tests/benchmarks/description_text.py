"""Writes the facts of an eating place as sentences.

The phrase for an attribute depends on the seed and that attribute alone. So a text with a fact dropped or distorted
differs from the complete one in that fact only, and in its first sentence where the fact stood there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Literal

from tests.benchmarks.description_words import SYNONYMS_OF_TYPES, Phrases, words_for

Wording = Literal["expected", "reworded", "synonyms"]
_SAID = ("family", "rating", "seats", "opened", "closes", "terrace", "dogs")
_NO_TYPE = "somewhere to eat"


def describe(facts: Mapping[str, object], wording: Wording, seed: str) -> str:
    """One to three sentences that say all facts."""
    return _expected(facts, seed) if wording == "expected" else _reworded(facts, wording, seed)


def describe_backwards(facts: Mapping[str, object], wording: Wording, seed: str) -> str:
    """The same facts, with the name in the last sentence."""
    place, at, rest = _parts(facts, wording)
    last = f"its name is {facts['name']}" if rest else f"{facts['name']} is what they call it"
    if at or place != _NO_TYPE:
        last = f"{last}, {place} {at}"
    verbs = _verbs(facts, rest[::-1], wording, seed)
    return " ".join([*_sentences(verbs, ("here is a spot that", "besides, it")), _sentence(last)])


def key_words(facts: Mapping[str, object]) -> str:
    """A list of key words: "The Blue Heron: pub, cheap, no dogs."."""
    said = [
        str(value) if name == "type" else words_for(name, value).short
        for name, value in facts.items()
        if name != "name"
    ]
    return f"{facts['name']}: {', '.join(said)}."


def _expected(facts: Mapping[str, object], seed: str) -> str:
    where = [each for each in ("area", "near") if each in facts]
    put = {each: _pick(f"{seed} {each} put", ("ahead", "ahead", "behind", "said")) for each in ("price", "food")}
    ahead, behind, said = (
        [each for each in put if each in facts and put[each] == at] for at in ("ahead", "behind", "said")
    )
    place = _with_article([words_for(each, facts[each]).ahead for each in ahead], str(facts.get("type", "place")))
    place = " ".join([place, *(words_for(each, facts[each]).expected.behind for each in behind)])
    at = " ".join(words_for(each, facts[each]).expected.behind for each in where)
    verbs = _verbs(facts, [*said, *(each for each in _SAID if each in facts)], "expected", seed)
    if place == "a place" and not at:  # nothing to say of it but what it does
        first, verbs = f"{facts['name']} {_listed(verbs[:2])}", verbs[2:]
    else:
        head = _pick(f"{seed} head", _heads(place, bool(at), bool(behind)))
        first = head.format(name=facts["name"], place=place, at=at)
    return " ".join([_sentence(first), *_sentences(verbs, ("it", "the place"))])


def _heads(place: str, has_where: bool, is_long: bool) -> tuple[str, ...]:
    if place == "a place":
        return ("{name} is {at}", "you will find {name} {at}", "{name} can be found {at}")
    if not has_where:
        called = () if is_long else ("there is {place} called {name}", "{name} is the name of {place}")
        return ("{name} is {place}", "if you are looking for {place}, try {name}", *called)
    called = () if is_long else ("{place} called {name} can be found {at}", "there is {place} called {name} {at}")
    return ("{name} is {place} {at}", "located {at}, {name} is {place}", "you will find {name}, {place}, {at}", *called)


def _reworded(facts: Mapping[str, object], wording: Wording, seed: str) -> str:
    place, at, rest = _parts(facts, wording)
    name, verbs = facts["name"], _verbs(facts, rest, wording, seed)
    if at:
        first = _pick(f"{seed} head", (f"{at} stands {name}, {place}", f"{name}, {place}, awaits its guests {at}"))
    elif place != _NO_TYPE:
        first = _pick(f"{seed} head", (f"{name} is known as {place}", f"they named it {name}, and it is {place}"))
    else:
        first, verbs = f"{name} {verbs[0]}", verbs[1:]
    return " ".join([_sentence(first), *_sentences(verbs, ("this spot", "besides, it"))])


def _parts(facts: Mapping[str, object], wording: Wording) -> tuple[str, str, list[str]]:
    """What kind of place it is, where it stands, and the attributes that are left to be said."""
    kind = str(facts.get("type", ""))
    kind = SYNONYMS_OF_TYPES[kind] if kind and wording == "synonyms" else kind
    behind = [_phrases(each, facts[each], wording).behind for each in ("food", "price") if each in facts]
    where = [_phrases(each, facts[each], wording).behind for each in ("near", "area") if each in facts]
    place = " ".join([_with_article([], kind) if kind else _NO_TYPE, *behind])
    return place, ", ".join(where), [each for each in _SAID if each in facts]


def _verbs(facts: Mapping[str, object], attributes: Sequence[str], wording: Wording, seed: str) -> list[str]:
    return [_pick(f"{seed} {each}", _phrases(each, facts[each], wording).verbs) for each in attributes]


def _phrases(attribute: str, value: object, wording: Wording) -> Phrases:
    words = words_for(attribute, value)
    match wording:
        case "expected":
            return words.expected
        case "reworded":
            return words.reworded
    return words.synonyms


def _sentences(verbs: Sequence[str], subjects: tuple[str, str]) -> list[str]:
    """All of them in one sentence, more than three in two."""
    half = -(-len(verbs) // 2) if len(verbs) > 3 else len(verbs)
    parts = zip(subjects, (verbs[:half], verbs[half:]), strict=True)
    return [_sentence(f"{subject} {_listed(part)}") for subject, part in parts if part]


def _pick(seed: str, of: Sequence[str]) -> str:
    return Random(seed).choice(of)


def _with_article(adjectives: Sequence[str], noun: str) -> str:
    words = " ".join([*adjectives, noun])
    return f"{'an' if words[0] in 'aeiouAEIO' else 'a'} {words}"


def _listed(verbs: Sequence[str]) -> str:
    return verbs[0] if len(verbs) == 1 else f"{', '.join(verbs[:-1])} and {verbs[-1]}"


def _sentence(words: str) -> str:
    words = " ".join(words.split())
    return f"{words[:1].upper()}{words[1:]}."
