"""Ask a fitted strategy, score its answers and time them. Only this module reads the test rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

from eval.measuring.other_programs import MATERIAL_SHARE, OtherPrograms
from eval.measuring.phases import correction, listening
from eval.measuring.processor_time import Spell, Stopwatch
from eval.measuring.robustness import variants_of
from eval.outcomes import Outcome, Prediction
from eval.scoring import Scorer
from eval.sent import SentPrompts
from eval.task import LABELLED, Example

ROWS_A_CALL = 32  # few enough that the progress bar moves
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
    """Outcomes in the order of `test`.

    `first_answers` hears of the answers to `first_rows` as they come, outside of anything that is timed.

    The answers come from one pass in batches, which also gives the throughput. After this warm-up, `latency_rows` rows
    spread evenly over the test rows are asked again one at a time; their wall seconds are the latency. If other
    programs used much of the processor meanwhile, the timing is repeated, and the quieter of the two counts.
    """
    rows_measured("answering the test rows", 0, len(test))
    predictor.predict([test[0].input])  # warm-up: the first call of a process costs more than later ones
    predictions: dict[int, Prediction] = {}
    prompts, spells = SentPrompts(), list[Spell]()
    first = spread(len(test), FIRST_ROWS)
    for part, answers, spell in _in_batches(predictor, test):
        spells.append(spell)
        for row, prediction in zip(part, answers, strict=True):
            if prediction.sent:
                prompts.add(test[row].id, prediction.sent())
            predictions[row] = replace(prediction, sent=None)
        rows_measured("answering the test rows", len(predictions), len(test))
        if not set(first).isdisjoint(part):
            answered = [row for row in first if row in predictions]
            first_answers([outcome_of(predictor.name, test[row], predictions[row], scorer) for row in answered])

    chosen = spread(len(test), latency_rows)
    timed = _timed(predictor, test, chosen, "timing single answers", rows_measured)
    if timed.busy is not None and timed.busy > MATERIAL_SHARE:
        again = _timed(predictor, test, chosen, "timing them again, since other programs were busy", rows_measured)
        timed = min(timed, again, key=lambda one: one.busy or 0.0)
    return Measured(
        outcomes=tuple(
            outcome_of(predictor.name, example, predictions[row], scorer, timed.spells.get(row), timed.phases.get(row))
            for row, example in enumerate(test)
        ),
        requests_per_second=len(test) / sum(spell.seconds for spell in spells),
        undisturbed_requests_per_second=_undisturbed_rate(len(test), spells),
        busy=timed.busy,
        prompts=prompts if prompts.examples else None,
    )


@dataclass(frozen=True, slots=True)
class _Timed:
    """For each row, how long its answer took, and the wall seconds of its phases; `busy` as in `Measured`."""

    spells: dict[int, Spell]
    phases: dict[int, dict[str, float]]
    busy: float | None


def _timed(
    predictor: Predictor, test: Sequence[Example], rows: Sequence[int], stage: str, rows_measured: RowsMeasured
) -> _Timed:
    spells: dict[int, Spell] = {}
    phases: dict[int, dict[str, float]] = {}
    others = OtherPrograms()
    for row in rows:
        with listening() as phases[row]:
            spell = spell_of(predictor, test[row])
        spells[row] = spell.longer_by(correction(phases[row]))
        rows_measured(stage, len(spells), len(rows))
    return _Timed(spells, phases, others.share())


def _undisturbed_rate(answers: int, spells: Sequence[Spell]) -> float | None:
    """Answers a second; None if that isn't known."""
    known = [spell.undisturbed_seconds for spell in spells if spell.undisturbed_seconds is not None]
    return answers / sum(known) if len(known) == len(spells) else None


def first_rows(test: Sequence[Example]) -> list[Example]:
    """The test rows whose answers are shown while a run goes on: the same ones for every strategy, spread over the test
    set, whose order is random."""
    return [test[row] for row in spread(len(test), FIRST_ROWS)]


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
    spell: Spell | None = None,
    phases: dict[str, float] | None = None,
) -> Outcome:
    scored = scorer.score(prediction.text, example)
    return Outcome(
        example_id=example.id,
        strategy=strategy,
        text=prediction.text,
        score=0.0 if prediction.error else scored.value,
        parts=scored.parts,
        tokens_in=prediction.tokens_in,
        tokens_out=prediction.tokens_out,
        seconds=spell.seconds if spell else None,
        processor_seconds=spell.processor_seconds if spell else None,
        undisturbed_seconds=spell.undisturbed_seconds if spell else None,
        sources=prediction.sources,
        found_gold=bool(set(example.document_ids) & set(prediction.sources))
        if example.document_ids and prediction.sources
        else None,
        error=prediction.error,
        group=example.group,
        phases=phases or {},
        expected=example.target if scorer.kind in LABELLED else None,
        cut_off=prediction.cut_off,
        thinking_tokens=prediction.thinking_tokens,
        unmatched=prediction.unmatched,
    )
