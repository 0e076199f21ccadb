"""Ask a fitted strategy, score its answers and time them. Only this module reads the test rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol

from eval.measuring.other_programs import MATERIAL_SHARE, OtherPrograms
from eval.measuring.phases import correction, listening
from eval.measuring.processor_time import Spell, Stopwatch
from eval.measuring.robustness import variants_of
from eval.outcomes import Outcome, Prediction, Trial
from eval.scoring import Scorer
from eval.sent import SentPrompts
from eval.task import LABELLED, Example

ROWS_A_CALL = 32  # few enough that the progress bar moves
MOST_ROUNDS = 2  # of timing, the second only if other programs were busy
# An answer of milliseconds is given again for so long, but not more often than this, and its median counts: one slice
# that another program takes of the processor is as long as such an answer.
REPEATED_SECONDS, MOST_REPEATS = 0.06, 9
FIRST_ROWS = 3  # test rows whose answers are reported before all rows are answered


class Predictor(Protocol):
    """Anything that answers inputs. It never receives targets."""

    name: ClassVar[str]

    def predict(self, inputs: Sequence[str]) -> list[Prediction]: ...


@dataclass(frozen=True, slots=True)
class Measured:
    """`undisturbed_requests_per_second` is as in `Trial`. `busy` is the share of the processor that other programs used
    while single answers were timed; None if timing was too short to tell. `prompts` are what a language model read;
    None if none was asked, or it doesn't say."""

    outcomes: tuple[Outcome, ...]
    requests_per_second: float
    undisturbed_requests_per_second: float | None = None
    busy: float | None = None
    prompts: SentPrompts | None = None

    @staticmethod
    def of(trial: Trial) -> Measured:
        """What a trial holds of it, if answers were timed in batches."""
        return Measured(
            trial.outcomes,
            trial.requests_per_second or math.inf,
            trial.undisturbed_requests_per_second,
            trial.busy,
            trial.prompts,
        )


RowsMeasured = Callable[[str, int, int], None]  # stage in words, rows done, total rows
FirstAnswers = Callable[[Sequence[Outcome]], None]  # the outcomes of `first_rows` so far, in their order


def measure(
    predictor: Predictor,
    test: Sequence[Example],
    scorer: Scorer,
    latency_rows: int,
    rows_measured: RowsMeasured,
    first_answers: FirstAnswers = lambda _: None,
) -> Measured:
    """All test rows answered, and `latency_rows` of them timed, without a pause."""
    measuring = Measuring(predictor, test, scorer, rows_measured, first_answers)
    measuring.answer(len(test))
    timed = spread(len(test), latency_rows)
    for _ in range(MOST_ROUNDS):
        for row in timed:
            measuring.time(row, len(timed))
        if not measuring.end_round():
            break
    return measuring.measured


