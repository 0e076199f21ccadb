"""Reports use no word that we don't use, and no sentence that has to be read twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from advisor.plan import Priorities
from advisor.render.html import render_html
from advisor.render.markdown import render_markdown
from advisor.schema import Report
from eval.measuring.robustness import VARIANTS
from eval.outcomes import CHANGED_FACTS, NEW_FACT, OLD_FACT, TAKEN_OUT, TRAINED_ON, Knowledge, Trial
from eval.task import Kind

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]

MOST_WORDS = 30
# Home-made terms, words that nobody says, and what the field calls something else.
FORBIDDEN = re.compile(
    r"\b(anew|beside|foreseen?|foresees|foretells?|foretold|mend(?:ed|s)?|heeded|whoever|that which|said once|told|"
    r"floors?|dearer|commonest|content with|getting ready|"
    r"of none|rows that would tell|many together|seconds an answer|answers a second|"
    r"odds|likely|looked up|imagined|chance of|"
    r"for 1,000 answers|answers a month|of 100 answers|in 100|95 % range)\b",
    re.IGNORECASE,
)
_UNREAD = {"head", "style", "script", "svg", "table", "nav"}  # of cells, one need not be a sentence
_INLINE = {"a", "abbr", "b", "code", "em", "i", "span", "strong", "sub", "sup"}


class _Paragraphs(HTMLParser):
    """The text of a page, a block each."""

    def __init__(self) -> None:
        super().__init__()
        self.found = [""]
        self._unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unread += tag in _UNREAD
        self._end(tag)

    def handle_endtag(self, tag: str) -> None:
        self._unread -= tag in _UNREAD
        self._end(tag)

    def handle_data(self, data: str) -> None:
        self.found[-1] += "" if self._unread else data

    def _end(self, tag: str) -> None:
        if tag not in _INLINE:
            self.found.append("")


def of_html(report: Report) -> list[str]:
    page = _Paragraphs()
    page.feed(render_html(report))
    return page.found


def of_markdown(report: Report) -> list[str]:
    lines = (line for line in render_markdown(report).splitlines() if not line.startswith("|"))
    return [re.sub(r"</?\w+>|\*\*|^[-# ]+", "", line).replace("\\", "") for line in lines]


def sentences(paragraphs: list[str]) -> Iterator[str]:
    """What ends with a full stop, or is a label: "Cost: Machine time at $0.10 an hour"."""
    for paragraph in paragraphs:
        yield from filter(None, re.split(r"(?<=[.!?])[”)*]*\s+|:\*?\s+(?=[A-Z])", paragraph.strip()))


def words_in(sentence: str) -> int:
    return sum(any(sign.isalnum() for sign in word) for word in sentence.split())


def measured(trials: tuple[Trial, ...]) -> list[Trial]:
    """With what a thorough run also measures: inputs in variants, changed and missing documents, side effects."""
    prompting, retrieval, trained = (
        replace(
            trial,
            probes={
                **dict.fromkeys(VARIANTS, trial.outcomes[:40]),
                CHANGED_FACTS: tuple(replace(one, parts={NEW_FACT: 0.0, OLD_FACT: 1.0}) for one in trial.outcomes[:20]),
                TAKEN_OUT: trial.outcomes[20:40],
            },
            changed_facts={one.example_id: "30 days" for one in trial.outcomes[:20]},
        )
        for trial in trials
    )
    retrieval = replace(
        retrieval,
        outcomes=tuple(
            replace(one, sources=("d1",), found_gold=at % 3 == 0) for at, one in enumerate(retrieval.outcomes)
        ),
        refresh_seconds=1.0,
    )
    practised = tuple(replace(trained.outcomes[0], example_id=f"t{at}", score=1.0) for at in range(60))
    knew, knows = (tuple(float(at < right) for at in range(40)) for right in (36, 12))
    surprise = tuple(3 + at / 10 for at in range(24))
    trained = replace(
        trained,
        probes={**trained.probes, TRAINED_ON: practised},
        changes_weights=True,
        knowledge=(Knowledge(surprise, knew), Knowledge(surprise, knows)),
    )
    return [prompting, retrieval, trained]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("read", [of_markdown, of_html])
@pytest.mark.parametrize(
    "priorities", [Priorities(reindex_days=30), Priorities(wrong_answer=0.05, max_seconds=1.0, retrain_days=30)]
)
def test_a_report_reads_well(
    synthetic_report: MakeReport,
    synthetic_trials: MakeTrials,
    kind: Kind,
    read: Callable[[Report], list[str]],
    priorities: Priorities,
) -> None:
    baseline = replace(synthetic_trials(kind)[0], strategy="nearest_example")
    report = synthetic_report(
        kind, trials=measured(synthetic_trials(kind)), baselines=[baseline], preset="thorough", priorities=priorities
    )
    paragraphs = [re.sub("“[^”]*”", "“…”", paragraph) for paragraph in read(report)]  # what others wrote
    assert not [(paragraph, found) for paragraph in paragraphs if (found := FORBIDDEN.findall(paragraph))]
    assert not [(words_in(one), one) for one in sentences(paragraphs) if words_in(one) > MOST_WORDS]
    assert sum(map(words_in, paragraphs)) > 1000
