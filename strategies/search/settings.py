"""How a search looks things up: what is chosen on training rows (`strategies/search_choice.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from strategies.search.embedder import DEFAULT

WORDS_RERANKED = 600  # read together with a query: 20 passages of 30 words
MOST_RERANKED, FEWEST_RERANKED = 20, 8
_YES_NO = {True: "yes", False: "no"}


class Way(StrEnum):
    """How texts are found. The values are shown to people."""

    DENSE = "dense"
    WORDS = "BM25"
    BOTH = "dense and BM25"


@dataclass(frozen=True, slots=True)
class SearchBudget:
    """`rows` that a choice is judged on, `words` of the texts among which is searched."""

    rows: int
    words: int

    @staticmethod
    def of(settings: int) -> SearchBudget:
        """For a preset that tries so many settings: quick tries 3."""
        return SearchBudget(20 * settings, 6_000 * settings)


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """`way` finds passages, `example_way` solved examples. `overlaps`: a passage begins with the last sentence of the
    one before, if there is room. `titled`: the title is part of what is searched; the prompt shows it in any case.
    `neighbours` are the passages before and after each found one that are shown with it. `reranker` is None if the
    first order counts. `language` is the code of the texts' language, whose words BM25 stems; None if it isn't clear.
    """

    passage_words: int
    way: Way = Way.DENSE
    example_way: Way = Way.DENSE
    embedder: str = DEFAULT
    reranker: str | None = None
    overlaps: bool = True
    titled: bool = True
    neighbours: int = 0
    language: str | None = None

    @property
    def reranked(self) -> int:
        """How many of the first passages a reranker puts in order."""
        if self.reranker is None:
            return 0
        return min(max(WORDS_RERANKED // self.passage_words, FEWEST_RERANKED), MOST_RERANKED)

    def shown(self, has_passages: bool) -> dict[str, Any]:
        """As JSON values with names for people. What only concerns passages is left out without any."""
        if not has_passages:
            return {"search": self.example_way.value, "embedder": self.embedder}
        return {
            "search": self.way.value,
            "example search": self.example_way.value,
            "embedder": self.embedder,
            "reranker": self.reranker or "none",
            "passage words": self.passage_words,
            "passages overlap": _YES_NO[self.overlaps],
            "title searched": _YES_NO[self.titled],
            "neighbours shown": self.neighbours,
        }

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> SearchSettings:
        """From `asdict`."""
        ways = {name: Way(stored[name]) for name in ("way", "example_way")}
        return SearchSettings(**{**stored, **ways})

    @staticmethod
    def settled(shown: Mapping[str, Any], default: SearchSettings) -> SearchSettings:
        """From what `shown` gave. Where something is missing, as in an earlier version, it was the default."""
        example_way = Way(shown.get("example search", shown.get("search", Way.DENSE)))
        reranker = shown.get("reranker", "none")
        return SearchSettings(
            passage_words=shown.get("passage words", default.passage_words),
            way=Way(shown.get("search", Way.DENSE)),
            example_way=example_way,
            embedder=shown.get("embedder", DEFAULT),
            reranker=None if reranker == "none" else reranker,
            overlaps=shown.get("passages overlap", "yes") == "yes",
            titled=shown.get("title searched", "yes") == "yes",
            neighbours=shown.get("neighbours shown", 0),
            language=default.language,
        )