class Measuring:
    """Measures a fitted predictor as far as it is told to, so that several can take turns.

    The answers come from batches, which also give the throughput. After this warm-up, single rows are asked again one
    at a time; their wall seconds are the latency. If other programs used much of the processor in a round of them, it
    is worth another round, and the quieter one counts. `earlier` is what was measured before the predictor was loaded
    again. `kept` are answers of an earlier run to rows of this test set, by one fitted in the same way: they are
    scored again, and have the seconds they had then. `first_answers` hears of the answers to `first_rows` as they come,
    outside of anything that is timed. `may_repeat`: asking again is free, and the same work each time.
    """

    def __init__(
        self,
        predictor: Predictor,
        test: Sequence[Example],
        scorer: Scorer,
        rows_measured: RowsMeasured,
        first_answers: FirstAnswers = lambda _: None,
        earlier: Measured | None = None,
        kept: Measured | None = None,
        may_repeat: bool = False,
    ) -> None:
        self._predictor, self._test, self._scorer = predictor, test, scorer
        self._rows_measured, self._first_answers = rows_measured, first_answers
        self._outcomes = dict(enumerate(earlier.outcomes)) if earlier else {}
        self._prompts = (earlier and earlier.prompts) or SentPrompts()
        self._seconds, self._undisturbed = _seconds_of(earlier) if earlier else (0.0, 0.0)
        self._busy = earlier.busy if earlier else None
        self._kept, self._kept_outcomes = kept, {one.example_id: one for one in kept.outcomes} if kept else {}
        self._may_repeat = may_repeat
        self._is_warm = False
        self._round = _Round()

    @property
    def measured(self) -> Measured:
        """So far, of at least one answer. The outcomes are in the order of the test rows."""
        rows = sorted(self._outcomes)
        return Measured(
            outcomes=tuple(self._outcomes[row] for row in rows),
            requests_per_second=len(rows) / self._seconds,
            undisturbed_requests_per_second=len(rows) / self._undisturbed if self._undisturbed else None,
            busy=self._busy,
            prompts=self._prompts if self._prompts.examples else None,
        )

    @property
    def kept_answers(self) -> int:
        """How many of the answers so far are kept ones."""
        return sum(self._test[row].id in self._kept_outcomes for row in self._outcomes)

    def answer(self, end: int) -> None:
        """The test rows up to this one, in batches, without those that are answered."""
        stage = "answering the test rows"
        self._take_kept(end)
        self._rows_measured(stage, len(self._outcomes), end)
        asked = [row for row in range(end) if row not in self._outcomes]
        if not asked:
            return
        self._warm_up()
        for part, answers, spell in _in_batches(self._predictor, [self._test[row] for row in asked]):
            self._seconds += spell.seconds
            self._undisturbed = _sum(self._undisturbed, spell.undisturbed_seconds)
            rows = [asked[place] for place in part]
            for row, prediction in zip(rows, answers, strict=True):
                if prediction.sent:
                    self._prompts.add(self._test[row].id, prediction.sent())
                self._outcomes[row] = outcome_of(self._predictor.name, self._test[row], prediction, self._scorer)
            self._rows_measured(stage, len(self._outcomes), end)
            self._tell_first(rows)

    def time(self, row: int, of: int) -> None:
        """Ask again for one row that is answered, of so many in this round."""
        self._warm_up()
        with self._round.others.watched():
            times = [self._spell(row)]
            while (
                self._may_repeat
                and len(times) < MOST_REPEATS
                and sum(one.seconds for one, _ in times) < REPEATED_SECONDS
            ):
                times.append(self._spell(row))
        times.sort(key=lambda one: one[0].seconds)
        self._round.spells[row], self._round.phases[row] = times[len(times) // 2]
        again = self._busy is not None and self._busy > MATERIAL_SHARE
        stage = "timing them again, since other programs were busy" if again else "timing single answers"
        self._rows_measured(stage, len(self._round.spells), of)

    def _spell(self, row: int) -> tuple[Spell, dict[str, float]]:
        """How long the answer to one row took, and the wall seconds of its phases."""
        with listening() as phases:
            spell = spell_of(self._predictor, self._test[row])
        return spell.longer_by(correction(phases)), phases

    def end_round(self) -> bool:
        """Keeps what the round measured, if it was quieter than the one before, or if that one was cut short. Returns
        whether other programs used so much of the processor that another round is worthwhile."""
        ended, self._round = self._round, _Round()
        busy = ended.others.share()
        is_new = not is_timed([self._outcomes[row] for row in ended.spells], len(ended.spells))
        if self._busy is None or is_new or (busy is not None and busy < self._busy):
            for row, spell in ended.spells.items():
                self._outcomes[row] = replace(
                    self._outcomes[row],
                    seconds=spell.seconds,
                    processor_seconds=spell.processor_seconds,
                    undisturbed_seconds=spell.undisturbed_seconds,
                    phases=ended.phases[row],
                )
            self._busy = busy
        return busy is not None and busy > MATERIAL_SHARE

    def _take_kept(self, end: int) -> None:
        """The kept answers to rows up to this one count as if they had been given now."""
        if self._kept is None:
            return
        rows = [row for row in range(end) if row not in self._outcomes and self._test[row].id in self._kept_outcomes]
        for row in rows:
            example = self._test[row]
            kept = replace(self._kept_outcomes[example.id], strategy=self._predictor.name)
            self._outcomes[row] = scored(kept, example, self._scorer)
            if self._kept.prompts and (prompt := self._kept.prompts.of(example.id)):
                self._prompts.add(example.id, prompt)
        if rows:
            seconds, undisturbed = _seconds_of(replace(self._kept, outcomes=tuple(self._outcomes[row] for row in rows)))
            self._seconds += seconds
            self._undisturbed = _sum(self._undisturbed, undisturbed)
            self._busy = self._kept.busy if self._busy is None else self._busy
            self._tell_first(rows)

    def _tell_first(self, rows: Sequence[int]) -> None:
        """If some of these are among the first rows."""
        if any(row < FIRST_ROWS for row in rows):
            self._first_answers([self._outcomes[row] for row in range(FIRST_ROWS) if row in self._outcomes])

    def _warm_up(self) -> None:
        """The first call of a process costs more than later ones."""
        if not self._is_warm:
            self._predictor.predict([self._test[0].input])
            self._is_warm = True


@dataclass(slots=True)
class _Round:
    """For each row, how long its answer took, and the wall seconds of its phases."""

    spells: dict[int, Spell] = field(default_factory=dict)
    phases: dict[int, dict[str, float]] = field(default_factory=dict)
    others: OtherPrograms = field(default_factory=OtherPrograms)


def _sum(*seconds: float | None) -> float | None:
    known = [each for each in seconds if each is not None]
    return sum(known) if len(known) == len(seconds) else None


def _seconds_of(earlier: Measured) -> tuple[float, float | None]:
    """The seconds of all batches, and those of a quiet machine; None if they aren't known."""
    rows, rate = len(earlier.outcomes), earlier.undisturbed_requests_per_second
    return rows / earlier.requests_per_second, rows / rate if rate else None


def first_rows(test: Sequence[Example]) -> list[Example]:
    """The test rows whose answers are shown while a run goes on: the same ones for every strategy, the first of the
    test set, whose order is random."""
    return list(test[:FIRST_ROWS])


def ask_in_variants(
    predictor: Predictor, test: Sequence[Example], scorer: Scorer, seed: int, rows: int, rows_measured: RowsMeasured
) -> dict[str, tuple[Outcome, ...]]:
    """Outcomes by variant (`eval.measuring.robustness`) of `rows` rows spread over the test rows, if the variant
    changes them."""
    varied = variants_of([test[row] for row in spread(len(test), rows)], scorer.kind, seed)
    asked = [(name, example) for name, examples in varied.items() for example in examples]
    stage = "asking in other words"
    predictions = answer_rows(predictor, [row for _, row in asked], lambda done: rows_measured(stage, done, len(asked)))
    found: dict[str, tuple[Outcome, ...]] = {}
    for at, (name, example) in enumerate(asked):
        found[name] = (*found.get(name, ()), outcome_of(predictor.name, example, predictions[at], scorer))
    return found


def spell_of(predictor: Predictor, example: Example) -> Spell:
    """How long one answer takes."""
    watch = Stopwatch()
    predictor.predict([example.input])
    return watch.read()


def is_timed(outcomes: Sequence[Outcome], rows: int) -> bool:
    """Whether at least half as many of these have their seconds: of kept answers, some may be missing."""
    return 2 * sum(one.seconds is not None for one in outcomes) >= rows


def spread(of: int, count: int) -> list[int]:
    """At most `count` integers, spread evenly from 0 to below `of`."""
    count = min(count, of)
    return [at * of // count for at in range(count)]


def answer_rows(predictor: Predictor, rows: Sequence[Example], done: Callable[[int], None]) -> dict[int, Prediction]:
    """Predictions by row number."""
    predictions: dict[int, Prediction] = {}
    for part, answers, _ in _in_batches(predictor, rows):
        predictions.update(zip(part, answers, strict=True))
        done(len(predictions))
    return predictions


def _in_batches(
    predictor: Predictor, rows: Sequence[Example]
) -> Iterator[tuple[Sequence[int], list[Prediction], Spell]]:
    """Row numbers, their predictions and how long these took. The longest inputs come first, so that rows of
    similar length share a batch."""
    by_length = sorted(range(len(rows)), key=lambda row: (-len(rows[row].input), row))
    for start in range(0, len(rows), ROWS_A_CALL):
        part = by_length[start : start + ROWS_A_CALL]
        watch = Stopwatch()
        answers = predictor.predict([rows[row].input for row in part])
        yield part, answers, watch.read()


def outcome_of(
    strategy: str,
    example: Example,
    prediction: Prediction,
    scorer: Scorer,
) -> Outcome:
    outcome = Outcome(
        example_id=example.id,
        strategy=strategy,
        text=prediction.text,
        score=0.0,
        parts={},
        tokens_in=prediction.tokens_in,
        tokens_out=prediction.tokens_out,
        sources=prediction.sources,
        error=prediction.error,
        cut_off=prediction.cut_off,
        thinking_tokens=prediction.thinking_tokens,
        unmatched=prediction.unmatched,
    )
    return scored(outcome, example, scorer)


def scored(outcome: Outcome, example: Example, scorer: Scorer) -> Outcome:
    """The outcome with what follows from its answer to this example."""
    score = scorer.score(outcome.text, example)
    return replace(
        outcome,
        score=0.0 if outcome.error else score.value,
        parts=score.parts,
        found_gold=bool(set(example.document_ids) & set(outcome.sources))
        if example.document_ids and outcome.sources
        else None,
        group=example.group,
        expected=example.target if scorer.kind in LABELLED else None,
    )
