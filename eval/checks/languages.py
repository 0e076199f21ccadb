"""Languages that a task mixes. Only rows with enough text are counted, because short ones are guessed wrongly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import regex

from eval.checks.finding import Finding
from eval.task import Kind, Task

MOST_ROWS = 2_000  # that are looked at
_FEWEST_LETTERS = 40
_FEWEST_LETTERS_UNSPACED = 12  # in Chinese, Japanese or Thai
_MOST_CHARACTERS = 600  # of a text that are read
_SURE = 0.95
_LEAST_SHARE, _FEWEST_ROWS = 0.02, 5  # of the rows, for a language to count
_WORDS = regex.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean",
    "lt": "Lithuanian", "lv": "Latvian", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish",
    "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


def check_languages(task: Task) -> Iterable[Finding]:
    parts = [("inputs", [example.input for example in task.examples])]
    if task.kind is Kind.WRITING:
        parts.append(("answers", [example.target for example in task.examples]))
    for part, texts in parts:
        counts, looked_at = count_languages(texts)
        if len(counts) > 1:
            named = ", ".join(f"{_NAMES[code]} {len(rows):,}" for code, rows in counts.items())
            rest = sorted(row for rows in list(counts.values())[1:] for row in rows)
            yield Finding(
                f"languages-{part}",
                "info",
                f"The {part} are in {len(counts)} languages: {named} (of {looked_at:,} rows with enough text).",
                "A score over all of them hides how well each language does, and small models know most languages "
                "badly. If they don't belong together, make one task of each.",
                rows=tuple(task.examples[row].id for row in rest),
            )


def count_languages(texts: Sequence[str]) -> tuple[dict[str, list[int]], int]:
    """The rows of each language that holds a fair share of the texts, the most common first, and how many rows had
    enough text and a clear language. At most `MOST_ROWS` are read, evenly spread."""
    found: dict[str, list[int]] = defaultdict(list)
    step = -(-len(texts) // MOST_ROWS) if texts else 1
    for row in range(0, len(texts), step):
        if language := _language(texts[row]):
            found[language].append(row)
    sure = sum(map(len, found.values()))
    fewest = max(_FEWEST_ROWS, _LEAST_SHARE * sure)
    kept = {code: rows for code, rows in found.items() if len(rows) >= fewest}
    return dict(sorted(kept.items(), key=lambda item: (-len(item[1]), item[0]))), sure


def _language(text: str) -> str | None:
    words = " ".join(_WORDS.findall(text[:_MOST_CHARACTERS]))
    enough = _FEWEST_LETTERS if words[:1].isascii() or " " in words[:20] else _FEWEST_LETTERS_UNSPACED
    if len(words) < enough:
        return None
    code, probability = _identifier().classify(words)
    return code if probability >= _SURE else None


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # half a second

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(_NAMES))  # the others are guessed for codes and menus more often than they are right
    return identifier
