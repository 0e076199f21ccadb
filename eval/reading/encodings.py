"""Which encoding a text file is in, if it isn't UTF-8."""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass

_SAMPLE_BYTES = 64 * 2**10
ENCODINGS = {
    "utf_16_le": "UTF-16", "utf_16_be": "UTF-16", "cp932": "Shift JIS", "euc_jp": "EUC-JP", "gb18030": "GB 18030",
    "big5": "Big5", "cp949": "Korean (CP949)", "koi8_r": "KOI8-R", "mac_roman": "Mac Roman", "cp850": "DOS (CP850)",
    **{f"cp{number}": f"Windows-{number}" for number in (874, 1250, 1251, 1252, 1253, 1254, 1255, 1256)},
}  # fmt: skip
EASTERN = frozenset(("Shift JIS", "EUC-JP", "GB 18030", "Big5", "Korean (CP949)"))
_JAPANESE = ("cp932", "euc_jp")
_KANA_SHARE = 0.2  # of the letters that aren't ASCII; Chinese and Korean read as Japanese has next to none
_KANA = re.compile("[\u3041-\u30ff]")
_ODD = re.compile(r"[^\x00-\x7f]")
_RUN = re.compile(rb"[\x80-\xff]+")
_HALF = 0.5
_SHORT_RUN = 1.5  # bytes: in Latin letters, one with an accent stands alone; other scripts have whole words
# Central European text read as Windows-1252: signs within words, and pairs of letters that no language has both of.
_CENTRAL_WORD = re.compile(r"[a-z][¹³]|[¹³¿][a-zê]|[a-z]ì[a-z]")
_CENTRAL_LETTERS = (("šž", "ìøèùòæð"), ("ø", "ìù"), ("õ", "û"), ("ã", "þº"))
_TURKISH, _ICELANDIC = frozenset("þðý"), frozenset("áéíóúæ")
_LATIN = ("cp1252", "mac_roman", "cp850", "cp1250", "cp1254")
_WESTERN = re.compile("[àâäáãåæçèéêëíìîïñóòôöõøßúùûüýÿœðþšžÀÂÄÁÃÅÆÇÈÉÊËÍÎÏÑÓÔÖÕØÚÙÛÜÝŒÐÞ‘’“”„«»–—…€£¿¡°§]")
_CAPITAL_WITHIN = re.compile("(?<=[a-zß-ÿ])[À-Þ]|(?<=[a-z])[‘“”„…«»€£¿¡°](?=[a-z])")
_DECLARED = re.compile(rb"<(?:meta|\?xml)\b[^>]*?(?:charset|encoding)\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
_AS_BROWSERS_READ = {"iso-8859-1": "cp1252", "latin1": "cp1252", "iso-8859-9": "cp1254", "shift_jis": "cp932"}
_DECLARED_WITHIN = 4_096  # bytes; browsers look at the first 1,024
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")


def in_utf_8(content: bytes, named: str) -> bytes | None:
    """Text in the encoding of this name (one of the values of `ENCODINGS`) as UTF-8; None if it isn't in it."""
    for encoding, name in ENCODINGS.items():
        if name == named and (found := _in(content, encoding, "")):
            return found.text.lstrip("\ufeff").encode()
    return None


@dataclass(frozen=True, slots=True)
class Decoded:
    """`detected` names the encoding if it is a guess, else ""."""

    text: str
    detected: str = ""


def page_in_utf_8(content: bytes) -> bytes:
    """An HTML page as UTF-8 if it declares another encoding and is in it; else as it is."""
    declared = _DECLARED.search(content[:_DECLARED_WITHIN])
    if declared is None or _in(content, "utf-8", ""):
        return content
    name = declared[1].decode("ascii").casefold()
    try:
        return content.decode(_AS_BROWSERS_READ.get(name, name)).encode()
    except (UnicodeError, LookupError):
        return content


def decoded(content: bytes) -> Decoded | None:
    """The text: by its byte order mark, else UTF-8, else in the encoding that it looks like. None if in none."""
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):  # the first begins like UTF-16's
        return _in(content, "utf-32", "")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _in(content, "utf-16", "")
    if b"\0" in content:
        guess = _utf_16(content)
        return _in(content, guess, ENCODINGS[guess]) if guess else None
    utf_8 = _in(content, "utf-8-sig", "")
    if utf_8 or _is_damaged_utf_8(content):
        return utf_8
    guess = _detect(_odd_lines(content))
    return _in(content, guess, ENCODINGS[guess]) if guess else None


def _in(content: bytes, encoding: str, detected: str) -> Decoded | None:
    try:
        return Decoded(content.decode(encoding), detected)
    except UnicodeDecodeError:
        return None


def _utf_16(content: bytes) -> str | None:
    """UTF-16 without a byte order mark: nearly every second byte of European text and all its line ends are NUL."""
    sample = content[:_SAMPLE_BYTES]
    for encoding, zeros, letters in (
        ("utf_16_le", sample[1::2], sample[::2]),
        ("utf_16_be", sample[::2], sample[1::2]),
    ):
        if zeros.count(0) >= 0.4 * len(zeros) and letters.count(0) <= 0.01 * len(letters):
            return encoding
    return None


def _is_damaged_utf_8(content: bytes) -> bool:
    """More letters are right in UTF-8 than not, which doesn't happen by chance."""
    text = content.decode("utf-8", errors="replace")
    return len(_ODD.findall(text)) > 2 * text.count("\ufffd")


def _odd_lines(content: bytes) -> bytes:
    """Lines with bytes beyond ASCII, which alone tell encodings apart."""
    found, size = [], 0
    for line in io.BytesIO(content):
        if line.isascii():
            continue
        found.append(line.removesuffix(b"\n")[:_SAMPLE_BYTES])
        size += len(found[-1])
        if size > _SAMPLE_BYTES:
            break
    return b"\n".join(found)


def _detect(sample: bytes) -> str | None:
    for encoding in _JAPANESE:
        japanese = _in(sample, encoding, "")
        kana = len(_KANA.findall(japanese.text)) if japanese else 0
        if japanese and kana >= max(3, _KANA_SHARE * len(_ODD.findall(japanese.text))):
            return encoding
    runs = _RUN.findall(sample)
    if sum(map(len, runs)) < _SHORT_RUN * len(runs):
        return _latin(sample)
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=list(ENCODINGS)).best()
    if best is None or best.encoding in _LATIN:
        return _latin(sample)
    return None if _CONTROL.search(str(best)) else best.encoding


def _latin(sample: bytes) -> str | None:
    """Which encoding of Latin letters it is: detectors confuse these, because each gives letters for most bytes."""
    western = _in(sample, "cp1252", "")
    if western and not _CONTROL.search(western.text):
        text, letters = western.text, set(western.text)
        pairs = any(letters & set(one) and letters & set(other) for one, other in _CENTRAL_LETTERS)
        if pairs or _CENTRAL_WORD.search(text):
            return "cp1250"
        if len(letters & _TURKISH) > 1 and not letters & _ICELANDIC:
            return "cp1254"
    best = max(_LATIN[:3], key=lambda encoding: _plausible(sample, encoding))
    return best if _plausible(sample, best) >= _HALF else None


def _plausible(sample: bytes, encoding: str) -> float:
    """The share of what isn't ASCII that Western European prose has, where it stands."""
    found = _in(sample, encoding, "")
    if found is None or _CONTROL.search(found.text):
        return 0.0
    right = len(_WESTERN.findall(found.text)) - len(_CAPITAL_WITHIN.findall(found.text))
    return right / len(_ODD.findall(found.text))
