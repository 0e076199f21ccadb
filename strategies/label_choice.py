"""From the scores of labels to an answer: one label, all that are likely enough, or a number between ratings.

A plain sum of log-probabilities favours short labels and labels that a model likes whatever the input. So the way to
compare labels is itself chosen on dev. Subtracting what a label scores after an empty input is contextual calibration
(Zhao et al., 2021); subtracting its mean over real inputs is batch calibration (Zhou et al., 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.mapping.label_sets import NO_LABEL, SEPARATOR, as_answer, labels_in
from eval.scoring import Scorer
from eval.scoring.closeness import number_in, number_text
from eval.task import Brief, Example, Kind
from strategies.engine.language_model import Scores

LIKELIEST, EXPECTED_VALUE = "likeliest label", "expected value"
ABOVE_THRESHOLD, NEAR_BEST = "likelihood", "distance from the likeliest label"
SUM, MEAN, EMPTY_INPUT, BATCH = "sum", "mean", "minus empty input", "batch calibration"
# In this order where they score the same on dev: the first is the most dependable on unseen rows.
NORMALISATIONS = (BATCH, EMPTY_INPUT, SUM, MEAN)
# If the nearest examples stand in each prompt, what labels score on average over inputs is no bias to be taken away.
WITH_NEAREST = (SUM, MEAN, EMPTY_INPUT, BATCH)
VOTES = 1.0  # the weight of the votes: as much as what the model says
DECIMALS = 4  # of compared log-probabilities
_THRESHOLDS = 20  # tried per way
_WAYS = {
    Kind.CLASSIFICATION: (LIKELIEST,),
    Kind.MULTI_LABEL: (NEAR_BEST, ABOVE_THRESHOLD),
    Kind.NUMBER: (EXPECTED_VALUE, LIKELIEST),
}

Numbers = NDArray[np.float64]


def continuations_of(brief: Brief) -> tuple[str, ...]:
    """What the model is asked to score. Several labels each end with a separator, so none is the beginning of
    another."""
    if brief.kind is Kind.MULTI_LABEL:
        return tuple(f"{label}{SEPARATOR}" for label in brief.labels)
    return brief.labels


@dataclass(frozen=True, slots=True)
class LabelChoice:
    """How labels are compared (`normalisation`), and which become the answer (`way`). `threshold` is the least that a
    given label needs in a task with several: its compared number, or how far that may be below the best one's.
    `offsets` are subtracted from the labels' log-probabilities, [labels], or nothing is. `votes` is how much the votes
    of the nearest solved examples weigh beside the model."""

    normalisation: str = SUM
    way: str = LIKELIEST
    threshold: float = 0.0
    offsets: tuple[float, ...] = ()
    votes: float = 0.0

    @staticmethod
    def to_try(
        kind: Kind,
        after_nothing: Sequence[float],
        after_inputs: Sequence[float],
        by_length: bool = True,
        has_votes: bool = False,
    ) -> list[LabelChoice]:
        """All that can be had. `after_nothing` are the labels' log-probabilities after an empty input, `after_inputs`
        their means over real ones, each [labels], or [] if unknown. Means over a label's tokens are left out unless
        labels are compared `by_length`, and votes unless examples have some."""
        offsets = {BATCH: tuple(after_inputs), EMPTY_INPUT: tuple(after_nothing), SUM: (), MEAN: ()}
        able = {BATCH: bool(after_inputs), EMPTY_INPUT: bool(after_nothing), SUM: True, MEAN: by_length}
        normalisations = [one for one in (WITH_NEAREST if has_votes else NORMALISATIONS) if able[one]]
        return [
            LabelChoice(normalisation, way, offsets=offsets[normalisation], votes=votes)
            for votes, normalisation, way in product((VOTES, 0.0) if has_votes else (0.0,), normalisations, _WAYS[kind])
        ]

    @staticmethod
    def from_json(stored: dict[str, Any]) -> LabelChoice:
        """From what an answerer stored. Earlier versions kept the log-probabilities after an empty input beside it, and
        the first ones nothing but the normalisation."""
        chosen = stored.get("choice") or {"normalisation": stored["normalisation"]}
        if "offsets" not in chosen and chosen["normalisation"] == EMPTY_INPUT:
            chosen = {**chosen, "offsets": stored["baseline"]}
        return LabelChoice(**{**chosen, "offsets": tuple(chosen.get("offsets", ()))})

    @property
    def needs_all(self) -> bool:
        """Whether it needs the score of every label, not just of the best."""
        return self.way != LIKELIEST

    @property
    def settings(self) -> dict[str, Any]:
        """As the report shows it."""
        shown: dict[str, Any] = {"normalisation": self.normalisation}
        if self.votes:
            shown["combined with"] = "votes of the nearest examples"
        if self.way in (NEAR_BEST, ABOVE_THRESHOLD):
            return {**shown, "labels by": self.way, "threshold": round(self.threshold, 3)}
        return {**shown, "number": self.way} if self.way == EXPECTED_VALUE else shown

    def compare(self, scores: Scores) -> Numbers:
        """The numbers that compare labels, [prompts, labels]."""
        sums = scores.log_probabilities
        compared = sums / scores.tokens_out if self.normalisation == MEAN else sums - np.array(self.offsets or 0.0)
        if self.votes and scores.votes is not None:
            compared = compared + self.votes * scores.votes
        # After an empty input, nothing but rounding errors may be left of the differences, and they mustn't decide.
        return np.asarray(compared.round(DECIMALS) if self.offsets else compared)

    def answers(self, compared: Numbers, labels: Sequence[str]) -> list[tuple[str, list[int]]]:
        """Each prompt's answer, and the places of the labels it holds."""
        best = compared.argmax(axis=1)
        if self.way == EXPECTED_VALUE:
            values = np.array([number_in(label) or 0.0 for label in labels])
            shares = np.exp(compared - compared.max(axis=1, keepdims=True))
            means = shares @ values / shares.sum(axis=1)
            return [(number_text(mean), [int(at)]) for mean, at in zip(means, best, strict=True)]
        if self.way == LIKELIEST:
            return [(labels[at], [int(at)]) for at in best]
        given = self._lead(compared) >= self.threshold
        found = []
        for row, first in zip(given, best, strict=True):
            some = [at for at in np.flatnonzero(row).tolist() if labels[at] != NO_LABEL]
            if labels[first] == NO_LABEL or not some:
                some = [int(first)]
            found.append((as_answer(labels[at] for at in some), some))
        return found

    def fitted(self, compared: Numbers, brief: Brief, dev: Sequence[Example], scorer: Scorer) -> LabelChoice:
        """With the threshold that scores best on dev; the strictest of equals. Other ways have none."""
        if self.way not in (NEAR_BEST, ABOVE_THRESHOLD):
            return self
        lead = self._lead(compared)
        expected = np.array([[label in labels_in(row.target) for label in brief.labels] for row in dev])
        # No threshold between two dev values of right labels changes which of those are found.
        tried = np.unique(np.quantile(lead[expected] if expected.any() else lead, np.linspace(0, 1, _THRESHOLDS)))
        values = np.unique(lead)

        def below(threshold: float) -> float:
            """Halfway to the next value: on a value itself, rounding would decide."""
            return float(threshold + values[max(0, int(np.searchsorted(values, threshold)) - 1)]) / 2

        def score(threshold: float) -> float:
            answers = replace(self, threshold=threshold).answers(compared, brief.labels)
            return scorer.overall([text for text, _ in answers], dev)

        return replace(self, threshold=below(max(reversed(tried.tolist()), key=score)))

    def _lead(self, compared: Numbers) -> Numbers:
        return compared - compared.max(axis=1, keepdims=True) if self.way == NEAR_BEST else compared
