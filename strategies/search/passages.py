"""Documents cut into passages short enough to be read in a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import regex

from eval.task import Document
from eval.words import UNSPACED, words_of

# One to three sentences: a small model finds a short fact in them, and solved examples can be shown with theirs. With
# passages of 120 words, the embedded model scored a third as high (docs/benchmarks.md).
WORDS_A_PASSAGE = 30
MOST_WORDS_A_PASSAGE = 150  # about 200 tokens: within the embedder's window of 256
USUAL_SHARE = 0.75  # of the answers fit into one passage
WORDS_A_SENTENCE = 60  # a sentence longer than a passage stays whole up to this length

# A letter of a script without spaces counts as a word, and so does each piece of an endless sequence of letters.
_WORD = regex.compile(rf"(?:[{UNSPACED}\uac00-\ud7a3]\p{{M}}*|[^\s{UNSPACED}\uac00-\ud7a3]{{1,30}})\s*", regex.V1)
_SENTENCE_END = re.compile(r"[.!?][\"'”’»)\]]*\s+$|[。！？]|\n")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document. Every piece keeps the title."""

    document_id: str
    title: str
    text: str

    @property
    def titled(self) -> str:
        return f"{self.title}\n{self.text}" if self.title else self.text

    def contains(self, answer: str) -> bool:
        """Whether the passage contains the answer word for word, in any case and spacing; "know" doesn't contain
        "no"."""
        return stands_in(flattened(answer), flattened(self.text))


def flattened(text: str) -> str:
    """Without differences in case and spacing."""
    return " ".join(text.casefold().split())


def stands_in(asked: str, text: str) -> bool:
    """Whether `text` holds `asked` as whole words. Both are flattened."""
    return asked in text and re.search(rf"(?<![a-z0-9]){re.escape(asked)}(?![a-z0-9])", text) is not None


def words_a_passage(answers: Iterable[str]) -> int:
    """How long passages should be for these answers: a few sentences for facts, more for long answers."""
    lengths = sorted(len(words_of(answer)) for answer in answers)
    usual = lengths[int(USUAL_SHARE * (len(lengths) - 1))] if lengths else 0
    return min(max(usual, WORDS_A_PASSAGE), MOST_WORDS_A_PASSAGE)


def cut_passages(documents: Iterable[Document], words: int = WORDS_A_PASSAGE, overlaps: bool = True) -> list[Passage]:
    """Whole sentences, about `words` words together, in the documents' order.

    With `overlaps`, a passage starts with the last sentence of the previous one if there is room, so that a fact in two
    sentences is whole in one of the passages.
    """
    return [
        Passage(document.id, document.title, text)
        for document in documents
        for text in _windows(_sentences(document.text), words, overlaps)
    ]


def with_neighbours(passages: Sequence[Passage], found: Sequence[int], neighbours: int) -> list[Passage]:
    """The passages at these positions, each as one text with those of its document before and after it. A passage that
    an earlier one was shown with isn't repeated. Only for passages that don't overlap."""
    if not neighbours:
        return [passages[at] for at in found]
    shown: set[int] = set()
    whole = []
    for at in found:
        own = passages[at]
        around = range(max(0, at - neighbours), min(len(passages), at + neighbours + 1))
        places = [place for place in around if passages[place].document_id == own.document_id and place not in shown]
        shown.update(places)
        if places:
            whole.append(Passage(own.document_id, own.title, " ".join(passages[place].text for place in places)))
    return whole


def _sentences(text: str) -> Iterator[list[str]]:
    """Words up to the end of a sentence or line, each with the space after it, because lists and headings carry
    meaning."""
    sentence: list[str] = []
    for word in _WORD.findall(text):
        sentence.append(word)
        if _SENTENCE_END.search(word) or len(sentence) == WORDS_A_SENTENCE:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _windows(sentences: Iterable[list[str]], words: int, overlaps: bool) -> Iterator[str]:
    window: list[list[str]] = []
    for sentence in sentences:
        if window and sum(map(len, window)) + len(sentence) > words:
            yield "".join(chain(*window)).strip()
            window = window[-1:] if overlaps and len(window[-1]) + len(sentence) <= words else []
        window.append(sentence)
    if window:
        yield "".join(chain(*window)).strip()
