"""What a child measures after the test rows: other inputs, changed documents, and the effects of training."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace

from advisor.runs.freshness import ChangedDocuments
from eval.measuring.runner import RowsMeasured, ask_in_variants, outcome_of, spread
from eval.outcomes import TRAINED_ON, Knowledge, Outcome, Trial
from eval.scoring import Scorer
from eval.task import Document, Example, Split
from strategies.contract import ASKING_BASE, ASKING_TRAINED, LearnsPreferences, Progress, Strategy, Trained
from strategies.served.budget import LimitReachedError
from strategies.served.keys import KeyNeededError

_NOT_PREFERRED = "How often it prefers the chosen answer could not be measured."
_NOT_MEASURED = "Robustness, freshness and the side effects of training could not be measured in full."


def probed(
    trial: Trial,
    strategy: Strategy,
    split: Split,
    scorer: Scorer,
    rows: int,
    seed: int,
    report_progress: Callable[[Progress], None],
    documents: Sequence[Document] = (),
) -> Trial:
    """The trial with its probes: varied inputs, changed documents if there are any and, if weights were trained,
    knowledge outside the task before and after. The strategy can't be used afterwards. If a probe fails, everything
    measured before stays valid, and a note says so."""

    def rows_measured(stage: str, done: int, total: int) -> None:
        report_progress(Progress(stage, done, total))

    if not rows:
        return trial
    try:
        trial = replace(trial, probes=ask_in_variants(strategy, split.test, scorer, seed, rows, rows_measured))
        if documents:
            trial = ChangedDocuments(strategy, split, documents, scorer, seed, rows, rows_measured).ask(trial)
        if isinstance(strategy, Trained):
            learned = _ask_what_it_trained_on(strategy, trial.strategy, split, scorer, rows, rows_measured)
            trial = replace(trial, probes={**trial.probes, TRAINED_ON: learned})
            trial = replace(trial, knowledge=_compare_knowledge(strategy, rows_measured))
    except (LimitReachedError, KeyNeededError):  # the run goes on later, and asks the rest then
        raise
    except Exception:
        traceback.print_exc()
        trial = replace(trial, notes=(*trial.notes, _NOT_MEASURED))
    return trial


def with_preferences(trial: Trial, strategy: Strategy, rows: Sequence[Example]) -> Trial:
    """The trial with how often the strategy prefers the chosen answers of these rows, if it has learned to. If that
    fails, everything measured before stays valid, and a note says so."""
    if not isinstance(strategy, LearnsPreferences):
        return trial
    try:
        preferred = strategy.prefers(rows)
    except Exception:
        traceback.print_exc()
        return replace(trial, notes=(*trial.notes, _NOT_PREFERRED))
    return replace(trial, preferred=preferred) if preferred.pairs else trial


def _ask_what_it_trained_on(
    strategy: Trained, name: str, split: Split, scorer: Scorer, rows: int, rows_measured: RowsMeasured
) -> tuple[Outcome, ...]:
    asked = spread(len(split.train), rows)
    rows_measured("asking what it trained on", 0, len(asked))
    predictions = strategy.answer_trained(split.train, asked)
    return tuple(
        outcome_of(name, split.train[row], prediction, scorer)
        for row, prediction in zip(asked, predictions, strict=True)
    )


def _compare_knowledge(strategy: Trained, rows_measured: RowsMeasured) -> tuple[Knowledge, Knowledge]:
    from strategies.forgetting import ask_knowledge  # imports torch

    after = ask_knowledge(strategy.trained_model, lambda *rows: rows_measured(ASKING_TRAINED, *rows))
    del strategy.trained_model.network  # one model in memory at a time
    gc.collect()
    before = ask_knowledge(strategy.load_model(), lambda *rows: rows_measured(ASKING_BASE, *rows))
    return before, after
