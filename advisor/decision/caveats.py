"""What a person should know before acting on a recommendation: only what this measurement gives cause for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from advisor.decision.situation import Situation, wrong_answers
from advisor.decision.weak_texts import LOW_SCORE
from advisor.measurement import Measurement, fact_told, gap_of, trained_again
from advisor.wording import count_text, every_text, in_sentence, name_of, score_text, share_text
from eval.measuring.other_programs import MATERIAL_SHARE
from eval.outcomes import CHANGED_FACTS, NEW_FACT, OLD_FACT, Trial
from eval.scoring.labels import OF_LABELS, rates_by_label
from eval.scoring.metric import leads_with_facts
from eval.statistics.inference import paired_difference
from eval.task import Kind, Metric

_NOT_YET = "Don't rely on it yet: a larger model may help more than another strategy."
FEW_TIMED = 20  # a 95th percentile of fewer requests is just the slowest one
LOW_HIT_RATE = 0.5
ENOUGH_VALID = 0.95
ANOTHER_TRAINING = 0.05  # can move a score so far; seeds were 2 to 3 points apart in docs/benchmarks.md
BY_HEART = 0.1  # a gap between rows trained on and test rows
_LEARNED = 0.05  # nats a token on dev below which there is next to nothing left to learn
_FALLING = 0.95  # of the loss of the look before: at the end steps are small
_FEW_OF_A_LABEL = 5  # test rows
_KNOWN = 0.9  # the score on rows trained on from which these are known by heart


def before_you_act(
    situation: Situation, trials: Sequence[Trial], majority_share: float | None = None
) -> tuple[str, ...]:
    """The caveats that apply, the gravest first."""
    judged = [situation.choice, *situation.others]
    sentences = (
        _few_rows(situation),
        _low_score(situation),
        _seldom_all_right(situation),
        _rare_labels(situation.choice),
        _majority(situation, majority_share),
        _failed_answers(situation.choice),
        _by_heart(situation.choice.trial),
        _forgot(situation.choice.trial),
        _trained_once(situation),
        *(_still_learning(one.trial) for one in situation.others),
        _is_outdated(situation),
        _invalid_json(situation.choice),
        _wording_only(situation.kind, situation.choice.trial.metric),
        _errors_not_weighed(situation),
        _counted_alike(situation),
        _unknown_price(situation),
        _hosted_elsewhere(situation),
        *unfinished(trials),
        *(_missed_documents(one) for one in judged),
        _busy(judged),
        _slow_code(situation.choice.trial),
        *_few_timed(situation),
    )
    return tuple(sentence for sentence in sentences if sentence is not None)


def unfinished(trials: Sequence[Trial]) -> tuple[str, ...]:
    """One sentence for each strategy that could not be judged, with its reason."""
    sentences = []
    for trial in trials:
        if trial.status == "done":
            continue
        what = "failed, so it has no score" if trial.status == "failed" else "was not tried"
        reason = f" {trial.reason.rstrip('.')}." if trial.reason else ""
        sentences.append(f"{name_of(trial.strategy)} {what}.{reason}")
    return tuple(sentences)


def _slow_code(trial: Trial) -> str | None:
    if trial.slow_because is None:
        return None
    return (
        "The model runs on the code of transformers here, which is slower than our engine: its latency would be lower "
        "with a serving engine."
    )


def _few_rows(situation: Situation) -> str | None:
    if not situation.is_few:
        return None
    if situation.has_large_group:
        why = situation.why_few
        return f"{why[0].upper()}{why[1:]}, so the evidence is thin. Add rows of other groups before you rely on this."
    return f"This verdict rests on {situation.why_few}. Add more before you rely on it."


def _low_score(situation: Situation) -> str | None:
    """Said of the best there is, so that nobody takes the best of a bad lot for good."""
    best = situation.best
    if situation.kind is None and best.score.mean < LOW_SCORE:
        return f"No strategy works well yet: the best scores {100 * best.score.mean:.0f} out of 100."
    if situation.kind is None or not situation.is_poor:
        return None
    which = name_of(best.strategy)
    if (weak := situation.texts_of(best).sentence(which)) and situation.kind is Kind.WRITING:
        return f"{weak} {_NOT_YET}"
    wrong, rows = wrong_answers(best, situation.kind), count_text(best.score.n, "test row")
    if best.trial.metric in OF_LABELS and wrong <= best.score.n / 2:
        return (
            f"{which} has a {best.trial.metric} of only {score_text(best.score.mean)}. It is wrong on {wrong:,} of "
            f"{rows}, but rarely finds the labels that have few rows. Don't rely on it for those."
        )
    return f"{which} is wrong on {wrong:,} of {rows}. {_NOT_YET}"


def _seldom_all_right(situation: Situation) -> str | None:
    """The caveat where the score is fair for what most answers get right, but most have something wrong."""
    choice, kind = situation.choice, situation.kind
    if kind is None or situation.is_poor or (wrong := wrong_answers(choice, kind)) <= choice.score.n / 2:
        return None
    if choice.trial.metric in OF_LABELS:
        return (
            f"{name_of(choice.strategy)} is wrong on {wrong:,} of {count_text(choice.score.n, 'test row')}. Its score "
            "is higher because a label with few rows counts as much as one with many."
        )
    if kind is Kind.NUMBER:
        return (
            f"{name_of(choice.strategy)} is off in {wrong:,} of {count_text(choice.score.n, 'answer')}. Its score "
            "counts how close they are."
        )
    return (
        f"{name_of(choice.strategy)} gets something wrong in {wrong:,} of {count_text(choice.score.n, 'answer')}. Its "
        "score counts the parts that are right, so check each answer before use."
    )


def _rare_labels(choice: Measurement) -> str | None:
    """The caveat where a few rows decide a score that counts every label alike."""
    if choice.trial.metric not in OF_LABELS:
        return None
    rates = rates_by_label(choice.trial.outcomes)
    rare = sum(one.rows < _FEW_OF_A_LABEL for one in rates)
    if not rare:
        return None
    have = f"{rare:,} of {count_text(len(rates), 'label')} {'has' if rare == 1 else 'have'}"
    return (
        f"{have} fewer than {_FEW_OF_A_LABEL} test rows. Every label counts the same, so a single answer can move the "
        "score a lot: add rows with these labels."
    )


def _counted_alike(situation: Situation) -> str | None:
    """What a price of a wrong answer counts, where the score counts something else."""
    metric = situation.choice.trial.metric
    if not situation.counts_errors or metric not in OF_LABELS:
        return None
    return (
        "You set a price for a wrong answer, so the verdict counts every wrong answer the same. The "
        f"{metric} counts every label the same instead."
    )


def _majority(situation: Situation, majority_share: float | None) -> str | None:
    if majority_share is None or situation.choice.score.low > majority_share:
        return None
    return (
        f"Always answering with the most common label would score {score_text(majority_share)}. "
        f"{name_of(situation.choice.strategy)} isn't clearly better than that."
    )


def _failed_answers(choice: Measurement) -> str | None:
    if not choice.failed_answers:
        return None
    rows = count_text(choice.failed_answers, "test row")
    return f"{name_of(choice.strategy)} couldn't answer {rows}. We count that as wrong."


def _invalid_json(choice: Measurement) -> str | None:
    valid = choice.parts.get("valid")
    if valid is None or valid >= ENOUGH_VALID:
        return None
    invalid = [outcome for outcome in choice.trial.outcomes if not outcome.parts.get("valid")]
    longest = choice.trial.settings.get("answer_tokens", math.inf)
    cut = sum(outcome.tokens_out >= longest for outcome in invalid)
    answers = f"{len(invalid):,} of {count_text(choice.score.n, 'answer')}"
    said = f"{name_of(choice.strategy)} gives invalid JSON in {answers}, so check each answer before use."
    if not cut:
        return said
    how_many = "All of them" if cut == len(invalid) else f"{cut:,} of them"
    return f"{said} {how_many} reached the limit of {longest:,} tokens."


def _busy(judged: Sequence[Measurement]) -> str | None:
    """Times cannot be compared that were taken while other programs used much of the processor."""
    disturbed = [one.trial for one in judged if one.trial.busy is not None and one.trial.busy > MATERIAL_SHARE]
    if not disturbed:
        return None
    share = share_text(max(trial.busy or 0.0 for trial in disturbed))
    if all(_knows_undisturbed(trial) for trial in disturbed):
        return (
            f"Other programs used up to {share} of the processor during timing, so latency is too high, and its order "
            "may be wrong. Costs leave the others out. Run it again on a quiet machine before you compare latencies."
        )
    return (
        f"Other programs used up to {share} of the processor during timing, so latency and cost are too high, and "
        "their order may be wrong. Run it again on a quiet machine before you compare them."
    )


def _knows_undisturbed(trial: Trial) -> bool:
    """Whether its costs are those of a quiet machine."""
    return all(one.undisturbed_seconds is not None for one in trial.outcomes if one.seconds is not None)


def _wording_only(kind: Kind | None, metric: str) -> str | None:
    if kind is not Kind.WRITING:
        return None
    if leads_with_facts(Metric(metric)):
        return "The score finds facts by rules and can miss one that is worded differently. Read some answers."
    return "The score compares wording and can't tell whether a reader would be satisfied. Read some answers."


def _errors_not_weighed(situation: Situation) -> str | None:
    if not situation.priorities.wrong_answer or situation.counts_errors:
        return None
    return "Some costs are unknown, so the verdict leaves out what a wrong answer costs."


def _unknown_price(situation: Situation) -> str | None:
    hosted, choice = situation.priorities.hosted, situation.choice
    if not hosted or choice.cost.per_1000 is not None:
        return None
    return f"We don't know what {hosted} costs once it is trained. Find out before you decide."


def _hosted_elsewhere(situation: Situation) -> str | None:
    if not situation.priorities.hosted or situation.choice.trial.token_price is not None:
        return None
    hosted = situation.priorities.hosted
    return f"The costs are for {hosted}. Scores, latency and token counts come from the model we measured."


def _missed_documents(one: Measurement) -> str | None:
    if one.hit_rate is None or one.hit_rate >= LOW_HIT_RATE:
        return None
    found = [outcome.found_gold for outcome in one.trial.outcomes if outcome.found_gold is not None]
    return (
        f"{name_of(one.strategy)} found the right document for only {sum(found):,} of "
        f"{count_text(len(found), 'test row')} with a known document."
    )


def _few_timed(situation: Situation) -> Iterator[str]:
    """Of others only where the choice was timed on more."""
    timed = {one.strategy: one.latency.n if one.latency else 0 for one in (situation.choice, *situation.others)}
    choice = situation.choice
    if not timed[choice.strategy]:
        if choice.cost.per_1000 is None:
            yield "Latency was not measured, so the cost is unknown."
        else:
            yield "Latency was not measured."
    is_enough = timed[choice.strategy] >= FEW_TIMED
    for name, count in timed.items():
        if 0 < count < FEW_TIMED and (name == choice.strategy or is_enough):
            timed_on = count_text(count, "request")
            yield f"{name_of(name)} was timed on only {timed_on}, so the slowest may take longer than shown."


def _by_heart(trial: Trial) -> str | None:
    """The caveat where a strategy does much better on rows it trained on."""
    gap = gap_of(trial)
    if gap is None or gap.difference < BY_HEART or gap.low <= 0:
        return None
    seen, new = score_text(gap.seen.mean), score_text(gap.new.mean)
    verb = "has memorised its training rows" if gap.seen.mean >= _KNOWN else "overfits"
    scores = f"it scores {seen} on training rows and {new} on new rows"
    return f"{name_of(trial.strategy)} {verb}: {scores}. Expect {new} in use."


def _forgot(trial: Trial) -> str | None:
    """The caveat where training cost what the model could do beside."""
    if trial.knowledge is None:
        return None
    before, after = (one.right for one in trial.knowledge)
    if not before or paired_difference(after, before).high >= 0:
        return None
    return (
        f"Training made the model forget: {in_sentence(trial.strategy)} answers {sum(after):,.0f} of "
        f"{count_text(len(after), 'general question')} correctly, down from {sum(before):,.0f}. Use it for this task "
        "only."
    )


def _trained_once(situation: Situation) -> str | None:
    """The caveat where another training alone could turn the order of the first two around; how often something was
    trained elsewhere is not known."""
    if not situation.others or situation.kind is None:
        return None
    first, second = situation.choice, situation.others[0]
    trained = [one.trial for one in (first, second) if one.trial.changes_weights]
    once = [trial for trial in trained if not trained_again(trial)]
    if not once or abs(first.score.mean - second.score.mean) > ANOTHER_TRAINING:
        return None
    return (
        f"{name_of(once[0].strategy)} was trained only once. Trained again, it could score a few points more or less. "
        "A thorough run trains it three times."
    )


def _still_learning(trial: Trial) -> str | None:
    """The caveat where a strategy that was not taken would have gained by more training."""
    looks = [choice for choice in trial.choices if choice.get("dev_loss") is not None]
    if not trial.changes_weights or len(looks) < 2:
        return None
    before, last = (look["dev_loss"] for look in looks[-2:])
    if last < _LEARNED or last > _FALLING * before or trial.settings.get("training_tokens") != looks[-1]["tokens"]:
        return None
    return (
        f"{name_of(trial.strategy)} was still improving when its training ended. A longer preset may raise its score."
    )


def _is_outdated(situation: Situation) -> str | None:
    """The caveat where documents change and the choice does not follow them: it reads none, or gives old facts at least
    as often as new ones."""
    trial, days = situation.choice.trial, situation.priorities.reindex_days
    if days is None or not (probes := trial.probes.get(CHANGED_FACTS)):
        return None
    told = [fact_told(outcome) for outcome in probes]
    new, old = told.count(NEW_FACT), told.count(OLD_FACT)
    if trial.refresh_seconds is not None and new > old:
        return None
    said = (
        f"Your documents change {every_text(days)}, but {in_sentence(trial.strategy)} falls behind: it gives "
        f"{new:,} of {count_text(len(probes), 'changed fact')}."
    )
    if trial.changes_weights and trial.refresh_seconds is None:
        return f"{said} It needs training after every change."
    return said
