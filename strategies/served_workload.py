"""Estimate what a strategy asks of a served model, in requests and tokens, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from statistics import mean, quantiles

from eval.measuring.robustness import VARIANTS
from eval.task import Brief, Document, Kind, Split
from eval.words import about_tokens
from strategies.answerer import ESTIMATED_LENGTH_SLACK, longest_answer
from strategies.declaration import Declaration
from strategies.demonstrations import TOKENS_OF_EXAMPLES, draws_for
from strategies.engine.language_model import LabelWay
from strategies.halving import WRITTEN_PRICE, Work
from strategies.instructions import instructions_for, short_instruction
from strategies.presets import SENTENCE_TOKENS, Budget
from strategies.prompting import in_order
from strategies.prompts import SHORT_INSTRUCTIONS, instruction_of
from strategies.registry import DECLARATIONS
from strategies.search.passages import words_a_passage
from strategies.served.capabilities import Capabilities, WholeLabels
from strategies.standing import MOST_COMPARED, Standing, labels_of
from strategies.workload import SETTLED, TOKENS_A_TURN, TOKENS_A_WORD, asked_of_documents, count_choosing

LABELS_A_REQUEST = 64  # of an echo
# Services cut the same words into other tokens than we assume, and settings differ in how long their prompts are.
LEAST, MOST = 0.6, 1.5


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Requests and their tokens, read and written, as estimated. The true tokens are probably from `LEAST` to `MOST`
    times as many; what a model writes while it thinks isn't foreseen."""

    requests: float = 0.0
    read: float = 0.0
    written: float = 0.0

    def __add__(self, other: Foreseen) -> Foreseen:
        return Foreseen(self.requests + other.requests, self.read + other.read, self.written + other.written)


def foresee_requests(
    strategy: str,
    brief: Brief,
    split: Split,
    documents: Sequence[Document],
    budget: Budget,
    can: Capabilities | None = None,
) -> Foreseen:
    """What fitting one strategy and measuring it on the test rows asks, with the prompts that it would make. `can` is
    what the server was seen to do; None if that isn't known yet, then answers are written."""
    declared, rows = DECLARATIONS[strategy], min(budget.probe_rows, len(split.test))
    prompts = _prompt_tokens(strategy, brief, split, documents, budget.settings_raced)
    one = _answers(1, mean(prompts), brief, split, budget, can)
    work = Work(0.0, one.read + WRITTEN_PRICE * _limit(brief, split, budget, can))
    if _is_prompted(declared):
        asked = count_choosing(declared, split, budget, work, len(prompts), 0 if budget.settled else budget.rewritings)
    else:
        asked = count_choosing(declared, split, budget, work)
    asked += len(split.test) + min(budget.latency_rows, len(split.test)) + rows * len(VARIANTS)
    if declared.looks_up and rows:
        asked += sum(asked_of_documents(brief.kind, split, documents, budget))
    return _answers(asked, mean(prompts), brief, split, budget, can)


def foresee_requests_for_fewer(
    strategy: str,
    brief: Brief,
    split: Split,
    documents: Sequence[Document],
    budget: Budget,
    rows: int,
    test_rows: int,
    can: Capabilities | None = None,
) -> Foreseen:
    """One point of a learning curve: the setting is chosen already, so each dev row is asked once."""
    smaller = replace(split, train=split.train[:rows], test=split.test[:test_rows])
    settled = budget.for_fewer(rows / len(split.train), SETTLED)
    return foresee_requests(strategy, brief, smaller, documents, settled, can)


def _is_prompted(declared: Declaration) -> bool:
    """Whether it chooses what its prompts say, and may let the model rewrite it."""
    return not declared.changes_weights and not declared.looks_up


def _prompt_tokens(
    strategy: str, brief: Brief, split: Split, documents: Sequence[Document], settings: int
) -> list[float]:
    """Of an average prompt of each setting, or of all together: the instruction, what is shown or looked up, and the
    input."""
    declared, rows = DECLARATIONS[strategy], [*split.train, *split.dev, *split.test]
    own = mean(_tokens(row.input) for row in rows) + 2 * TOKENS_A_TURN
    example = own + mean(_tokens(row.target) for row in rows)
    if not _is_prompted(declared):
        said = SHORT_INSTRUCTIONS[brief.kind] if declared.by_service else instruction_of(brief, split.train)
        if not declared.looks_up:
            return [own + _tokens(said)]
        passage = words_a_passage(row.target for row in split.train) * TOKENS_A_WORD
        shown = example + (passage if documents and brief.kind is Kind.ANSWERING else 0)
        return [own + _tokens(said) + declared.looks_up.tokens(bool(documents), settings, passage, shown)]
    # Which rows describe the labels takes a comparison of all rows; how long the descriptions are doesn't.
    described = [Standing(row, labels_of(row, brief), 0.0, 0.0) for row in split.train[:MOST_COMPARED]]
    instructions = instructions_for(brief, split.train, described)
    if not declared.shows_examples:
        return [own + _tokens(one.text) for one in instructions[:settings]]
    first, *others = instructions
    pairs = in_order([first, short_instruction(brief), *others], draws_for(brief, read_once=False))[:settings]
    return [own + _tokens(one.text) + min(TOKENS_OF_EXAMPLES, draw.examples * example) for one, draw in pairs]


def _answers(
    asked: int, prompt: float, brief: Brief, split: Split, budget: Budget, can: Capabilities | None
) -> Foreseen:
    targets = [_tokens(row.target) for row in split.train]
    if not brief.labels:
        usual = quantiles(targets, n=20)[-1] if len(targets) > 1 else targets[0]
        return Foreseen(asked, asked * prompt, asked * min(budget.answer_tokens, usual + SENTENCE_TOKENS / 2))
    way = can.way_for(len(brief.labels)) if can else LabelWay.WRITTEN
    if can is not None and way is LabelWay.SCORED:  # each label behind each prompt
        by_echo = can.whole_labels is WholeLabels.ECHO
        requests = asked * (ceil(len(brief.labels) / LABELS_A_REQUEST) if by_echo else len(brief.labels))
        read = asked * sum(prompt + _tokens(label) for label in brief.labels)
        return Foreseen(requests, read, requests * (can.echo_tokens * len(brief.labels) if by_echo else 1))
    if way is LabelWay.DECIDED:
        return Foreseen(asked, asked * (prompt + sum(map(_tokens, brief.labels))), asked)
    written = 1.0 if way is LabelWay.FIRST_TOKEN and brief.kind is not Kind.MULTI_LABEL else mean(targets)
    return Foreseen(asked, asked * prompt, asked * written)


def _limit(brief: Brief, split: Split, budget: Budget, can: Capabilities | None) -> float:
    """Of the tokens of an answer; only scores have none."""
    if brief.labels and can is not None and can.way_for(len(brief.labels)).gives_scores:
        return 0.0
    return longest_answer(
        brief, split.train, lambda texts: [*map(_tokens, texts)], ESTIMATED_LENGTH_SLACK, budget.answer_tokens
    )


def _tokens(text: str) -> float:
    return 1 + about_tokens(text)
