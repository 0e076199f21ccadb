"""Personal data, keys and passwords: where they are in a text, and the text without them.

A missed one can leak, but an order number is no phone number: a number without a country code counts only after a word
such as "call", or in the American form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np

from eval.checks.keys import SHORTEST, find_keys
from eval.task import Document, Example, Turn


class Private(StrEnum):
    """What a mask hides; the value stands in brackets in its place."""

    EMAIL = "e-mail"
    PHONE = "phone number"
    CARD = "card number"
    IBAN = "IBAN"
    SOCIAL_SECURITY = "social security number"
    KEY = "key"
    PASSWORD = "password"


SECRETS = frozenset({Private.KEY, Private.PASSWORD})
PERSONAL = frozenset(Private) - SECRETS

Span = tuple[int, int, Private]

_EMAIL = re.compile(r"[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}")  # bounded: linear time without an @
_CARD = re.compile(r"(?<![\d.-])(?:\d{14,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}|\d{4}([ -])\d{6}\2\d{4,5})(?![\d-])")
_CARD_LENGTHS = {"4": (16, 19), "5": (16,), "2": (16,), "6": (16, 19), "34": (15,), "37": (15,),
                 "30": (14,), "36": (14, 16), "38": (14,)}  # fmt: skip
_IBAN_LENGTHS = {country: length for length, countries in {
    15: "NO", 16: "BE", 18: "DK FI FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
}.items() for country in countries.split()}  # fmt: skip
_IBAN_START = re.compile(r"\b([A-Z]{2})\d\d", re.IGNORECASE | re.ASCII)
_THREE_TWO_FOUR = r"(?<![\w.-])(?!000|666|9)\d{3}(?:-(?!00)\d\d-|[ ](?!00)\d\d[ ])(?!0000)\d{4}(?![\w-])"
_SOCIAL_SECURITY_WORD = r"\b(?:SSNs?|social[\s-]+security|soc\.?\s*sec\.?)(?![^\W_])"
_SOCIAL_SECURITY = re.compile(
    rf"{_SOCIAL_SECURITY_WORD}[^\d\n]{{0,30}}(?P<after>{_THREE_TWO_FOUR})|"
    rf"(?P<before>{_THREE_TWO_FOUR})[^\d\n]{{0,30}}?{_SOCIAL_SECURITY_WORD}",
    re.IGNORECASE,
)
_PASSWORD = re.compile(
    r"\b(?:password|passwd|passphrase|pwd|passwort|kennwort|contraseña|passe|senha)\b"
    r"(?:\s+(?:is|ist|es|est)\s+|\s*[:=]\s*)[\"'“]?(?=\S{0,40}\d)(?=\S{0,40}[^\W\d])(\S{6,40}?)(?=[\"'”.,;]?(?:\s|$))",
    re.IGNORECASE,
)
_OF_PASSWORD_WORDS = ("pass", "pwd", "wort", "contrase", "senha")
_DIGITS = r"(?:[ ().\-/]{0,2}\d){6}"  # after the first; every kind of number below has them
_SOME_DIGITS = re.compile(rf"\d{_DIGITS}")
# In RE2's notation: an e-mail address, some digits, the word of a password, or what a key may be in.
_MAY_BE_PRIVATE = rf"@|\d{_DIGITS}|(?i:{'|'.join(_OF_PASSWORD_WORDS)})|://|PRIVATE KEY|\S{{{SHORTEST}}}".replace(
    r"\d", r"\p{Nd}"
)
_INTERNATIONAL = re.compile(r"(?<!\w)(?:\+|00)[1-9](?:[ ().\-/]{0,2}\d){6,14}(?!\d)")
_AMERICAN = re.compile(r"(?<![\w.-])(?:1[-. ])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[-.])[2-9]\d\d[-. ]\d{4}(?![\w-])")
_AFTER_A_PHONE_WORD = re.compile(
    r"(?:\b(?:tele?(?:ph|f)one?|phone|mobile?|cell|tel|call|ring|text|sms|whatsapp|fax|handy|anrufen|unter|rufnummer|tél|"
    r"téléphone|portable|teléfono|móvil|celular|telefono|telefoon|telefone)\b|电话|手机|電話|携帯|전화)"
    r"(?:(?!\b(?:order|ticket|case|ref\w*|invoice|account|booking|policy|id|extension)\b)[^\d+]){0,25}"
    r"(?P<number>\(?\d(?:[ ().\-/]{0,2}\d){6,13})(?!\d)",
    re.IGNORECASE,
)
_REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "BR", "IN", "JP", "CN", "KR")


def may_be_private(texts: Sequence[str]) -> list[int]:
    """The positions of all texts that hold something private, and of few others. Fast: for a million texts."""
    import pyarrow
    from pyarrow import compute

    found = compute.match_substring_regex(pyarrow.array(texts, pyarrow.string()), _MAY_BE_PRIVATE)
    return np.flatnonzero(found.to_numpy(zero_copy_only=False)).tolist()


def private_spans(text: str) -> list[Span]:
    """Where a text holds something private, in order, without overlaps."""
    found: list[Span] = []
    for start, end, kind in _candidates(text):
        if all(end <= other[0] or start >= other[1] for other in found):
            found.append((start, end, kind))
    return sorted(found)


def masked(text: str, kinds: Collection[Private] = frozenset(Private)) -> str:
    """`text` with "[e-mail]", "[card number]" and so on in place of what is private. JSON stays JSON."""
    spans = [span for span in private_spans(text) if span[2] in kinds]
    if not spans:
        return text
    plain = text
    for start, end, kind in reversed(spans):
        plain = f"{plain[:start]}[{kind}]{plain[end:]}"
    if text[:1] in ("{", "["):  # a masked number needs quotes
        content = _json(text)
        if content is not None and _json(plain) is None:
            return json.dumps(_masked_values(content, kinds), ensure_ascii=False)
    return plain


def mask_example(example: Example, kinds: Collection[Private]) -> Example:
    """Every text of the example masked, so that input and answer still fit."""
    return replace(
        example,
        input=masked(example.input, kinds),
        target=masked(example.target, kinds),
        also_right=tuple(masked(text, kinds) for text in example.also_right),
        rejected=masked(example.rejected, kinds),
        turns=tuple(Turn(turn.role, masked(turn.text, kinds)) for turn in example.turns),
    )


def mask_document(document: Document, kinds: Collection[Private]) -> Document:
    return replace(document, title=masked(document.title, kinds), text=masked(document.text, kinds))


def _masked_values(value: Any, kinds: Collection[Private]) -> Any:
    if isinstance(value, dict):
        return {masked(name, kinds): _masked_values(item, kinds) for name, item in value.items()}
    if isinstance(value, list):
        return [_masked_values(item, kinds) for item in value]
    if isinstance(value, str):
        return masked(value, kinds)
    hidden = masked(json.dumps(value), kinds)
    return value if hidden == json.dumps(value) else hidden


def _candidates(text: str) -> Iterator[Span]:
    """Spans that may overlap, the surest first."""
    yield from ((start, end, Private.KEY) for start, end in find_keys(text))
    if "@" in text:
        for found in _EMAIL.finditer(text):
            yield *found.span(), Private.EMAIL
    if any(map(text.lower().__contains__, _OF_PASSWORD_WORDS)):
        for found in _PASSWORD.finditer(text):
            yield *found.span(1), Private.PASSWORD
    if not _SOME_DIGITS.search(text):  # most texts end here
        return
    for start, end in _ibans(text):
        yield start, end, Private.IBAN
    for found in _SOCIAL_SECURITY.finditer(text):
        yield *found.span(found.lastgroup or 0), Private.SOCIAL_SECURITY
    for found in _CARD.finditer(text):
        if _is_card_number(re.sub(r"\D", "", found[0])):
            yield *found.span(), Private.CARD
    for found in _INTERNATIONAL.finditer(text):
        if _is_phone_number(re.sub(r"^00", "+", found[0]), None):
            yield *found.span(), Private.PHONE
    for found in _AMERICAN.finditer(text):
        if _is_phone_number(found[0], "US"):
            yield *found.span(), Private.PHONE
    for found in _AFTER_A_PHONE_WORD.finditer(text):
        if any(_is_phone_number(found["number"], region) for region in _REGIONS):
            yield *found.span("number"), Private.PHONE


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    """Codes as long as their country's, mostly digits, that leave the remainder of ISO 7064 over their letters as
    numbers. One in 97 other codes of this form does, too."""
    for begin in _IBAN_START.finditer(text):
        if (length := _IBAN_LENGTHS.get(begin[1].upper())) is None:
            continue
        rest = re.compile(rf"(?:[ -]?[A-Z\d]){{{length - 4}}}(?![A-Z\d])", re.IGNORECASE | re.ASCII)
        if found := rest.match(text, begin.end()):
            plain = re.sub(r"[ -]", "", begin[0] + found[0])
            number = "".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])
            if sum(map(str.isdigit, plain)) * 2 >= length and int(number) % 97 == 1:
                yield begin.start(), found.end()


def _is_card_number(digits: str) -> bool:
    """Luhn's check, for a number that begins like those of an issuer. One in ten other such numbers passes it too."""
    lengths = _CARD_LENGTHS.get(digits[:2], _CARD_LENGTHS.get(digits[:1], ()))
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return len(digits) in lengths and (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


@lru_cache(1_000)
def _is_phone_number(text: str, region: str | None) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
