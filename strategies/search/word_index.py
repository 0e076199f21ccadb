"""Texts by the words they share with a query (BM25): rare words count most, and any form of a word counts as the same.

The words are stemmed in the language of the texts. In scripts without spaces, each letter and each two neighbours count
as words.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import bm25s
import numpy as np
import regex
import snowballstemmer
from numpy.typing import NDArray

from eval.checks.languages import count_languages
from eval.words import UNSPACED

# Stemmers by the code of a language. Texts in other languages are compared by whole words.
STEMMERS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "et": "estonian",
    "fi": "finnish", "fr": "french", "hi": "hindi", "hu": "hungarian", "id": "indonesian", "it": "italian",
    "lt": "lithuanian", "nl": "dutch", "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sr": "serbian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
_MOST_TEXTS = 200  # whose language is told, evenly spread: a tenth of a second
_WORD = regex.compile(rf"(?V1){UNSPACED}+|[\p{{L}}\p{{M}}\p{{N}}--{UNSPACED}]+")
_IS_UNSPACED = regex.compile(rf"(?V1){UNSPACED}")


class WordIndex:
    """`language` is the code of the texts' language, None if it isn't clear."""

    def __init__(self, texts: Sequence[str], language: str | None) -> None:
        self.language = language
        self._index: bm25s.BM25 | None = None
        words = [words_in(text, self.language) for text in texts]
        if any(words):
            self._index = bm25s.BM25()
            self._index.index(words, show_progress=False)

    def search(self, query: str, count: int) -> list[int]:
        """Positions of at most `count` texts that share a word with the query, best first; of equals, the first."""
        words = words_in(query, self.language)
        if self._index is None or not words:
            return []
        scores: NDArray[np.float32] = self._index.get_scores(words)
        places = np.flatnonzero(scores > 0)
        order = places[np.argsort(-scores[places], kind="stable")]
        return [int(at) for at in order[:count]]

    def save(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "words.json").write_text(json.dumps({"language": self.language}))
        if self._index is not None:
            self._index.save(str(folder), show_progress=False)

    @staticmethod
    def load(folder: Path) -> WordIndex:
        stored = json.loads((folder / "words.json").read_text())
        index = WordIndex([], stored["language"])
        if (folder / "params.index.json").exists():
            index._index = bm25s.BM25.load(str(folder), show_progress=False)
        return index


def language_of(texts: Sequence[str]) -> str | None:
    """The code of the language that most of the texts are in; None if none is clear."""
    counts, _ = count_languages(texts[:: -(-len(texts) // _MOST_TEXTS) or 1])
    return next(iter(counts), None)


def words_in(text: str, language: str | None) -> list[str]:
    """The words as they are compared, in their order."""
    found: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()):
        if _IS_UNSPACED.match(word):
            found += [*word, *(word[at : at + 2] for at in range(len(word) - 1))]
        else:
            found.append(word)
    stem = STEMMERS.get(language or "")
    return snowballstemmer.stemmer(stem).stemWords(found) if stem else found


def word_rules(language: str | None) -> dict[str, str | None]:
    """What `words_in` needs to know, for the program in a downloaded strategy."""
    return {"pattern": _WORD.pattern, "unspaced": _IS_UNSPACED.pattern, "stemmer": STEMMERS.get(language or "")}
