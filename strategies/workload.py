"""Estimate how much work a strategy is, in tokens, before anything runs. Doesn't need torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import mean, quantiles

from eval.measuring.robustness import VARIANTS
from eval.task import LABELLED, Brief, Document, Example, Kind, Split, Task
from eval.words import about_tokens
from strategies.declaration import Declaration
from strategies.halving import LABELS_FOLLOWED, WRITTEN_COST, Work, count_answers, plan_rounds
from strategies.presets import SENTENCE_TOKENS, TRAINING_COST, TRIAL_SHARE, Budget
from strategies.prompting import SPARE_ROWS, SPARE_SHARE
from strategies.registry import DECLARATIONS, baselines_for
from strategies.search.passages import cut_passages, words_a_passage
from strategies.search.settings import MOST_RERANKED, WORDS_RERANKED, SearchBudget
from strategies.tuned_encoder import LABELS_A_STEP, ROWS_A_LABEL, count_steps

TOKENS_A_WORD = 1.35
TOKENS_A_TURN = 8  # what a chat template adds around a message
# A search follows about four labels to their end, in passes half as fast as reading. With only an instruction, a model
# is less certain, and half of the other labels are followed too.
FOLLOWED_IN_DOUBT = 0.5
KNOWLEDGE_READ, KNOWLEDGE_WRITTEN = 4_900, 1_360  # tokens of the general texts and questions; of the answers at most
PASSAGES_A_FACT = 4  # embedded again per changed fact: neighbours share a sentence, and all are changed back afterwards
SETTLED = {"search": "any"}  # which one was chosen doesn't matter here
SEARCHES = 3  # compared that embed passages again
RERANKING_SHARE = 0.5  # of the tasks with documents, in which a reranker is chosen
WORDS_AN_INPUT = 15  # of another embedder's solved examples
EVALUATIONS = 12  # passes over dev while training and choosing how


@dataclass(frozen=True, slots=True)
class Workload:
    """Tokens read and written in batches, tokens read and written one request at a time, tokens an adapter trains on,
    and texts embedded. Reading excludes prompt tokens that a cache saves."""

    read: float = 0.0
    read_alone: float = 0.0
    write: float = 0.0
    write_alone: float = 0.0
    train: float = 0.0
    embed: float = 0.0


def foresee(strategy: str, brief: Brief, split: Split, documents: Sequence[Document], budget: Budget) -> Workload:
    """The work to fit one strategy and measure it on the test rows."""
    declared = DECLARATIONS[strategy]
    rows = [*split.train, *split.dev, *split.test]
    input_tokens = mean(_tokens(row.input) for row in rows) + TOKENS_A_TURN
    targets = [_tokens(row.target) for row in rows]
    example_tokens = input_tokens + mean(targets) + TOKENS_A_TURN
    alone = min(budget.latency_rows, len(split.test))
    tested = len(split.test)
    probed = len(VARIANTS) * min(budget.probe_rows, len(split.test))
    words = words_a_passage(row.target for row in split.train)
    passage_tokens = words * TOKENS_A_WORD
    looked_up = train = embed = 0.0
    if declared.looks_up:
        shown = example_tokens + (passage_tokens if documents and brief.kind is Kind.ANSWERING else 0)
        looked_up = declared.looks_up.tokens(bool(documents), budget.settings_raced, passage_tokens, shown)
    if declared.trains:
        train = min(budget.training_tokens, budget.epochs * _training_tokens(split.train, looked_up))
        train *= declared.training_cost
        probed += min(budget.probe_rows, len(split.train))
    own = input_tokens + looked_up
    if brief.labels and brief.kind is not Kind.CLASSIFICATION:
        answer, longest = sum(map(_tokens, brief.labels)), 0.0  # the score of every label counts
    elif brief.kind is Kind.CLASSIFICATION:
        followed = min(LABELS_FOLLOWED, len(brief.labels))
        if not declared.learns_from_rows:
            followed += round(FOLLOWED_IN_DOUBT * (len(brief.labels) - followed))
        answer, longest = followed * mean(_tokens(label) for label in brief.labels), 0.0
    else:
        answer = 0.0
        usual = quantiles(targets, n=20)[-1] if len(targets) > 1 else targets[0]
        untrained = usual + SENTENCE_TOKENS / 2  # how long it writes before it stops is only known later
        longest = min(budget.answer_tokens, mean(targets) if declared.trains else untrained)
    choosing = count_choosing(declared, split, budget, Work(0.0, own + answer + WRITTEN_COST * longest))
    if looked_up:
        changed, taken_out = asked_of_documents(brief.kind, split, documents, budget)
        probed += changed + taken_out
        embed = PASSAGES_A_FACT * changed
        asked = choosing + tested + alone + probed
        embed += len(split.train) + _count_passages(tuple(documents), words) + asked
        embed += _searching(budget, words, asked, bool(documents))
    asked_knowledge = 2 if train and probed else 0  # before training and after
    return Workload(
        read=(choosing + tested + probed) * (own + answer)
        + asked_knowledge * KNOWLEDGE_READ
        + (EVALUATIONS * len(split.dev) * (example_tokens + looked_up) if train else 0),
        read_alone=alone * (own + answer),
        write=(choosing + tested + probed) * longest + asked_knowledge * KNOWLEDGE_WRITTEN,
        write_alone=alone * longest,
        train=train,
        embed=embed,
    )


def count_choosing(
    declared: Declaration, split: Split, budget: Budget, work: Work, settings: int | None = None, rewritings: int = 0
) -> int:
    """How many answers the choice of settings takes, if each setting is this much work. They are as many as the
    strategy may try unless `settings` says how many there are."""
    rows = len(split.dev)
    if declared.changes_weights:
        return rows
    settings = min(budget.settings_raced, declared.settings_tried if settings is None else settings)
    if not declared.looks_up and settings > 1:
        rows += int(min(SPARE_ROWS * rows, SPARE_SHARE * len(split.train)))
    tokens = budget.choosing_tokens / (1 + rewritings)
    rewritten = (
        plan_rounds([work] * 2, rows, tokens)[-1].rows + 1
    )  # the one before has answered, and one request writes
    return count_answers(plan_rounds([work] * settings, rows, tokens)) + rewritings * rewritten


def _searching(budget: Budget, words: int, asked: int, has_documents: bool) -> float:
    """Texts read to choose a search and to rerank: a text with a query takes about as long as embedding a text."""
    if "search" in budget.settled:
        return 0.0
    spent = SearchBudget.of(budget.settings)
    if not has_documents:
        return float(spent.words / WORDS_AN_INPUT)
    reranked = 2 * spent.rows + RERANKING_SHARE * asked
    return SEARCHES * spent.words / words + reranked * MOST_RERANKED * min(1.0, WORDS_RERANKED / words / MOST_RERANKED)


def asked_of_documents(kind: Kind, split: Split, documents: Sequence[Document], budget: Budget) -> tuple[int, int]:
    """Upper bounds on the test rows asked again after facts in the documents changed, and after documents were
    removed."""
    rows = min(budget.probe_rows, len(split.test)) if documents else 0
    return rows if kind is Kind.ANSWERING else 0, rows if kind in (Kind.ANSWERING, Kind.WRITING) else 0


def foresee_fewer(
    strategy: str, brief: Brief, split: Split, documents: Sequence[Document], budget: Budget, rows: int, test_rows: int
) -> Workload:
    """The work to fit one strategy on this many training rows, choosing only how labels are compared."""
    share, trained = rows / len(split.train), 1 - TRIAL_SHARE * budget.trials
    smaller = replace(split, train=split.train[:rows], test=split.test[:test_rows])
    work = foresee(strategy, brief, smaller, documents, budget.for_fewer(share, SETTLED))
    return replace(work, train=trained * work.train)


def foresee_baselines(task: Task, split: Split, budget: Budget) -> Workload:
    """The work of all baselines together: texts to embed, separately for each."""
    learned, asked = len(split.train), len(split.dev) + len(split.test) + min(budget.latency_rows, len(split.test))
    embed = float(learned + asked)  # for the nearest example
    if task.kind in LABELLED:
        embed += learned + asked + 2 * len(split.dev)
        if task.kind is Kind.CLASSIFICATION:
            steps = count_steps([row.input for row in split.train], budget.training_tokens)
            embed += learned + asked + 2 * len(split.dev) + TRAINING_COST * steps * LABELS_A_STEP * ROWS_A_LABEL
    elif "best_sentence" in baselines_for(task.kind, bool(task.documents)):
        embed += len(cut_passages(task.documents, words=1)) + asked
    return Workload(embed=embed)


@lru_cache(maxsize=1)
def _count_passages(documents: tuple[Document, ...], words: int) -> int:
    """Cached, because a page asks for several strategies at every click."""
    return len(cut_passages(documents, words))


def _training_tokens(train: Sequence[Example], looked_up: float = 0.0) -> float:
    """Tokens of one epoch, with `looked_up` tokens per row."""
    return sum(_tokens(row.input) + _tokens(row.target) + 3 * TOKENS_A_TURN + looked_up for row in train)


def _tokens(text: str) -> float:
    return 1 + about_tokens(text)
