"""The sources of an answer, with the words that are also in the input marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from advisor.wording import in_sentence
from eval.outcomes import EXAMPLE_SOURCE
from eval.shared_words import Span, excerpt, shared_words
from eval.task import Task

_LONGEST = 600  # characters of a source that are shown

Sources = Mapping[str, tuple[str, str]]  # a title and a text by id


def sources_of(task: Task) -> Sources:
    """Every text that an answer may name as its source."""
    examples = {
        EXAMPLE_SOURCE + example.id: ("Example", f"{example.input} → {example.target}") for example in task.examples
    }
    return examples | {document.id: (document.title or document.id, document.text) for document in task.documents}


def sources_html(ids: Sequence[str], sources: Sources, asked: str, of: str = "", read_out: str = "") -> str:
    """A fold with the part of each source that has most of the words in `asked`; nothing without sources.

    `of` names the strategy if that isn't clear. A screen reader reads out `read_out` too, where many folds have the
    same heading.
    """
    if not ids:
        return ""
    items = "".join(f"<li>{_source(one, *sources.get(one, (one, '')), asked)}</li>" for one in ids)
    told = '<p class="quiet small">Marked words are also in the input.</p>' if "<mark>" in items else ""
    summary = f"Sources of {in_sentence(of)} ({len(ids)})" if of else f"Sources ({len(ids)})"
    label = f' aria-label="{escape(f"{summary}: {read_out}")}"' if read_out else ""
    return f"<details><summary{label}>{escape(summary)}</summary>{told}<ol>{items}</ol></details>"


def marked_html(text: str, shared: Sequence[Span], start: int = 0, end: int | None = None) -> str:
    """The text from `start` to `end`, escaped, with a mark around each of the spans `shared`, which are in order."""
    end = len(text) if end is None else end
    written, at = [], start
    for first, last in shared:
        first, last = max(first, start), min(last, end)
        if first < last:
            written += [escape(text[at:first]), "<mark>", escape(text[first:last]), "</mark>"]
            at = last
    return "".join([*written, escape(text[at:end])])


def _source(id: str, title: str, text: str, asked: str) -> str:
    titled = text if id.startswith(EXAMPLE_SOURCE) else f"{title}\n{text}"  # "Example" is our own word
    before = len(titled) - len(text)
    shared = shared_words(asked, titled)
    heading = marked_html(titled, shared, 0, before - 1) if before else escape(title)
    start, end = excerpt(text, [(first - before, last - before) for first, last in shared if first >= before], _LONGEST)
    start, end = start + before, end + before
    return (
        f"<b>{heading}</b> {'… ' if start > before else ''}{marked_html(titled, shared, start, end)}"
        f"{' …' if end < len(titled) else ''}"
    )
