"""How well a strategy's search finds the answer, before and after a reranker."""

from __future__ import annotations

from advisor.schema import Candidate, Report
from advisor.sections.blocks import Block, Bullets, Cell, Head, Row, Section, Table, small
from advisor.wording import count_text, in_sentence, name_of, share_text
from eval.outcomes import RankQuality, SearchQuality

TITLE = "How well the search finds the answer"
_HEADS = (Head("First"), Head("In the first 3"), Head("In the first 10"), Head("nDCG@10"))
_MEANING = (
    "The share of rows for which a right result is that early. nDCG@10 is 1 if all right results come first. The rows "
    "are dev rows, and training rows that the search wasn't chosen on. None is a test row."
)


def section(report: Report) -> Section | None:
    """None if no strategy searches, if no row could tell, and in a report of an earlier version."""
    found = [(one, one.search) for one in report.candidates if isinstance(one, Candidate) and one.search is not None]
    if not found:
        return None
    rows = tuple(row for one, quality in found for row in _rows(one, quality))
    sentences = tuple(_sentence(one, quality) for one, quality in found)
    tried = tuple(said for one, quality in found if (said := _tried(one, quality)))
    blocks: tuple[Block, ...] = (Bullets((*sentences, *tried)), Table(_HEADS, rows), *small(_MEANING))
    return Section("search", TITLE, sentences[0], blocks, _HOW, _heading(*found[0]))


_HOW = (
    "A passage is right if it holds the expected answer word for word, in the document that the row names if it names "
    "one. If it names one that doesn't hold the answer so, each of its passages is right. Without documents, a solved "
    "example with the same answer is right. Rows whose answer stands nowhere don't count. What was tried, with the "
    "mean of what is found within the words of 1, 3 and 10 default passages: `found` in `choices` of trial.json."
)


def _heading(one: Candidate, quality: SearchQuality) -> str:
    best = quality.reranked or quality.first
    return f"{TITLE}: {in_sentence(one.id)} has it first for {share_text(best.hits[0])} of the rows"


def _sentence(one: Candidate, quality: SearchQuality) -> str:
    rows = count_text(quality.rows, "row")
    what = "a passage with the answer" if quality.finds == "passages" else "a solved example with the same answer"
    found = f"{name_of(one.id)} finds {what} first for {share_text(quality.first.hits[0])} of {rows}"
    if quality.reranked is None:
        return f"{found}, and among the first 10 for {share_text(quality.first.hits[2])}."
    return f"{found}. With the reranker it is {share_text(quality.reranked.hits[0])}."


def _tried(one: Candidate, quality: SearchQuality) -> str:
    """How many searches were compared, and what the chosen one is better at than the default."""
    kind = "search" if quality.finds == "passages" else "example search"
    tried = [choice for choice in one.choices if "found" in choice and kind in choice]
    if len(tried) < 2:
        return ""
    default = tried[0]
    settings = one.settings if quality.finds == "passages" else one.settings | {kind: one.settings.get("search")}
    chosen = [each for each in tried if all(settings.get(name, value) == value for name, value in each.items())]
    said = f"We compared {len(tried):,} ways to search on training rows, without the language model."
    if not chosen or chosen[0] == default:
        return f"{said} None is clearly better than the default."
    before, after = share_text(default["found"]), share_text(chosen[0]["found"])
    if quality.finds == "examples":
        return f"{said} {before} of the nearest examples have the right answer with the default, {after} as chosen."
    return f"{said} The default finds {before} of the answers within a few passages, the chosen one {after}."


def _rows(one: Candidate, quality: SearchQuality) -> list[Row]:
    name = name_of(one.id)
    if quality.reranked is None:
        return [Row(name, _cells(quality.first))]
    return [
        Row(f"{name}, before reranking", _cells(quality.first)),
        Row(f"{name}, after reranking", _cells(quality.reranked)),
    ]


def _cells(quality: RankQuality) -> tuple[Cell, ...]:
    return (*(Cell(share_text(hit)) for hit in quality.hits), Cell(f"{quality.ndcg:.2f}"))
