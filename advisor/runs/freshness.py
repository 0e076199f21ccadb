"""Ask test rows again after their documents changed: with other facts in them, or without those that hold the answer.

Strategies that look things up get the changed documents, and nothing is trained. For all others nothing changes: their
answers to the test rows stand.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from eval.measuring.freshness import change_facts, take_out
from eval.measuring.runner import RowsMeasured, answer_rows, outcome_of
from eval.outcomes import CHANGED_FACTS, NEW_FACT, OLD_FACT, TAKEN_OUT, Outcome, Trial
from eval.scoring import Scorer
from eval.task import Document, Example, Kind, Split
from strategies.contract import LooksUp, Strategy


@dataclass(frozen=True, slots=True)
class ChangedDocuments:
    """What a fitted strategy is asked, on at most `rows` test rows. Afterwards it has the original documents again."""

    strategy: Strategy
    split: Split
    documents: Sequence[Document]
    scorer: Scorer
    seed: int
    rows: int
    rows_measured: RowsMeasured

    def ask(self, trial: Trial) -> Trial:
        """The trial with these probes, if the task allows them. Only short answers are facts, and only answered or
        written tasks can say that they don't know."""
        if self.scorer.kind is Kind.ANSWERING:
            trial = self._change_facts(trial)
        return self._take_out(trial) if self.scorer.kind in (Kind.ANSWERING, Kind.WRITING) else trial

    def _change_facts(self, trial: Trial) -> Trial:
        """Scored against the new fact. The parts hold its score and that of the old fact."""
        every = (*self.split.train, *self.split.dev, *self.split.test)
        facts, changed = change_facts(self.split.test, every, self.documents, self.seed, self.rows)
        if not facts:
            return trial
        asked, stage, seconds = [fact.example for fact in facts], "asking after facts changed", None
        if isinstance(self.strategy, LooksUp):
            self.rows_measured(stage, 0, len(asked))
            started = time.perf_counter()
            self.strategy.refresh(changed)
            seconds = time.perf_counter() - started
            answered = self._answer(asked, stage, 0, len(asked))
            self.strategy.refresh(self.documents)
        else:
            answered = _as_they_were(trial, asked)
        probes = []
        for outcome, fact in zip(answered, facts, strict=True):
            told = replace(fact.example, target=fact.new, also_right=())
            new, old = (self.scorer.score(outcome.text, row) for row in (told, fact.example))
            parts = {**new.parts, NEW_FACT: new.value, OLD_FACT: old.value}
            probes.append(replace(outcome, score=0.0 if outcome.error else new.value, parts=parts))
        return replace(
            trial,
            probes={**trial.probes, CHANGED_FACTS: tuple(probes)},
            changed_facts={fact.example.id: fact.new for fact in facts},
            refresh_seconds=seconds,
        )

    def _take_out(self, trial: Trial) -> Trial:
        parts = take_out(self.split.test, self.documents, self.seed, self.rows)
        asked = [row for part, _ in parts for row in part]
        if not asked:
            return trial
        probes: list[Outcome] = []
        if isinstance(self.strategy, LooksUp):
            for part, left in parts:
                self.strategy.refresh(left)
                probes += self._answer(part, "asking without the documents", len(probes), len(asked))
            self.strategy.refresh(self.documents)
        else:
            probes = _as_they_were(trial, asked)
        return replace(trial, probes={**trial.probes, TAKEN_OUT: tuple(probes)})

    def _answer(self, asked: Sequence[Example], stage: str, before: int, total: int) -> list[Outcome]:
        def done(rows: int) -> None:
            self.rows_measured(stage, before + rows, total)

        predictions = answer_rows(self.strategy, asked, done)
        return [outcome_of(self.strategy.name, row, predictions[at], self.scorer) for at, row in enumerate(asked)]


def _as_they_were(trial: Trial, asked: Sequence[Example]) -> list[Outcome]:
    by_row = {outcome.example_id: outcome for outcome in trial.outcomes}
    return [replace(by_row[row.id], seconds=None, phases={}) for row in asked]
