"""Documents cut into passages short enough to be read in a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from eval.task import Document

WORDS_A_PASSAGE = 120  # about 160 tokens: within the embedder's window of 256, and three of them within a prompt
WORDS_OF_OVERLAP = 30  # so that a fact across a cut stands whole in one of the two

# A sign of a script without spaces counts as a word, and so does each piece of an endless run of letters.
_WORD = re.compile(
    r"(?:[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]|[^\s\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{1,30})\s*"
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document; the title is kept with every piece."""

    document_id: str
    title: str
    text: str

    @property
    def titled(self) -> str:
        return f"{self.title}\n{self.text}" if self.title else self.text


def cut_passages(documents: Iterable[Document]) -> list[Passage]:
    """Overlapping passages of at most `WORDS_A_PASSAGE` words, in the documents' order."""
    step = WORDS_A_PASSAGE - WORDS_OF_OVERLAP
    passages = []
    for document in documents:
        words = _WORD.findall(document.text)  # with the space behind them: lists and headings carry meaning
        last = max(1, len(words) - WORDS_OF_OVERLAP)
        for start in range(0, last, step):
            text = "".join(words[start : start + WORDS_A_PASSAGE]).strip()
            if text:
                passages.append(Passage(document.id, document.title, text))
    return passages
