"""Which label a written answer means, where a model can't be held to the labels."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eval.mapping.label_sets import NO_LABEL, as_answer
from eval.scoring.closeness import number_in
from eval.scoring.labels import label_key
from eval.task import Kind

_AROUND = " \t\n\"'`*_.,:;!()[]{}<>“”„‚«»"
_LEAD = re.compile(
    r"^(?:the\s+)?(?:label|answer|category|class|rating|number)s?\s*(?:is|are)?\s*[:=]\s*", re.IGNORECASE
)
_BETWEEN = re.compile(r"[;,|\n]")


def match_answer(text: str, labels: Sequence[str], kind: Kind) -> str | None:
    """The label, the labels or the number that the text says; None if it is none of them, or more than one."""
    if kind is Kind.MULTI_LABEL:
        return _several(text, labels)
    if kind is Kind.NUMBER:
        said = number_in(text)
        found = [label for label in labels if said is not None and number_in(label) == said]
        return found[0] if len(found) == 1 else None
    return _one(text, labels)


def _several(text: str, labels: Sequence[str]) -> str | None:
    parts = [part for part in _BETWEEN.split(_LEAD.sub("", text.strip())) if part.strip(_AROUND)]
    found = [_exact(part, labels) for part in parts]
    if not parts or None in found:
        return None
    given = [label for label in dict.fromkeys(found) if label is not None and label != NO_LABEL]
    return as_answer(given)


def _one(text: str, labels: Sequence[str]) -> str | None:
    """The label that the text is; else that of its first line; else the only one whose words are in it."""
    bare = _LEAD.sub("", text.strip())
    for said in (bare, *bare.splitlines()[:1]):
        if (label := _exact(said, labels)) is not None:
            return label
    whole = _key(bare)
    named = [label for label in labels if _is_named(label, bare, whole)]
    # "card arrival" is not "card".
    longest = [
        label for label in named if not any(other != label and _stands_in(_key(label), _key(other)) for other in named)
    ]
    return longest[0] if len(longest) == 1 else None


def _is_named(label: str, text: str, whole: str) -> bool:
    """Whether the words of a label stand in a text; `whole` is the text as `_key` has it. A letter is a word of its own
    ("a complaint", "I think"), so one that is a label has to stand as it is written, with no word behind it."""
    if len(label) == 1 and label.isalpha():
        return re.search(rf"(?<!\w){re.escape(label)}(?!\w|'|’|\s+\w)", text) is not None
    return _stands_in(_key(label), whole)


def _exact(text: str, labels: Sequence[str]) -> str | None:
    key = _key(text.strip(_AROUND))
    if not key:  # nothing but signs: a label such as "-" or "?", or no answer
        return next((label for label in labels if label in (text.strip(), text.strip(_AROUND))), None)
    found = [label for label in labels if _key(label.strip(_AROUND)) == key]
    return found[0] if len(found) == 1 else next((label for label in found if label == text.strip(_AROUND)), None)


def _stands_in(words: str, text: str) -> bool:
    return bool(words) and re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None


def _key(text: str) -> str:
    """Labels are written with spaces, underscores or hyphens, and models change them."""
    return re.sub(r"[\s_-]+", " ", label_key(text)).strip().casefold()
